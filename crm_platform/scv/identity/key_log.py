"""The log of who bore which key: read as the state before a run, and written as the run's commit.

A run that was killed before its changes stand in the log has not happened: whatever it wrote beside is dropped by the
next. Here: the log of any kind of key (customers, households, organisations). Not here: which key is given (`keys.py`).
"""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from crm_platform.problem import Problem
from crm_platform.scv.identity.keys import CHANGE_SCHEMA, XREF_SCHEMA
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, literal, quoted, relation_name
from crm_platform.warehouse.publish import publish_frame

DAY = "%Y-%m-%d"


class OutOfOrderRun(Problem):
    """A run's as-of time lies before that of a run whose keys are given already."""


@dataclass(frozen=True)
class KeyLog:
    """The table of changes (run_number, a member, a key from, a key to, what its `cause` says, changed_dt), by day."""

    contract: Contract

    @property
    def columns(self) -> dict[str, str]:
        """The table's names of what `keys.py` calls record_id, from_customer_key and to_customer_key."""
        return dict(zip(self.contract.column_names[1:4], CHANGE_SCHEMA, strict=True))


@dataclass(frozen=True)
class KeyState:
    """What the log says: the xref (record_id, customer_key), all changes in their order, the last run."""

    xref: pl.DataFrame
    changes: pl.DataFrame
    last_run: int
    last_dt: datetime | None

    @property
    def number_of_keys(self) -> int:
        """Keys that are borne."""
        return self.xref["customer_key"].n_unique()


def key_state(engine: Engine, log: KeyLog) -> KeyState:
    """The keys as the last run that is in the log left them."""
    engine.refresh_view(log.contract)  # another process may have published it since the view was made
    # The log of customers may be long: names and types are those of `keys.py`.
    names = ", ".join(f"{quoted(name)} AS {alias}" for name, alias in log.columns.items())
    rows = engine.query(
        f"SELECT run_number, {names}, changed_dt FROM {relation_name(log.contract)} ORDER BY run_number, 2"
    ).cast({"record_id": pl.String})
    last = rows.unique("record_id", keep="last", maintain_order=True).filter(pl.col("to_customer_key").is_not_null())
    xref = last.select("record_id", pl.col("to_customer_key").alias("customer_key")).cast(XREF_SCHEMA)  # type: ignore[arg-type]
    number, moment = rows["run_number"].max(), rows["changed_dt"].max()
    return KeyState(
        xref.sort("record_id"),
        rows.select(*CHANGE_SCHEMA).cast(CHANGE_SCHEMA),  # type: ignore[arg-type]
        number if isinstance(number, int) else 0,
        moment if isinstance(moment, datetime) else None,
    )


def refuse_going_back(state: KeyState, as_of: datetime) -> None:
    """Keys are given in the order of time.

    Raises:
        OutOfOrderRun: `as_of` is before the last run's.
    """
    if state.last_dt is not None and as_of < state.last_dt:
        raise OutOfOrderRun(
            f"Keys were given as of {state.last_dt:%Y-%m-%d %H:%M:%S} UTC already; "
            f"a run as of {as_of:%Y-%m-%d %H:%M:%S} would take back what came since. "
            "Run it as of a later time, or in a home of its own."
        )


def commit_changes(engine: Engine, log: KeyLog, state: KeyState, changes: pl.DataFrame, as_of: datetime) -> None:
    """Add a run's changes (record_id, from_customer_key, to_customer_key, cause): the run has happened.

    Nothing is written where nothing has changed.
    """
    if changes.is_empty():
        return
    contract = log.contract
    named = changes.rename({alias: name for name, alias in log.columns.items()}).with_columns(
        run_number=pl.lit(state.last_run + 1, dtype=pl.Int64), changed_dt=pl.lit(as_of, dtype=pl.Datetime("us", "UTC"))
    )
    publish_day(engine, contract, "changed_dt", named, as_of)


def publish_day(engine: Engine, contract: Contract, clock: str, rows: pl.DataFrame, as_of: datetime) -> None:
    """Add rows to the partition of a run's day, in place of those of runs that were never committed."""
    key = f"{as_of:{DAY}}"
    new_runs = rows["run_number"].unique().to_list()
    runs = ", ".join(literal(run) for run in new_runs) or "NULL"
    present = engine.query(
        f"SELECT * FROM {relation_name(contract)} "
        f"WHERE strftime({clock}, '{DAY}') = {literal(key)} AND coalesce(run_number NOT IN ({runs}), TRUE)"
    )
    schema = contract.polars_schema
    typed = rows.select(contract.column_names).cast(schema)  # type: ignore[arg-type]
    whole = pl.concat([present.cast(schema), typed]).sort(contract.key)  # type: ignore[arg-type]
    publish_frame(engine, contract, whole, key)

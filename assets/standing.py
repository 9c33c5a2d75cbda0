"""Steps whose tables stand: what was reported when they were made, told again in place of making the same anew.

Here: keeping a report beside what it was made of, and telling it again. Not here: when tables stand
(`crm_platform/warehouse/basis.py`), nor how they are made (`steps.py`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg

from crm_platform.warehouse.basis import Basis, Surroundings, basis_of, still_holds
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.files import written_durably

LEAVE_STANDING = {"crm/tables": "leave_standing"}
"""The tag of runs that leave tables as they are of which nothing has changed. A table that a person asks for by itself
is made anew."""
MAKE_ANEW = {"crm/tables": "make_anew"}
STANDS_SINCE = "stands_since"
WRITTEN = ("rows_written", "bytes_written", "partitions_written")


@dataclass(frozen=True)
class Report:
    """What is told of a step: its tables with their checks, and checks of tables that other steps make too."""

    tables: Sequence[dg.MaterializeResult[Any]]
    checks: Sequence[dg.AssetCheckResult] = ()


@dataclass(frozen=True)
class KeptReport:
    """The last report of a step, in a file, beside what its tables were made of."""

    file: Path
    around: Surroundings

    def standing(self, engine: Engine, now: datetime) -> Report | None:
        """The report, if the tables that it is of stand at a moment (UTC)."""
        kept = self._kept()
        if kept is None:
            return None
        basis = _basis(kept["basis"])
        if not still_holds(engine, basis, self.around, now):
            return None
        tables = [_stands(each["table"], each["checks"], basis.made_dt) for each in kept["tables"]]
        return Report(tables, [_check(each) for each in kept["checks"]])

    def keep(self, report: Report, engine: Engine, now: datetime) -> None:
        """Keep the report of tables that were made through this engine, as of a moment (UTC)."""
        kept = {
            "basis": asdict(basis_of(engine, self.around, now)),
            "tables": [
                {"table": _table_text(table), "checks": [_check_text(check) for check in table.check_results or ()]}
                for table in report.tables
            ],
            "checks": [_check_text(check) for check in report.checks],
        }
        with written_durably(self.file) as prepared:
            prepared.write_text(json.dumps(kept, default=datetime.isoformat), encoding="utf-8")

    def _kept(self) -> dict[str, Any] | None:
        try:
            kept: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return kept


def _basis(kept: dict[str, Any]) -> Basis:
    moments = {name: datetime.fromisoformat(kept[name]) for name in ("made_dt", "holds_until")}
    return Basis(**{**kept, **moments})


def _stands(table: str, checks: Sequence[str], made_dt: datetime) -> dg.MaterializeResult[Any]:
    told = dg.deserialize_value(table, dg.AssetMaterialization)
    nothing_written = {name: 0 for name in WRITTEN if name in told.metadata}
    return dg.MaterializeResult(
        asset_key=told.asset_key,
        metadata={**told.metadata, **nothing_written, STANDS_SINCE: dg.MetadataValue.timestamp(made_dt)},
        check_results=[_check(check) for check in checks],
    )


def _table_text(table: dg.MaterializeResult[Any]) -> str:
    if table.asset_key is None:
        raise ValueError("a report names the table")
    return dg.serialize_value(dg.AssetMaterialization(table.asset_key, metadata=table.metadata or {}))


def evaluation_of(check: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """The check's result as an event.

    Raises:
        ValueError: it does not name the table or itself.
    """
    if check.asset_key is None or check.check_name is None:
        raise ValueError("a check of a table names the table and itself")
    return dg.AssetCheckEvaluation(
        asset_key=check.asset_key,
        check_name=check.check_name,
        passed=check.passed,
        metadata=check.metadata,
        severity=check.severity,
    )


def _check_text(check: dg.AssetCheckResult) -> str:
    return dg.serialize_value(evaluation_of(check))


def _check(text: str) -> dg.AssetCheckResult:
    told = dg.deserialize_value(text, dg.AssetCheckEvaluation)
    return dg.AssetCheckResult(
        asset_key=told.asset_key,
        check_name=told.check_name,
        passed=told.passed,
        metadata=told.metadata,
        severity=told.severity,
    )

"""Publishing a table that is made anew as a whole: only the partitions whose rows are others than before are replaced.

Here: telling which those are. Not here: how a partition is put in place (`publish.py`), nor tables that grow by what
arrives (`versions.py`).
"""

from collections.abc import Sequence

import polars as pl

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, bound, literal, quoted, relation_name
from crm_platform.warehouse.publish import Publication, Write, publish
from crm_platform.warehouse.steps import temporary_table
from crm_platform.warehouse.versions import partition_expression


def publish_changed(engine: Engine, contract: Contract, rows: str) -> Publication:
    """Publish the rows of a relation, which is named as SQL names it, as the table that is cut by time: partitions of
    the same rows stay as they are, to the byte; those of which no row is left become empty.

    Raises:
        ContractViolation: a partition breaks the contract; none was put in place.
    """
    engine.refresh_view(contract)
    keyed = _with_partition_keys(contract, rows)
    # Clustered by partition, so that telling the partitions apart and writing each reads only its own rows.
    with temporary_table(engine, "made_rows", f"{keyed} ORDER BY partition_key"):
        keys = _differing_keys(engine, contract, f"({_with_partition_keys(contract, relation_name(contract))})")
        return publish(engine, contract, {key: _write(engine, contract, key) for key in keys})


def publish_part(engine: Engine, contract: Contract, rows: str, members: str, column: str) -> Publication:
    """Publish the rows of a relation in place of those that the table, which is cut by time, has of some members, and
    keep all others: partitions in which nothing changed stay as they are.

    rows: of these members alone. members: a relation with the column by which the table names them.

    Raises:
        ContractViolation: a partition breaks the contract; none was put in place.
    """
    is_member = f"{quoted(column)} IN (SELECT {quoted(column)} FROM {members})"
    engine.refresh_view(contract)
    table = f"({_with_partition_keys(contract, relation_name(contract))})"
    with (
        temporary_table(engine, "made_rows", _with_partition_keys(contract, rows)),
        temporary_table(engine, "replaced_rows", f"SELECT * FROM {table} WHERE {is_member}"),
    ):
        keys = _differing_keys(engine, contract, "replaced_rows")
        kept = f"SELECT * FROM {table} WHERE NOT {is_member} UNION ALL BY NAME SELECT * FROM made_rows"
        with temporary_table(engine, "part_rows", f"SELECT * FROM ({kept}) WHERE {_is_among(keys)}"):
            return publish(engine, contract, {key: _write(engine, contract, key, "part_rows") for key in keys})


def _differing_keys(engine: Engine, contract: Contract, rows_before: str) -> list[str]:
    """The partitions of which `made_rows` holds other rows than a relation does."""
    before, after = (_digests(engine, contract, relation) for relation in (rows_before, "made_rows"))
    same = before.join(after, on=["partition_key", "number_of_rows", "digest"], how="semi")
    return sorted({*before["partition_key"], *after["partition_key"]} - {*same["partition_key"]})


def _is_among(keys: Sequence[str]) -> str:
    return f"partition_key IN ({', '.join(literal(key) for key in keys)})" if keys else "FALSE"


def _with_partition_keys(contract: Contract, rows: str) -> str:
    names = ", ".join(quoted(name) for name in contract.column_names)
    return f"SELECT {names}, {partition_expression(contract)} AS partition_key FROM {rows}"


def _digests(engine: Engine, contract: Contract, rows: str) -> pl.DataFrame:
    """partition_key, number_of_rows, digest of a relation's rows, in whatever order they stand."""
    names = ", ".join(quoted(name) for name in contract.column_names)
    return engine.query(
        "SELECT partition_key, count(*) AS number_of_rows, "
        f"CAST(sum(CAST(hash({names}) AS HUGEINT)) AS VARCHAR) AS digest FROM {rows} GROUP BY partition_key"
    )


def _write(engine: Engine, contract: Contract, key: str, rows: str = "made_rows") -> Write:
    names = ", ".join(quoted(name) for name in contract.column_names)
    order = ", ".join(quoted(name) for name in contract.key)
    sql = f"SELECT {names} FROM {rows} WHERE partition_key = $key ORDER BY {order}"
    return lambda path: engine.write_query(bound(sql, {"key": key}), path)

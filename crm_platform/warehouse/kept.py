"""Publishing a table, not cut into partitions, of which most rows stand: those made anew beside those that are kept.

Here: auditing what is new alone, and joining it with what stands. Not here: telling which rows stand (the stages), nor
tables cut by time (`changed.py`).
"""

from pathlib import Path

import pyarrow.parquet as pq

from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, parquet_relation, quoted, relation_name
from crm_platform.warehouse.publish import Publication, write_and_audit


def publish_beside_kept(engine: Engine, contract: Contract, rows: str, is_kept: str) -> Publication:
    """Publish the rows of a query, in the order of the key, beside those of the table for which a condition holds:
    these were audited when they were made, and none of their keys may be among the new ones.

    Where every row is kept and none is new, the file stays as it is.

    Raises:
        ContractViolation: the new rows break the contract; the published table is unchanged.
    """
    engine.refresh_view(contract)
    made, joined = (engine.lake.temporary_file(contract) for _ in range(2))
    try:
        number_made = write_and_audit(
            engine, contract, {None: lambda path: engine.write_query(rows, path)}, {None: made}
        )
        before, kept = _counts(engine, contract, is_kept)
        if not kept:
            engine.lake.replace(contract, made)
        elif kept < before or number_made:
            engine.write_query(_joined(contract, made, is_kept), joined)
            engine.lake.replace(contract, joined)
    finally:
        for path in (made, joined):
            path.unlink(missing_ok=True)
    engine.refresh_view(contract)
    engine.release_memory()
    file = engine.lake.data_file(contract)
    return Publication(contract, pq.read_metadata(file).num_rows, file.stat().st_size)


def _counts(engine: Engine, contract: Contract, is_kept: str) -> tuple[int, int]:
    """The rows that the table has, and those of them that are kept."""
    counts = engine.query(
        f"SELECT count(*) AS rows_before, count(*) FILTER (WHERE {is_kept}) AS rows_kept FROM {relation_name(contract)}"
    )
    rows_before, rows_kept = counts.row(0)
    return rows_before, rows_kept


def _joined(contract: Contract, made: Path, is_kept: str) -> str:
    names, key = (", ".join(map(quoted, columns)) for columns in (contract.column_names, contract.key))
    return (
        f"SELECT {names} FROM {relation_name(contract)} WHERE {is_kept} "
        f"UNION ALL SELECT {names} FROM {parquet_relation([made])} ORDER BY {key}"
    )

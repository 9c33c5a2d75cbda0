"""Write, audit, publish: the one way by which a table of the lake changes.

Rows are written to a temporary file, the contract checks that file, and only then does it replace the table or the
partition. A failed contract publishes nothing: yesterday's table stands.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from crm_platform.problem import Problem
from crm_platform.warehouse.audit import AuditFailure, audit_files
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, Parameter


class ContractViolation(Problem):
    """A table's new content breaks its contract; nothing of it was published."""

    def __init__(self, contract: Contract, failures: tuple[AuditFailure, ...]) -> None:
        self.contract = contract
        self.failures = failures
        listed = "; ".join(str(failure) for failure in failures)
        super().__init__(f"{contract.name} breaks its contract, the published table is unchanged: {listed}")


@dataclass(frozen=True)
class Publication:
    """What was published: the rows and bytes of the files that were replaced, and their partitions' keys."""

    contract: Contract
    number_of_rows: int
    number_of_bytes: int
    partition_keys: tuple[str, ...] = ()


Write = Callable[[Path], None]


def publish(engine: Engine, contract: Contract, writes: Mapping[str | None, Write]) -> Publication:
    """Write each partition (key None: the table) by its function, audit all of them, then put them in place.

    Raises:
        ContractViolation: a file breaks the contract; none of them was put in place.
    """
    prepared = {key: engine.lake.temporary_file(contract, key) for key in writes}
    try:
        number_of_rows = write_and_audit(engine, contract, writes, prepared)
        number_of_bytes = sum(path.stat().st_size for path in prepared.values())
        for key, path in prepared.items():
            engine.lake.replace(contract, path, key)
    finally:
        for path in prepared.values():
            path.unlink(missing_ok=True)
    engine.refresh_view(contract)
    engine.release_memory()
    return Publication(contract, number_of_rows, number_of_bytes, tuple(key for key in writes if key is not None))


def publish_frame(
    engine: Engine, contract: Contract, rows: pl.DataFrame, partition_key: str | None = None
) -> Publication:
    """Publish the rows of a frame as the table, or as one of its partitions."""
    return publish(engine, contract, {partition_key: lambda path: rows.write_parquet(path, compression="zstd")})


def write_parts(contract: Contract, parts: Iterable[pl.DataFrame], path: Path) -> None:
    """Stream frames of a table's rows, one after the other, to a Parquet file: memory follows the largest of them."""
    compatible = pl.CompatLevel.oldest()
    schema = contract.empty().to_arrow(compat_level=compatible).schema
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in parts:
            typed = rows.select(pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items())
            writer.write_table(typed.to_arrow(compat_level=compatible).cast(schema))


def publish_sql_file(
    engine: Engine,
    contract: Contract,
    sql_file: Path,
    parameters: Mapping[str, Parameter] | None = None,
    partition_key: str | None = None,
) -> Publication:
    """Publish the rows of a `.sql` file's query as the table, or as one of its partitions."""
    return publish(engine, contract, {partition_key: lambda path: engine.write_sql_file(sql_file, path, parameters)})


def write_and_audit(
    engine: Engine, contract: Contract, writes: Mapping[str | None, Write], prepared: Mapping[str | None, Path]
) -> int:
    """Write each partition to its prepared file and audit all of them; gives their rows.

    Raises:
        ContractViolation: a file breaks the contract.
    """
    for key, write in writes.items():
        write(prepared[key])
    audit = audit_files(list(prepared.values()), contract, engine)
    if audit.failures:
        raise ContractViolation(contract, audit.failures)
    return audit.number_of_rows

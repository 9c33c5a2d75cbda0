"""Which arriving rows are new, and the partitions that they change: the merge behind every staging table.

A row is known when the version of the same thing just before it, in the order of versions, says the same word for
word; for rows that have no key, when the same row is there. Of versions that say the same the one delivered first
stands, whatever was loaded first. Here: that SQL. Not here: where rows come from.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from crm_platform.warehouse.contract import PARTITION_FORMATS, Contract
from crm_platform.warehouse.engine import Engine, bound, literal, parquet_relation, quoted, relation_name, view_query
from crm_platform.warehouse.publish import Publication, Write, publish
from crm_platform.warehouse.steps import temporary_table

FEW_PARTITIONS = 4
"""So many partitions at most are written by reading the arrivals again for each, which costs less than to sort them."""
LINEAGE = ("file_id", "file_part", "file_line", "content_hash", "file_dt", "loaded_dt")


@dataclass(frozen=True)
class Arrivals:
    """Rows that have arrived, as Parquet files of the table's columns without `LINEAGE` but with `file_number`,
    `file_part` and `file_line`.

    files: a row (file_id, file_number, file_dt, loaded_dt) per file of them. committed: a row (file_id,
    file_number) per file that was taken before. after_interruption: whether a run before was cut short, whose rows
    may lie in any partition.
    """

    parquet_files: Sequence[Path]
    files: pl.DataFrame
    committed: pl.DataFrame
    after_interruption: bool = False


@dataclass(frozen=True)
class VersionOrder:
    """What makes two rows versions of one thing (`natural_key`; empty: the whole row) and orders them: the version
    column where there is one, then the order of the files, then the line."""

    natural_key: Sequence[str]
    version_column: str | None = None
    repeats_are_events: bool = False


@dataclass(frozen=True)
class Merged:
    """What a merge did.

    publication: None when nothing arrived. loaded: a row (file_number, rows_loaded) per file with rows that are new.
    superseded: the place (file_id, file_part, file_line, partition_key) of each row of the table that a file delivered
    earlier has told now, under `told_by`, its file_id. They are still there: `drop_rows` takes them out.
    """

    publication: Publication | None
    loaded: pl.DataFrame
    superseded: pl.DataFrame


_LOADED = {"file_number": pl.Int64(), "rows_loaded": pl.Int64()}
_SUPERSEDED = dict.fromkeys(("file_id", "file_part", "partition_key", "told_by"), pl.String()) | {
    "file_line": pl.Int64()
}


def publish_versions(engine: Engine, contract: Contract, arrivals: Arrivals, order: VersionOrder) -> Merged:
    """Add the arrivals that are new to the table, replacing the partitions that change, whole; the others stay as they
    are, to the byte.

    Running it again with the same arrivals gives the same table: what is there of the very same rows is left out
    first, as are rows of files that were never committed. A row that says again, of a file delivered earlier, what
    the table says already is new in place of it, with the time at which the platform first knew it.
    """
    if not arrivals.parquet_files:
        return Merged(None, pl.DataFrame(schema=_LOADED), pl.DataFrame(schema=_SUPERSEDED))
    with engine.registered(arrival_files=arrivals.files, committed_files=arrivals.committed):
        engine.execute(_arrivals_sql(contract, arrivals, order))
        present = (
            engine.lake.data_files(contract)
            if arrivals.after_interruption
            else _files_with_versions(engine, contract, order)
        )
        superseded = _judge(engine, contract, order, present)
        loaded = engine.query("SELECT file_number, count(*) AS rows_loaded FROM fresh GROUP BY file_number")
        new = _partitions_of(engine, "fresh")
        changed = sorted({*new, *_partitions_with_rows_to_drop(engine, contract, present)})
        with _fresh_rows(engine, contract, arrivals, is_sorted=len(new) > FEW_PARTITIONS):
            publication = publish(engine, contract, {key: _write_partition(engine, contract, key) for key in changed})
        for table in ("arrivals", "fresh"):
            engine.execute(f"DROP TABLE {table}")
    return Merged(publication, loaded, superseded)


def drop_rows(engine: Engine, contract: Contract, places: pl.DataFrame) -> Publication:
    """Take the rows at these places (`file_id`, `file_part`, `file_line`, `partition_key`) out of the table; those that
    are gone already do not matter."""

    def without(path: Path) -> Write:
        place = "file_id, file_part, file_line"
        rows = f"SELECT * FROM ({view_query(contract, [path])}) ANTI JOIN dropped_row USING ({place})"
        return lambda target: engine.write_query(f"{rows} ORDER BY {place}", target)

    paths = {key: engine.lake.data_file(contract, key) for key in sorted(set(places["partition_key"]))}
    with engine.registered(dropped_row=places):
        return publish(engine, contract, {key: without(path) for key, path in paths.items() if path.exists()})


def rows_by_file(engine: Engine, contract: Contract, file_ids: Sequence[str]) -> dict[str, int]:
    """How many rows of the table came from each of these files; of a file without any there is no entry."""
    named = ", ".join(literal(file_id) for file_id in file_ids) or "NULL"
    counts = engine.query(
        f"SELECT file_id, count(*) AS number_of_rows FROM {relation_name(contract)} "
        f"WHERE file_id IN ({named}) GROUP BY file_id"
    )
    return dict(counts.iter_rows())


def partition_expression(contract: Contract) -> str:
    """SQL that gives the key of a row's partition.

    Raises:
        ValueError: the table has no partition by time.
    """
    if contract.partition is None or contract.partition.unit is None:
        raise ValueError(f"{contract.name} is not cut by time.")
    return f"strftime({quoted(contract.partition.column)}, {literal(PARTITION_FORMATS[contract.partition.unit])})"


def _value_columns(contract: Contract) -> list[str]:
    return [name for name in contract.column_names if name not in LINEAGE]


def _arrivals_sql(contract: Contract, arrivals: Arrivals, order: VersionOrder) -> str:
    """`arrivals`: the place, times, key, version, partition and content hash of every row that has arrived."""
    # chr(31) and chr(30) cannot stand in a delivered value by accident: they keep ('a', null) apart from (null, 'a').
    values = ", ".join(f"coalesce(CAST({quoted(name)} AS VARCHAR), chr(30))" for name in _value_columns(contract))
    key = "".join(f"{quoted(name)}, " for name in order.natural_key)
    rows = f"""
        SELECT {key} {_version(order)} AS version_dt, file_number, file_part, file_line, file_dt, loaded_dt,
            {partition_expression(contract)} AS partition_key,
            md5(concat_ws(chr(31), {values})) AS content_hash
        FROM {parquet_relation(arrivals.parquet_files)} JOIN arrival_files USING (file_number)"""
    if order.repeats_are_events:
        # The second of two equal lines of one file is an event of its own; in the next file it is the same second one.
        rows = f"""
        SELECT * REPLACE (md5(concat_ws(chr(31), content_hash, CAST(row_number() OVER (
            PARTITION BY file_number, content_hash ORDER BY file_part, file_line) AS VARCHAR))) AS content_hash)
        FROM ({rows})"""
    return f"CREATE OR REPLACE TEMP TABLE arrivals AS {rows}"


def _version(order: VersionOrder) -> str:
    return quoted(order.version_column) if order.version_column else "CAST(NULL AS TIMESTAMPTZ)"


def _partitions_of(engine: Engine, table: str) -> list[str]:
    return engine.query(f"SELECT DISTINCT partition_key FROM {table}")["partition_key"].to_list()


def _files_with_versions(engine: Engine, contract: Contract, order: VersionOrder) -> list[Path]:
    """The table's files in which other versions of what has arrived can stand.

    Where the partition is part of what names a thing, only the partitions that something has arrived for; otherwise
    (an order whose date was corrected) the version before may lie in any.
    """
    named_by = order.natural_key or _value_columns(contract)
    if contract.partition is None or contract.partition.column not in named_by:
        return engine.lake.data_files(contract)
    touched = _partitions_of(engine, "arrivals")
    return [path for key in touched if (path := engine.lake.data_file(contract, key)).exists()]


def _partitions_with_rows_to_drop(engine: Engine, contract: Contract, present: Sequence[Path]) -> list[str]:
    """The partitions among these files that hold rows of files never committed, or that arrive again themselves."""
    if not present:
        return []
    dropped = engine.query(
        f"SELECT DISTINCT filename FROM {parquet_relation(present, with_file_name=True)} AS present "
        "LEFT JOIN committed_files USING (file_id) "
        "WHERE file_number IS NULL OR (file_number, file_part, file_line) IN "
        "(SELECT (file_number, file_part, file_line) FROM arrivals)"
    )["filename"]
    keys = dict(zip(map(str, engine.lake.data_files(contract)), engine.lake.partition_keys(contract), strict=True))
    return [keys[name] for name in dropped]


def _present_rows(present: Sequence[Path]) -> str:
    # Rows that arrive again under the very file and line (a replay that was cut short) stand for themselves.
    return (
        f"{parquet_relation(present)} JOIN committed_files USING (file_id) "
        "ANTI JOIN arrivals USING (file_number, file_part, file_line)"
    )


_ORDER = "version_dt NULLS FIRST, file_number, file_part, file_line"
_PLACE = ("file_number", "file_part", "file_line")
_TIMES = ("file_dt", "loaded_dt")


def _judge(engine: Engine, contract: Contract, order: VersionOrder, present: Sequence[Path]) -> pl.DataFrame:
    """Make `fresh`: the place, content hash, partition and time of loading of the arrivals that say something new, or
    say it of a file delivered earlier; gives the rows of the table that those supersede (`Merged.superseded`)."""
    key = ", ".join(quoted(name) for name in order.natural_key or ["content_hash"])  # nothing of it is ever null
    names = dict.fromkeys([*order.natural_key, "content_hash", "version_dt", *_PLACE, *_TIMES, "partition_key"])
    columns = ", ".join(quoted(name) for name in names)
    with (
        temporary_table(engine, "earlier", _earlier_sql(contract, order, present, columns, key)),
        temporary_table(engine, "met_again", _met_again_sql(columns, key)),
    ):
        engine.execute(_fresh_sql(key))
        if not engine.scalar(f"SELECT count(*) FROM met_again WHERE {_TOLD_LATE}"):
            return pl.DataFrame(schema=_SUPERSEDED)
        with temporary_table(engine, "told_alike", _told_alike_sql(key)):
            engine.execute(_fresh_sql(key, "SELECT * FROM told_alike WHERE is_arrival AND turn = 1"))
            return engine.query(_SUPERSEDED_ROWS)


def _earlier_sql(contract: Contract, order: VersionOrder, present: Sequence[Path], columns: str, key: str) -> str:
    """The rows of the table of things that something has arrived of."""
    if not present:
        return f"SELECT {columns} FROM arrivals WHERE FALSE"
    told = f"*, {_version(order)} AS version_dt, {partition_expression(contract)} AS partition_key"
    return (
        f"SELECT {columns} FROM (SELECT {told} FROM {_present_rows(present)}) AS told SEMI JOIN arrivals USING ({key})"
    )


def _met_again_sql(columns: str, key: str) -> str:
    """All versions of the things that have more than one, which alone have to be put in order, with what the version
    before each says and when that was delivered."""
    return f"""
        WITH several AS (
            SELECT {key} FROM arrivals GROUP BY {key} HAVING count(*) > 1 UNION ALL SELECT {key} FROM earlier),
        met AS (
            SELECT {columns}, TRUE AS is_arrival FROM arrivals SEMI JOIN several USING ({key})
            UNION ALL SELECT {columns}, FALSE FROM earlier)
        SELECT *, lag(content_hash) OVER versions AS hash_before, lag(file_dt) OVER versions AS dt_before
        FROM met WINDOW versions AS (PARTITION BY {key} ORDER BY {_ORDER})"""


_TOLD_LATE = "content_hash = hash_before AND (file_dt < dt_before OR NOT is_arrival)"
"""Which versions say what the one before them says, though they are not simply known: delivered earlier than that one,
or there before it (which came out of quarantine)."""
_SAYING_NEW = "SELECT * FROM met_again WHERE is_arrival AND content_hash IS DISTINCT FROM hash_before"


def _fresh_sql(key: str, new_versions: str = _SAYING_NEW) -> str:
    columns = f"{', '.join(_PLACE)}, content_hash, partition_key, loaded_dt"
    return f"""
        CREATE OR REPLACE TEMP TABLE fresh AS
        SELECT {columns} FROM arrivals ANTI JOIN met_again USING ({key})
        UNION ALL SELECT {columns} FROM ({new_versions})"""


def _told_alike_sql(key: str) -> str:
    """The versions with the `turn` of each, by delivery, among those beside it that say the same, the `first_teller` of
    them all by its number, and when the platform first knew it as their time of loading."""
    return f"""
        SELECT * REPLACE (min(loaded_dt) OVER (PARTITION BY {key}, said) AS loaded_dt),
            row_number() OVER tellers AS turn, first_value(file_number) OVER tellers AS first_teller
        FROM (
            SELECT *, count_if(content_hash IS DISTINCT FROM hash_before) OVER (
                PARTITION BY {key} ORDER BY {_ORDER} ROWS UNBOUNDED PRECEDING) AS said
            FROM met_again)
        WINDOW tellers AS (PARTITION BY {key}, said ORDER BY file_dt, {", ".join(_PLACE)})"""


_SUPERSEDED_ROWS = """
    WITH file AS (
        SELECT file_number, file_id FROM committed_files UNION SELECT file_number, file_id FROM arrival_files)
    SELECT file.file_id, file_part, partition_key, teller.file_id AS told_by, file_line
    FROM told_alike JOIN file USING (file_number) JOIN file AS teller ON teller.file_number = first_teller
    WHERE NOT is_arrival AND turn > 1"""


@contextmanager
def _fresh_rows(engine: Engine, contract: Contract, arrivals: Arrivals, is_sorted: bool) -> Iterator[None]:
    """Let SQL name the new rows whole as `fresh_rows`; sorted by partition, so that writing one reads only its own."""
    names = ", ".join(quoted(name) for name in contract.column_names)
    rows = f"""
        SELECT {names}, partition_key FROM {parquet_relation(arrivals.parquet_files)}
        JOIN fresh USING (file_number, file_part, file_line)
        JOIN (SELECT file_number, file_id, file_dt FROM arrival_files) USING (file_number)"""
    if not is_sorted:
        with engine.temporary_view("fresh_rows", rows):
            yield
        return
    engine.execute(f"CREATE OR REPLACE TEMP TABLE fresh_rows AS {rows} ORDER BY partition_key")
    yield
    engine.execute("DROP TABLE fresh_rows")


def _write_partition(engine: Engine, contract: Contract, key: str) -> Write:
    names = ", ".join(quoted(name) for name in contract.column_names)
    fresh = f"SELECT {names} FROM fresh_rows WHERE partition_key = $key"
    present = engine.lake.data_file(contract, key)
    if present.exists():
        kept = f"SELECT {names} FROM {_present_rows([present])} "
        fresh = f"{kept} UNION ALL {fresh}"
    # Bound only to name the partition's rows; the order makes equal content equal bytes.
    sql = bound(f"SELECT * FROM ({fresh}) ORDER BY file_id, file_part, file_line", {"key": key})
    return lambda path: engine.write_query(sql, path)

"""The published database `crm.duckdb`: every table of the lake, with its comments, for analysts and BI.

Here: building the file beside its place and swapping it in, so that readers never block a run nor a run a reader;
and a self-contained copy of chosen tables to carry away. Not here: the lake.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from crm_platform.warehouse.contract import Contract, View, contract_of
from crm_platform.warehouse.dictionary import DataDictionary, dictionary_rows
from crm_platform.warehouse.engine import literal, quoted, relation_name, view_query
from crm_platform.warehouse.files import written_durably
from crm_platform.warehouse.lake import Lake


def publish_serving(
    lake: Lake, contracts: Sequence[Contract], views: Sequence[View], destination: Path, note: Path
) -> int:
    """Replace the serving file by views on the lake as it stands, with comments; gives the number of tables.

    note: a file in which it is noted what was published. While the lake consists of the same files, whatever is in
    them, and their descriptions are the same, the serving file stands.
    """
    shown = _shown(lake, contracts, views)
    if not (note.exists() and note.read_text(encoding="utf-8") == _note(shown, destination)):
        _publish(lake, contracts, views, destination, "VIEW")
        with written_durably(note) as prepared:
            prepared.write_text(_note(shown, destination), encoding="utf-8")
    return len(contracts)


def export_copy(lake: Lake, contracts: Iterable[Contract], tables: Sequence[str], destination: Path) -> int:
    """Write a database file that holds the rows of the named tables (`schema.table`) themselves.

    Raises:
        KeyError: no such table.
    """
    by_name = {contract.name: contract for contract in contracts}
    unknown = sorted(set(tables) - set(by_name))
    if unknown:
        raise KeyError(f"There is no table {', '.join(unknown)}; the tables are {', '.join(sorted(by_name))}.")
    return _publish(lake, [by_name[table] for table in tables], [], destination, "TABLE")


def _shown(lake: Lake, contracts: Sequence[Contract], views: Sequence[View]) -> str:
    files = [str(path.absolute()) for contract in contracts for path in lake.data_files(contract)]
    told = [f"{contract} {contract.columns}" for contract in contracts] + [str(view) for view in views]
    return hashlib.sha256("\n".join([duckdb.__version__, *told, *files]).encode()).hexdigest()


def _note(shown: str, destination: Path) -> str:
    """What the serving file shows and which file that is: another one, or none, is not what was published."""
    stat = destination.stat() if destination.exists() else None
    return f"{shown} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns}" if stat else "none"


def _publish(lake: Lake, contracts: Sequence[Contract], views: Sequence[View], destination: Path, kind: str) -> int:
    with written_durably(destination) as prepared, duckdb.connect(str(prepared)) as database:
        database.execute("SET TimeZone = 'UTC'")
        # As one transaction: every comment by itself would be written to disk by itself.
        database.begin()
        for contract in contracts:
            database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(contract.schema)}")
            query = view_query(contract, [path.absolute() for path in lake.data_files(contract)])
            database.execute(f"CREATE {kind} {relation_name(contract)} AS {query}")
            _comment(database, contract, contract, kind, contract.summary)
        for view in views:
            database.execute(f"CREATE VIEW {relation_name(view)} AS {view.sql}")
            _comment(database, view, view.of, "VIEW", view.description)
        _add_dictionary(database, contracts)
        database.commit()
    return len(contracts)


def _comment(
    database: duckdb.DuckDBPyConnection, relation: Contract | View, contract: Contract, kind: str, about: str
) -> None:
    name = relation_name(relation)
    database.execute(f"COMMENT ON {kind} {name} IS {literal(about)}")
    for column in contract.columns:
        database.execute(f"COMMENT ON COLUMN {name}.{quoted(column.name)} IS {literal(column.description)}")


def _add_dictionary(database: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    dictionary = contract_of(DataDictionary)
    rows = dictionary_rows([*contracts, dictionary])
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(dictionary.schema)}")
    database.register("dictionary_rows", rows.to_arrow())
    database.execute(f"CREATE TABLE {relation_name(dictionary)} AS SELECT * FROM dictionary_rows")
    database.unregister("dictionary_rows")
    _comment(database, dictionary, dictionary, "TABLE", dictionary.description)

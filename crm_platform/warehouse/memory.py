"""Giving memory back to the machine."""

import duckdb


def release_memory(connection: duckdb.DuckDBPyConnection, memory_limit: str) -> None:
    """Give back what DuckDB keeps for its next query, hundreds of megabytes after a large one.

    memory_limit: the connection's, as it was opened with. (Asked for again and again, DuckDB's own word on it is
    rounded down each time.)
    """
    # A limit that is set, though to what it was, lets DuckDB's allocators return all that is free in them.
    connection.execute(f"SET memory_limit = '{memory_limit}'").fetchall()

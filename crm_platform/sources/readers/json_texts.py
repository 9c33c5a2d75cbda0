"""Texts out of JSON texts: the values at paths, the keys, the elements of a list, row by row and never failing.

A thin shell over DuckDB's JSON functions, in memory, for texts that stand in a frame. Here: the functions. Not here:
which paths are of interest.
"""

import json
from collections.abc import Sequence

import duckdb
import polars as pl
import pyarrow as pa

PLACE = "place"
ROWS_OF_A_BATCH = 16_384


def json_path(path: str) -> str:
    """A path of keys with dots between them as DuckDB writes it; a number is a place in a list."""
    parts = path.split(".") if path else []
    return "$" + "".join(f"[{part}]" if part.isdigit() else "." + json.dumps(part) for part in parts)


def in_batches(rows: pl.DataFrame) -> pa.Table:
    """Rows as an Arrow table cut into record batches, without which DuckDB reads it with one thread."""
    table = rows.rechunk().to_arrow()
    return pa.Table.from_batches(table.to_batches(max_chunksize=ROWS_OF_A_BATCH), schema=table.schema)


class JsonTexts:
    """A DuckDB connection in memory that reads JSON texts; to be closed, and not to be shared by threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self._connection = connection.cursor() if connection else duckdb.connect()
        self._connection.execute("SET enable_progress_bar = false").fetchall()

    def __enter__(self) -> "JsonTexts":
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def keys(self, texts: pl.Series) -> pl.Series:
        """The keys of each object; empty for any other JSON, null for what is no JSON."""
        return self._each(texts, "TRY(json_keys(line))").cast(pl.List(pl.String))

    def kinds(self, texts: pl.Series) -> pl.Series:
        """`OBJECT`, `ARRAY`, or DuckDB's name of another JSON type; null for what is no JSON."""
        return self._each(texts, "TRY(json_type(line))")

    def at(self, texts: pl.Series, paths: Sequence[str]) -> list[pl.Series]:
        """The value at each path as text (an object or list as JSON), null where there is none; a column per path."""
        wanted = [json_path(path) for path in paths]
        columns = ", ".join(f"found[{number}] AS c{number}" for number in range(1, len(wanted) + 1))
        query = (
            f"SELECT {columns}, place FROM (SELECT TRY(json_extract_string(line, $wanted)) AS found, place FROM given)"
        )
        rows = self._run(texts, query, {"wanted": wanted})
        return [rows[f"c{number}"].cast(pl.String) for number in range(1, len(wanted) + 1)]

    def elements(self, texts: pl.Series) -> pl.DataFrame:
        """The elements of each list in order: columns place (the row of the list), event (the element as JSON)."""
        query = """
            SELECT place, unnest(elements) AS event, generate_subscripts(elements, 1) AS turn
            FROM (SELECT place, CAST(json_extract(line, '$[*]') AS VARCHAR[]) AS elements FROM given)"""
        return self._run(texts, query, None, "place", "turn").select(PLACE, "event")

    def form_objects(self, texts: pl.Series) -> pl.Series:
        """The fields of form bodies (`a=1&b=%7B%7D`) as JSON objects of text; of a field given twice, the first."""
        decoded = "TRY(url_decode(replace({}, '+', ' ')))"
        name, value = decoded.format("split_part(pair, '=', 1)"), decoded.format("substr(pair, instr(pair, '=') + 1)")
        return self._each(
            texts,
            f"""CAST(to_json(map_from_entries(list_transform(list_filter(
                list_transform(string_split(line, '&'), lambda pair: {{'name': {name}, 'value': {value}}}),
                lambda field, turn: field.name IS NOT NULL AND list_position(
                    list_transform(string_split(line, '&'), lambda pair: {name}), field.name) = turn),
                lambda field: (field.name, field.value)))) AS VARCHAR)""",
        )

    def _each(self, texts: pl.Series, expression: str) -> pl.Series:
        return self._run(texts, f"SELECT place, {expression} AS result FROM given", None)["result"]

    def _run(self, texts: pl.Series, query: str, parameters: dict[str, list[str]] | None, *order: str) -> pl.DataFrame:
        given = in_batches(pl.DataFrame({"line": texts, PLACE: pl.int_range(texts.len(), eager=True)}))
        self._connection.register("given", given)
        try:
            rows: pl.DataFrame = self._connection.sql(query, params=parameters).pl()
        finally:
            self._connection.unregister("given")
        order = order or (PLACE,)
        is_in_order = len(order) == 1 and rows[PLACE].is_sorted()
        return rows if is_in_order else rows.sort(*order)

"""Comparing pairs of records: for each pair and field the state that the comparison came out at, as a byte.

Here: the SQL of the comparisons, run by DuckDB on a connection of its own. Not here: the fields (`fields.py`), what the
states weigh (`model.py`).

A state is 0 where a side says nothing; 1 to 48 where both agree, by how rare the value is (in half bits, so that its
weight can be looked up); after that one for each further level.
"""

from collections.abc import Iterator, Sequence

import duckdb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.match.fields import SIMILARITIES, Field, columns_of
from crm_platform.warehouse.memory import release_memory

RARITY_STATES = 48
HALF_BITS = 2.0
GAP_STATES = 3
_GAP_DAYS = 365
States = dict[str, NDArray[np.uint8]]


def number_of_states(field: Field) -> int:
    """How many states a comparison of a field has."""
    return RARITY_STATES + len(field.levels)


def frequency_of_state() -> NDArray[np.float64]:
    """The frequency of the value that each state of agreement stands for, states 1 to 48."""
    result: NDArray[np.float64] = 2.0 ** (-(np.arange(RARITY_STATES) + 1) / HALF_BITS)
    return result


def rarity(count: pl.Expr, total: pl.Expr) -> pl.Expr:
    """A value's rarity as a state: half bits of its frequency, rounded, 1 to 48."""
    half_bits = (-(count / total).log(2) * HALF_BITS).round()
    return half_bits.clip(1, RARITY_STATES).cast(pl.UInt8)


class Comparer:
    """Holds the records of a match and compares pairs of them.

    records: the comparable columns and `rarity_<field>` for each field with a value, row i being record i.
    """

    def __init__(
        self, records: pl.DataFrame, fields: Sequence[Field], memory_limit: str = "1GB", threads: int = 2
    ) -> None:
        self.fields = list(fields)
        self._memory_limit = memory_limit
        self._connection = duckdb.connect(config={"memory_limit": memory_limit, "threads": threads})
        self._connection.execute("SET preserve_insertion_order = true").fetchall()
        wanted = columns_of(fields)
        rarities = [f"rarity_{field.name}" for field in fields if field.value]
        view = records.select(pl.int_range(pl.len(), dtype=pl.Int32).alias("i"), "recorded_days", *wanted, *rarities)
        self._take_in(view)
        self._query = self._sql()

    def _take_in(self, view: pl.DataFrame, rows: int = 200_000) -> None:
        """Copy the records into the engine, part by part: a second copy of all of them would be half the memory."""
        for start in range(0, max(1, view.height), rows):
            self._connection.register("part", view.slice(start, rows).to_arrow())
            into = "CREATE TABLE records AS" if start == 0 else "INSERT INTO records"
            self._connection.execute(f"{into} SELECT * FROM part").fetchall()
            self._connection.unregister("part")

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def release_memory(self) -> None:
        """See `warehouse.memory.release_memory`."""
        release_memory(self._connection, self._memory_limit)

    def compare(self, left: NDArray[np.int32], right: NDArray[np.int32], rows: int = 500_000) -> Iterator[States]:
        """The states of pairs of row numbers, in their order, in batches of `rows`; and `gap`, see `GAP_STATES`."""
        for start in range(0, len(left), rows):
            pairs = pl.DataFrame(
                {"one": left[start : start + rows], "other": right[start : start + rows]}
            ).with_row_index("p")
            self._connection.register("pairs", pairs.to_arrow())
            states = self._connection.sql(self._query).to_arrow_table()
            self._connection.unregister("pairs")
            order = np.asarray(states["p"])
            place = np.empty_like(order)
            place[order] = np.arange(len(order), dtype=order.dtype)
            yield {name: np.asarray(states[name])[place] for name in (*(field.name for field in self.fields), "gap")}

    def _sql(self) -> str:
        cases = ", ".join(f"{_case(field)} AS {field.name}" for field in self.fields)
        gap = (
            "CASE WHEN l.recorded_days IS NULL OR r.recorded_days IS NULL THEN 0 "
            f"WHEN abs(l.recorded_days - r.recorded_days) <= {_GAP_DAYS} THEN 1 ELSE 2 END::UTINYINT"
        )
        columns = columns_of(self.fields)
        likes = "".join(
            f", CASE WHEN l.{c} = r.{c} THEN 1.0 ELSE jaro_winkler_similarity(l.{c}, r.{c}) END AS like_{c}"
            for c in SIMILARITIES
            if c in columns
        )
        return (
            f"SELECT p, {cases}, {gap} AS gap FROM ("
            f"SELECT p, l, r{likes} FROM pairs JOIN records l ON l.i = pairs.one JOIN records r ON r.i = pairs.other)"
        )


def _case(field: Field) -> str:
    agreement = f"l.rarity_{field.name}" if field.value else "1"
    parts = [f"WHEN NOT ({field.known}) THEN 0", f"WHEN {field.levels[0].condition} THEN {agreement}"]
    for place, level in enumerate(field.levels[1:-1], start=1):
        parts.append(f"WHEN {level.condition} THEN {RARITY_STATES + place}")
    return f"(CASE {' '.join(parts)} ELSE {RARITY_STATES + len(field.levels) - 1} END)::UTINYINT"

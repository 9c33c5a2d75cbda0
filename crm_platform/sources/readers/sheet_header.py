"""Finds the header of a sheet that people keep by hand: below titles, on one line or two, with merged headings.

Works on the first rows of a sheet as plain values. Opening workbooks and reading rows stands in `excel.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_platform.sources.readers.batch import unique_names
from crm_platform.sources.readers.csv_dialect import normalised

SEARCHED_ROWS = 50
Row = Sequence[object]
Merge = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class SheetHeader:
    """Column names by place (unique; those without a heading named `column_<place>`), and the row the data begin on.

    first_row: 0-based. matches: how many expected names were found. headed: whether each column has a heading.
    """

    names: list[str]
    first_row: int
    matches: int
    headed: list[bool]


def find_header(
    rows: Sequence[Row], merges: Sequence[Merge], header_rows: int, expected_columns: Sequence[str]
) -> SheetHeader | None:
    """The header with the most expected names among the first rows; without any, the first row of the most headings.

    rows: the first rows of the sheet, of one width. merges: merged ranges as ((row, column), (row, column)), within
    those rows. header_rows: 0 to try one and two. Names take the spelling of the expected column they match but for
    case, spaces and punctuation. None when no row has two headings or more and none is expected.
    """
    filled = _filled(rows, merges)
    wanted = {normalised(name): name for name in expected_columns}
    depths = [header_rows] if header_rows else [1, 2]
    best: tuple[int, int, list[str]] | None = None
    for last in range(min(len(rows), SEARCHED_ROWS)):
        for depth in depths:
            if depth > last + 1:
                continue
            headings = _headings(filled[last - depth + 1 : last + 1], rows[last])
            matches = len(wanted.keys() & {normalised(heading) for heading in headings})
            if matches and (best is None or matches > best[0]):
                best = matches, last, headings
    if best is not None:
        return _header(best[2], best[1], best[0], wanted)
    return None if wanted else _widest(rows, wanted)


def _headings(header: Sequence[Row], last: Row) -> list[str]:
    """Each column's headings from the top down, joined by a space, one repeated by a merge taken once."""
    columns = []
    for place in range(len(last)):
        parts = [_text(row[place]) for row in header]
        columns.append(" ".join(dict.fromkeys(part for part in parts if part)))
    return columns


def _filled(rows: Sequence[Row], merges: Sequence[Merge]) -> list[list[object]]:
    """The rows with the value of each merged range in all its cells."""
    filled = [list(row) for row in rows]
    for (top, left), (bottom, right) in merges:
        if top >= len(filled) or left >= len(filled[top]):
            continue
        value = filled[top][left]
        for row in filled[top : bottom + 1]:
            row[left : right + 1] = [value] * len(row[left : right + 1])
    return filled


def _widest(rows: Sequence[Row], wanted: dict[str, str]) -> SheetHeader | None:
    counts = [sum(isinstance(cell, str) and bool(cell.strip()) for cell in row) for row in rows[:SEARCHED_ROWS]]
    if max(counts, default=0) == 0:
        return None
    place = counts.index(max(counts))
    return _header([_text(cell) for cell in rows[place]], place, 0, wanted)


def _header(headings: list[str], last: int, matches: int, wanted: dict[str, str]) -> SheetHeader:
    spelled = [wanted.get(normalised(heading), heading) if heading else "" for heading in headings]
    return SheetHeader(unique_names(spelled), last + 1, matches, [bool(heading) for heading in headings])


def _text(cell: object) -> str:
    return " ".join(str(cell).split())

"""The dialect of a CSV text, found in its first lines or taken from its declaration, and the row of its column names.

Looks at a sample only. Reading the rows is for `delimited.py`.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from crm_platform.sources.readers.batch import FileForm, RefusedFile, unique_names
from crm_platform.sources.readers.csv_records import Marks

DELIMITERS = (",", ";", "\t", "|", "^", "~", "\x1f")
SAMPLE_RECORDS = 200
PREAMBLE_RECORDS = 50
STRAY_RETURN = re.compile(r"\r(?!\n)")
ESCAPED_QUOTE_IN_FIELD = re.compile(r'\\"(?![,;\t|^~\r\n]|$)')


@dataclass(frozen=True)
class Dialect:
    """A dialect: one character each; quote None: none; escape None: a quote in a field is doubled."""

    delimiter: str
    quote: str | None
    escape: str | None

    @property
    def marks(self) -> Marks:
        """The dialect in bytes."""
        return Marks(
            ord(self.delimiter),
            ord(self.quote) if self.quote else None,
            ord(self.escape) if self.escape else None,
        )


@dataclass(frozen=True)
class Header:
    """The unique column names, and how many records stand before the first row (preamble and header)."""

    names: list[str]
    records_before: int


def find_dialect(sample: str, form: FileForm, expected_columns: Sequence[str], name: str) -> Dialect:
    """The declared dialect, its missing parts found: the delimiter that cuts most records into one number of fields.

    A delimiter under which the expected column names appear wins over any count. Raises RefusedFile: bad_dialect.
    """
    quote = (form.quote or None) if form.quote is not None else _find_quote(sample)
    escape = form.escape if form.escape else _find_escape(sample, quote)
    delimiter = form.delimiter or _find_delimiter(sample, quote, escape, expected_columns)
    for mark in (delimiter, quote, escape):
        if mark is not None and (not mark.isascii() or mark in "\r\n"):
            raise RefusedFile("bad_dialect", f"{name}: {mark!r} cannot be a delimiter or quote: declare an ASCII one")
    return Dialect(delimiter, quote, None if escape == quote else escape)


def find_header(sample: str, dialect: Dialect, form: FileForm, expected_columns: Sequence[str], name: str) -> Header:
    """The column names: declared, or in the header row, which may stand below a preamble.

    The header is the record with the most expected names, else the first that has as many fields as most records have.
    Raises RefusedFile: no_header, when there is no record to take names from.
    """
    records = sample_records(sample, dialect)
    skipped = form.skip_rows or 0
    candidates = records[skipped : skipped + PREAMBLE_RECORDS]
    if not form.header:
        width = _usual_width(records[skipped:])
        return Header(unique_names(form.columns or [None] * width), skipped)
    if not candidates:
        raise RefusedFile("no_header", f"{name} has no line with column names: declare header: false and columns")
    place = 0 if form.skip_rows is not None else _header_place(candidates, records, expected_columns)
    return Header(unique_names(candidates[place]), skipped + place + 1)


def sample_records(sample: str, dialect: Dialect) -> list[list[str]]:
    """The first records of a text, blank lines left out."""
    reader = csv.reader(
        [line + "\n" for line in STRAY_RETURN.sub(" ", sample).split("\n")],
        delimiter=dialect.delimiter,
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        doublequote=True,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    return list(islice((record for record in _lenient(reader) if record), SAMPLE_RECORDS))


def normalised(name: str) -> str:
    """A column name without case, spaces and punctuation, to be compared."""
    return "".join(character for character in name.casefold() if character.isalnum())


def _lenient(reader: Iterator[list[str]]) -> list[list[str]]:
    """The records up to the first that the csv module cannot take (a field over its limit, a stray line end)."""
    records: list[list[str]] = []
    try:
        for record in reader:
            records.append(record)
            if len(records) > 4 * SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    return records


def _find_quote(sample: str) -> str:
    singles = len(re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n]|$)", sample, re.MULTILINE))
    return "'" if singles > 2 and '"' not in sample else '"'


def _find_escape(sample: str, quote: str | None) -> str | None:
    """A backslash, when it stands before quotes within fields and no quote is doubled there."""
    if quote is None or not ESCAPED_QUOTE_IN_FIELD.search(sample.replace(quote, '"')):
        return None
    is_doubled = re.search(rf"[^,;\t|^~\n\\]{quote}{quote}[^,;\t|^~\r\n]", sample)
    return None if is_doubled else "\\"


def _find_delimiter(sample: str, quote: str | None, escape: str | None, expected_columns: Sequence[str]) -> str:
    wanted = {normalised(name) for name in expected_columns}
    scores = [_score(sample_records(sample, Dialect(mark, quote, escape)), wanted) for mark in DELIMITERS]
    best = max(range(len(DELIMITERS)), key=lambda place: (scores[place], -place))
    return DELIMITERS[best]


def _score(records: list[list[str]], wanted: set[str]) -> tuple[int, float]:
    """Expected names found in one record; share of records of the usual width, weighed by that width."""
    if not records:
        return 0, 0.0
    names = max(_matches(record, wanted) for record in records[:PREAMBLE_RECORDS])
    widths = Counter(len(record) for record in records if len(record) > 1)
    if not widths:
        return names, 0.0
    width, count = widths.most_common(1)[0]
    return names, count / len(records) * (1 + min(width, 20) / 100)


def _matches(record: Sequence[str], wanted: set[str]) -> int:
    return len(wanted & {normalised(field) for field in record})


def _usual_width(records: Sequence[Sequence[str]]) -> int:
    """The most common number of fields; lines of one field (titles, notes) count only where there are no others."""
    widths = Counter(len(record) for record in records if len(record) > 1) or Counter(len(record) for record in records)
    return widths.most_common(1)[0][0] if widths else 0


def _header_place(candidates: list[list[str]], records: list[list[str]], expected_columns: Sequence[str]) -> int:
    wanted = {normalised(name) for name in expected_columns}
    matches = [_matches(record, wanted) for record in candidates]
    if max(matches) > 0:
        return matches.index(max(matches))
    width = _usual_width(records)
    return next((place for place, record in enumerate(candidates) if len(record) == width), 0)

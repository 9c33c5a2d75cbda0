"""The registry of forms: which reader opens a file of which kind.

A new form is a module with an opener and one line here. The database is no form of a file: `database.py` extracts a
table to a Parquet file, which is then read as one; so the kind `database` is read by the Parquet reader.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl

from crm_platform.sources.readers.access_log import open_access_log
from crm_platform.sources.readers.archive import Content, contents
from crm_platform.sources.readers.batch import (
    MEMBER,
    FileForm,
    Kind,
    RawBatch,
    ReadFile,
    ReadLimits,
)
from crm_platform.sources.readers.content import FileContent
from crm_platform.sources.readers.delimited import open_csv
from crm_platform.sources.readers.excel import open_excel
from crm_platform.sources.readers.json_lines import open_json_lines
from crm_platform.sources.readers.mail import open_mail
from crm_platform.sources.readers.opening import Opener, Request
from crm_platform.sources.readers.parquet import open_parquet
from crm_platform.sources.readers.provider_events import open_provider_events

KINDS: dict[Kind, str] = {
    "csv": "Delimited text of any dialect; every column text.",
    "json_lines": "One JSON object a line, or one array of objects; nested keys joined by dots, every column text.",
    "parquet": "Apache Parquet; columns keep their types, nested ones are joined by dots.",
    "excel": "Sheets of xlsx, xls or ods with their header anywhere; every column text.",
    "access_log": "Web server logs: NCSA common, combined, vhost_combined, CloudFront, ALB, JSON lines.",
    "database": "A table extracted by `database.extract_table`, read as Parquet.",
    "mail": "Mails: an mbox, or one mail a file (.eml, Maildir); line ends LF, CRLF or CR.",
    "provider_events": "Events of e-mail service providers: JSON Lines, arrays, form bodies, in envelopes or not.",
}
"""What each kind reads."""


READERS: dict[Kind, Opener] = {
    "csv": open_csv,
    "json_lines": open_json_lines,
    "access_log": open_access_log,
    "excel": open_excel,
    "parquet": open_parquet,
    "database": open_parquet,
    "mail": open_mail,
    "provider_events": open_provider_events,
}
"""The opener of each kind."""


_KINDS_OF_NAMES: dict[str, Kind] = {
    ".parquet": "parquet", ".pq": "parquet", ".xlsx": "excel", ".xls": "excel", ".ods": "excel", ".jsonl": "json_lines",
    ".ndjson": "json_lines", ".json": "json_lines",
}  # fmt: skip


def kind_of_table(path: Path) -> Kind:
    """What a table is by its file's name, packed or not, where nobody declares it: delimited text if nothing else."""
    unpacked = path.name.removesuffix(".gz").removesuffix(".zip")
    return _KINDS_OF_NAMES.get(Path(unpacked).suffix.lower(), "csv")


def read_file(
    path: Path,
    form: FileForm,
    workspace: Path,
    limits: ReadLimits,
    expected_columns: Sequence[str],
    identified: FileContent | None = None,
) -> ReadFile:
    """Open a delivered file, packed or not, by its declared form; use it as a context manager.

    workspace: a folder for copies, used for packed Parquet and Excel only, emptied again. expected_columns: the source
    columns the mapping mentions, by which a header is found below a preamble. A zip of several files is read as
    one, in order, with a column `member` saying which, of the rejects as well; `source_line` then counts within the
    member. identified: what `identify` told of the file, so that it is not surveyed a second time.
    Raises RefusedFile, here or while batches are read.
    """
    requests = [
        Request(content, form, workspace, limits, expected_columns) for content in contents(path, limits, identified)
    ]
    opener = READERS[form.kind]
    if len(requests) == 1:
        return opener(requests[0])
    with ExitStack() as stack:
        files = [stack.enter_context(opener(request)) for request in requests]
        return _joined([request.content for request in requests], files, stack.pop_all())


def _joined(members: Sequence[Content], files: Sequence[ReadFile], resources: ExitStack) -> ReadFile:
    """The members of a zip as one file; what differs between them is None."""
    columns = {column.name: column for file in files for column in file.columns}
    encodings, delimiters = {file.encoding for file in files}, {file.delimiter for file in files}
    return ReadFile(
        columns=list(columns.values()),
        read=lambda: _chained(members, files),
        encoding=encodings.pop() if len(encodings) == 1 else None,
        delimiter=delimiters.pop() if len(delimiters) == 1 else None,
        content_lines=sum(file.content_lines or 0 for file in files),
        resources=resources,
    )


def _chained(members: Sequence[Content], files: Sequence[ReadFile]) -> Iterator[RawBatch]:
    for content, file in zip(members, files, strict=True):
        for batch in file.batches():
            member = pl.lit(content.member)
            within = [pl.col(MEMBER)] if MEMBER in batch.rows.columns else []
            part = pl.concat_str([member, *within], separator=", ", ignore_nulls=True).alias(MEMBER)
            yield RawBatch(batch.rows.with_columns(part), batch.rejects.with_columns(member.alias(MEMBER)))

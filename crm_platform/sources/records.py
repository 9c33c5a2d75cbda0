"""What the ingest writes about itself: the file ledger, quarantined rows, rule counts and schema drift.

Here: the contracts of those tables. Each is cut by feed: one load of a feed replaces that feed's part, whole.
"""

import pandera.polars as pa

from crm_platform.sources.feeds.fields import code
from crm_platform.warehouse.contract import TableModel, Timestamp

FILE_STATUSES = ("loaded", "refused")
DRIFT_KINDS = ("column_gone", "column_new", "column_type_changed")


class FileLedger(TableModel):
    """Every file that was ever taken in, known by its content: what came of its rows.

    Received = loaded + quarantined + known holds for each.
    """

    feed_name: str = pa.Field(description="Feed as <source>.<feed>.")
    file_id: str = pa.Field(description="SHA-256 of the file's bytes.")
    file_number: int = pa.Field(
        ge=1, description="Place of the file in the order in which the feed's files were taken."
    )
    file_name: str = pa.Field(description="Path below the landing folder under which the file first came.")
    file_size: int = pa.Field(ge=0, description="Bytes of the file as it came.")
    file_form: str = pa.Field(description="Form of the file: csv, json_lines, parquet, excel, access_log, database.")
    encoding: str = pa.Field(nullable=True, description="Character encoding the file was read in, where it is text.")
    status: str = code("loaded, or refused as a whole.", FILE_STATUSES, nullable=False)
    refusal_reason: str = pa.Field(nullable=True, description="Why the whole file was refused, as a code.")
    refusal_message: str = pa.Field(nullable=True, description="Why the whole file was refused and what to do.")
    rows_received: int = pa.Field(ge=0, description="Rows that the file holds.")
    rows_loaded: int = pa.Field(ge=0, description="Rows that became rows of the staging table.")
    rows_quarantined: int = pa.Field(ge=0, description="Rows in quarantine.")
    rows_known: int = pa.Field(ge=0, description="Rows that the platform already had, word for word.")
    deliveries: str = pa.Field(description="Every delivery of this content as a JSON array of name@time.")
    columns_read: str = pa.Field(description="The file's columns and their types as a JSON object, for drift.")
    cursor_until: str = pa.Field(nullable=True, description="Database extracts: the cursor's last value, as JSON.")
    file_dt: Timestamp = pa.Field(description="When the outer system delivered the file (UTC).")
    loaded_dt: Timestamp = pa.Field(description="When the platform took the file in (UTC).")

    class Config(TableModel.Config):
        name = "sources.file_ledger"
        unique = ["feed_name", "file_id"]
        metadata = {"grain": "one row per content of a file and feed", "partition": ("feed_name", None)}


class QuarantinedRows(TableModel):
    """Rows that could not be loaded: where they stand and why. The rows themselves lie in the quarantine folder."""

    feed_name: str = pa.Field(description="Feed as <source>.<feed>.")
    file_id: str = pa.Field(description="SHA-256 of the file's bytes.")
    file_part: str = pa.Field(description="Sheet of a workbook, member of an archive; empty where a file has one part.")
    file_line: int = pa.Field(ge=0, description="Line of the file, row of the sheet or number of the record, from 1.")
    reason: str = pa.Field(
        description="The broken rules as rule:column, separated by blanks; or why it was unreadable."
    )
    quarantined_dt: Timestamp = pa.Field(description="When the row was put aside (UTC).")

    class Config(TableModel.Config):
        name = "sources.quarantined_rows"
        unique = ["feed_name", "file_id", "file_part", "file_line"]
        metadata = {"grain": "one row per row in quarantine", "partition": ("feed_name", None)}


class ValidationResults(TableModel):
    """How often each rule was broken in each file."""

    feed_name: str = pa.Field(description="Feed as <source>.<feed>.")
    file_id: str = pa.Field(description="SHA-256 of the file's bytes.")
    rule: str = pa.Field(description="Name of the rule.")
    column_name: str = pa.Field(description="Column that the rule speaks of; empty for the whole row.")
    severity: str = code(
        "error: the row is in quarantine; warning: it is loaded.", ("error", "warning"), nullable=False
    )
    number_of_rows: int = pa.Field(ge=1, description="Rows that break the rule.")
    first_lines: str = pa.Field(description="The first few lines that break it, separated by blanks.")

    class Config(TableModel.Config):
        name = "sources.validation_results"
        unique = ["feed_name", "file_id", "rule", "column_name"]
        metadata = {"grain": "one row per file, rule and column with a violation", "partition": ("feed_name", None)}


class SchemaDrift(TableModel):
    """Where a file's columns differ from those of the feed's file before it, or from the mapping."""

    feed_name: str = pa.Field(description="Feed as <source>.<feed>.")
    file_id: str = pa.Field(description="SHA-256 of the file's bytes.")
    column_name: str = pa.Field(description="The source's column.")
    kind: str = code("column_gone, column_new or column_type_changed.", DRIFT_KINDS, nullable=False)
    type_before: str = pa.Field(nullable=True, description="Type in the file before.")
    type_now: str = pa.Field(nullable=True, description="Type in this file.")
    is_mapped: bool = pa.Field(description="Whether a canonical column is made from it.")

    class Config(TableModel.Config):
        name = "sources.schema_drift"
        unique = ["feed_name", "file_id", "column_name"]
        metadata = {"grain": "one row per file and changed column", "partition": ("feed_name", None)}

"""Keyed digests of many texts at once: HMAC-SHA256 (RFC 2104), worked out by the engine with every core.

Here: the function. Not here: what is signed with them (`campaign/tracking`).
"""

import hashlib

import duckdb
import polars as pl
import pyarrow as pa

from crm_platform.warehouse.digest import ROWS_OF_A_BATCH

_BLOCK_BYTES = hashlib.sha256().block_size
_QUERY = "SELECT place, sha256($outer || unhex(sha256($inner || unhex(message)))) AS digest FROM given"


def keyed_digests(key: bytes, messages: pl.Series) -> pl.Series:
    """The HMAC-SHA256 of each message, null for null; messages and digests are written in hexadecimal."""
    rows = pl.DataFrame({"message": messages.rechunk(), "place": pl.int_range(messages.len(), eager=True)})
    table = rows.to_arrow()
    given = pa.Table.from_batches(table.to_batches(max_chunksize=ROWS_OF_A_BATCH), schema=table.schema)
    short_key = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    padded = short_key.ljust(_BLOCK_BYTES, b"\0")
    parameters = {
        "inner": bytes(byte ^ 0x36 for byte in padded),
        "outer": bytes(byte ^ 0x5C for byte in padded),
    }
    with duckdb.connect() as connection:
        connection.register("given", given)
        found: pl.DataFrame = connection.sql(_QUERY, params=parameters).pl()
    return (found if found["place"].is_sorted() else found.sort("place"))["digest"].cast(pl.String)

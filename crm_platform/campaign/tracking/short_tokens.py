"""Tokens of short identifiers, read many at a time: what `signatures.Keyring.read` does, on columns.

Nearly every token is one: an identifier of at most 32 bytes is encrypted with one block of the key stream. Here: that
way of reading. Not here: how a token is made, and which of the two ways reads it (`signatures.py`).
"""

from collections.abc import Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from crm_platform.warehouse.keyed_digest import keyed_digests

SHORT_TOKEN = r"^([a-z0-9]{1,16})\.((?:[0-9a-f]{2}){1,32})\.([0-9a-f]{24})$"
_PARTS = ("key_id", "body", "tag")
_TAG_DIGITS = 24
_FIRST_BLOCK = "00"


def read_short_tokens(tokens: pl.Series, purpose: str, keys: Mapping[str, bytes]) -> pl.Series:
    """The identifiers of tokens that SHORT_TOKEN describes, null where none of the keys has signed it for this
    purpose."""
    parts = tokens.str.extract_groups(SHORT_TOKEN).struct.rename_fields(list(_PARTS)).struct.unnest()
    found = pl.Series([None], dtype=pl.String).new_from_index(0, tokens.len())
    for key_id, key in keys.items():
        is_of_key = parts["key_id"] == key_id
        if is_of_key.any():
            content = _decrypted(parts.filter(is_of_key), key)
            tags = keyed_digests(key, _joined(_digits(f"{purpose}\0"), content)).str.slice(0, _TAG_DIGITS)
            is_ours = tags == parts.filter(is_of_key)["tag"]
            read = pl.select(pl.when(is_ours).then(content)).to_series().str.decode("hex").cast(pl.String)
            found = found.scatter(is_of_key.arg_true(), read)
    return found


def _decrypted(parts: pl.DataFrame, key: bytes) -> pl.Series:
    """The bodies under their key streams, in hexadecimal."""
    streams = keyed_digests(key, _joined(_digits("stream\0"), parts["tag"], _FIRST_BLOCK))
    lengths = parts["body"].str.len_bytes().cast(pl.Int64)
    cut = parts.select(pl.lit(streams).str.slice(0, lengths)).to_series()
    mixed = (_bytes_of(parts["body"]) ^ _bytes_of(cut)).tobytes().hex().encode()
    offsets = np.concatenate(([0], lengths.cum_sum().to_numpy())).astype(np.int64)
    texts = pa.LargeStringArray.from_buffers(parts.height, pa.py_buffer(offsets), pa.py_buffer(mixed))
    return pl.Series(pl.from_arrow(texts))


def _bytes_of(texts: pl.Series) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """The bytes that texts in hexadecimal stand for, one text after the other."""
    return np.frombuffer(bytes.fromhex(texts.str.join("").item()), np.uint8)


def _joined(*pieces: pl.Series | str) -> pl.Series:
    texts = [pl.lit(piece) for piece in pieces]
    return pl.select(pl.concat_str(texts)).to_series()


def _digits(text: str) -> str:
    return text.encode().hex()

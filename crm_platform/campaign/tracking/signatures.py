"""Opaque signed identifiers for the links and pictures of a mail: a log tells nothing, and nobody can forge one.

A token is `<key id>.<identifier, encrypted, hexadecimal>.<tag, 24 digits>`. The tag is the HMAC-SHA256 of
purpose and identifier, cut to 96 bits, and also what the encryption starts from (the synthetic initialisation vector of
RFC 5297), so that equal identifiers give equal tokens and nothing else is told. Here: signing, reading, and the keyed
hash of network addresses. Not here: where keys come from (the command line and the composition root hand them in).
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import polars as pl

from crm_platform.campaign.tracking.short_tokens import SHORT_TOKEN, read_short_tokens
from crm_platform.problem import Problem

if TYPE_CHECKING:
    from hashlib import _Hash

Purpose = Literal["member", "campaign", "link"]

_KEY_ID = re.compile(r"^[a-z0-9]{1,16}$")
_TOKEN = re.compile(r"([a-z0-9]{1,16})\.([0-9a-f]{2,500})\.([0-9a-f]{24})")
_TAG_BYTES = 12
_DIGEST_BYTES = 32
_FEWEST_KEY_BYTES = 16
_ADDRESS_HASH_DIGITS = 24
_MANY = 1_000
"""From so many tokens on it pays to read them as columns: 100,000 take 0.2 s, and 0.65 s one by one."""


class KeyringError(Problem):
    """The tracking keys cannot be used; the message says why, without a key in it."""


@dataclass(frozen=True)
class Keyring:
    """The keys by their identifier, the first is the one that signs; the others are still read (rotation).

    Raises:
        KeyringError: there is no key, a key is short, or an identifier is not of small letters and digits.
    """

    keys: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if not self.keys:
            raise KeyringError("There is no tracking key.")
        for identifier, key in self.keys.items():
            if not _KEY_ID.match(identifier):
                raise KeyringError(f"{identifier!r} is no identifier of a tracking key: use small letters and digits.")
            if len(key) < _FEWEST_KEY_BYTES:
                raise KeyringError(f"The tracking key {identifier!r} has fewer than {_FEWEST_KEY_BYTES} bytes.")

    @property
    def signing_id(self) -> str:
        """The identifier of the key that signs."""
        return next(iter(self.keys))

    def sign(self, purpose: Purpose, identifier: str) -> str:
        """The token of an identifier, of at most 250 bytes."""
        key = self.keys[self.signing_id]
        content = identifier.encode()
        tag = _tag(key, purpose, content)
        return f"{self.signing_id}.{_crypt(key, tag, content).hex()}.{tag.hex()}"

    def read(self, purpose: Purpose, token: str) -> str | None:
        """The identifier of a token; None where it was not signed by one of the keys for this purpose."""
        parts = _TOKEN.fullmatch(token)
        key = self.keys.get(parts[1]) if parts else None
        if parts is None or key is None or len(parts[2]) % 2:
            return None
        tag = bytes.fromhex(parts[3])
        content = _crypt(key, tag, bytes.fromhex(parts[2]))
        if not hmac.compare_digest(_tag(key, purpose, content), tag):
            return None
        return content.decode()

    def hash_address(self, address: str) -> str:
        """A network address as it may be kept: the same for the same address, and not to be undone without the key."""
        digest = _mac(self.keys[self.signing_id], b"address\0" + address.encode())
        return digest.hex()[:_ADDRESS_HASH_DIGITS]


def read_keys(text: str) -> Keyring:
    """The keys of a text `id:key` with commas or line ends between them; the first is the one that signs.

    Raises:
        KeyringError: the text is written otherwise, or a key cannot be used.
    """
    keys: dict[str, bytes] = {}
    for entry in re.split(r"[,\s]+", text.strip()):
        identifier, colon, key = entry.partition(":")
        if not colon or identifier in keys:
            raise KeyringError("Tracking keys are written id:key, with commas between them, each id once.")
        keys[identifier] = key.encode()
    return Keyring(keys)


def read_tokens(tokens: pl.Series, purpose: Purpose, keyring: Keyring) -> pl.Series:
    """The identifiers of tokens, null where there is none or it is not ours; each distinct token is read once."""
    distinct = tokens.cast(pl.String).unique().drop_nulls()
    if distinct.len() < _MANY:
        return _mapped(tokens, distinct, _read_singly(distinct, purpose, keyring))
    is_short = distinct.str.contains(SHORT_TOKEN)
    short, others = distinct.filter(is_short), distinct.filter(~is_short)
    read = [read_short_tokens(short, purpose, keyring.keys), _read_singly(others, purpose, keyring)]
    return _mapped(tokens, pl.concat([short, others]), pl.concat(read))


def _read_singly(tokens: pl.Series, purpose: Purpose, keyring: Keyring) -> pl.Series:
    return pl.Series([keyring.read(purpose, token) for token in tokens], dtype=pl.String)


def hash_addresses(addresses: pl.Series, keyring: Keyring) -> pl.Series:
    """The keyed hashes of network addresses; each distinct address is hashed once."""
    distinct = addresses.unique().drop_nulls()
    hashes = pl.Series([keyring.hash_address(address) for address in distinct], dtype=pl.String)
    return _mapped(addresses, distinct, hashes)


def _mapped(values: pl.Series, distinct: pl.Series, results: pl.Series) -> pl.Series:
    pairs = pl.DataFrame({"value": distinct, "result": results}, schema={"value": pl.String, "result": pl.String})
    found = values.cast(pl.String).to_frame("value").join(pairs, on="value", how="left", maintain_order="left")
    return found["result"]


def _tag(key: bytes, purpose: str, content: bytes) -> bytes:
    return _mac(key, purpose.encode() + b"\0" + content)[:_TAG_BYTES]


def _mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104). `hmac.digest` begins with the key anew each time, which takes it 2.6 times as long."""
    begun = _begun(key)
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=64)
def _begun(key: bytes) -> tuple["_Hash", "_Hash"]:
    """The inner and the outer hash once they have taken in the key."""
    block = hashlib.sha256().block_size
    padded = (hashlib.sha256(key).digest() if len(key) > block else key).ljust(block, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)), hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))


def _crypt(key: bytes, tag: bytes, content: bytes) -> bytes:
    """The content under a key stream that depends on the tag; done twice it is as before."""
    blocks = -(-len(content) // _DIGEST_BYTES)
    stream = b"".join([_mac(key, b"stream\0" + tag + bytes([number])) for number in range(blocks)])
    mixed = int.from_bytes(content, "big") ^ int.from_bytes(stream[: len(content)], "big")
    return mixed.to_bytes(len(content), "big")

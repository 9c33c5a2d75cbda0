"""Opaque identifiers for the links of a mail: whoever reads a log learns nobody's number, and nobody can forge an open.

The form is `<base32 of the identifier, without padding>.<first 16 hexadecimal digits of its HMAC-SHA256>`. How to sign
belongs here; which identifiers are signed does not.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import polars as pl

# The demo's own key: the platform reads its key from the environment, which for the demo is set to this.
DEMO_KEY = b"demo company ivory"


def sign(identifier: str, key: bytes = DEMO_KEY) -> str:
    """The opaque form of an identifier."""
    content = identifier.encode()
    name = base64.b32encode(content).decode().rstrip("=").lower()
    return f"{name}.{hmac.digest(key, content, hashlib.sha256).hex()[:16]}"


def sign_all(identifiers: pl.Series) -> pl.DataFrame:
    """Each distinct identifier with its opaque form: columns identifier, token."""
    distinct = identifiers.unique(maintain_order=True).drop_nulls()
    return pl.DataFrame(
        {"identifier": distinct, "token": pl.Series([sign(each) for each in distinct], dtype=pl.String)}
    )

"""The demo company's signed identifiers, in the platform's own form (`crm_platform/campaign/tracking/signatures.py`).

The demo's key and signing with it belong here; which identifiers are signed does not.
"""

from __future__ import annotations

import polars as pl

from crm_platform.campaign.tracking.signatures import Keyring, Purpose, read_keys

# No secret: whoever has the demo has the key. `crm demo` lays it down in its home, where the platform finds it.
DEMO_KEYS = "demo:the-demo-company-ivory-and-nobody-else"
KEYRING = read_keys(DEMO_KEYS)


def sign(identifier: str, purpose: Purpose = "member", keyring: Keyring = KEYRING) -> str:
    """The opaque form of an identifier."""
    return keyring.sign(purpose, identifier)


def sign_all(identifiers: pl.Series, purpose: Purpose = "member") -> pl.DataFrame:
    """Each distinct identifier with its opaque form: columns identifier, token."""
    distinct = identifiers.unique(maintain_order=True).drop_nulls()
    return pl.DataFrame(
        {"identifier": distinct, "token": pl.Series([sign(each, purpose) for each in distinct], dtype=pl.String)}
    )

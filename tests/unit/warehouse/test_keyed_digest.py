"""Keyed digests of columns are those of the standard library."""

import hashlib
import hmac

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.warehouse.digest import ROWS_OF_A_BATCH
from crm_platform.warehouse.keyed_digest import keyed_digests


@given(st.binary(min_size=1, max_size=100), st.lists(st.none() | st.binary(max_size=150), max_size=6))
def test_a_digest_is_the_hmac_of_the_message(key: bytes, messages: list[bytes | None]) -> None:
    expected = [None if each is None else hmac.new(key, each, hashlib.sha256).hexdigest() for each in messages]
    given_messages = pl.Series([None if each is None else each.hex() for each in messages], dtype=pl.String)
    assert keyed_digests(key, given_messages).to_list() == expected


def test_many_digests_come_in_the_order_of_the_messages() -> None:
    numbers = range(2 * ROWS_OF_A_BATCH + 7)
    messages = [number.to_bytes(4, "big") for number in numbers]
    found = keyed_digests(b"key", pl.Series([each.hex() for each in messages]))
    assert found.to_list() == [hmac.digest(b"key", each, "sha256").hex() for each in messages]

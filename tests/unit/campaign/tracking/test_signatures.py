"""Opaque identifiers: they come back, tell nothing, and cannot be made or changed without a key."""

import hmac

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.tracking.signatures import Keyring, KeyringError, hash_addresses, read_keys, read_tokens

KEYS = Keyring({"k2": b"the key of this year 2026", "k1": b"the key of last year 2025"})
IDENTIFIERS = st.text(min_size=1, max_size=60).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)


@given(IDENTIFIERS)
def test_an_identifier_comes_back_for_its_own_purpose_only(identifier: str) -> None:
    token = KEYS.sign("member", identifier)
    assert KEYS.read("member", token) == identifier
    assert KEYS.read("campaign", token) is None


@given(st.from_regex(r"[A-Z][0-9]{3}-[0-9]{1,7}", fullmatch=True), st.data())
def test_a_changed_token_counts_for_nothing(identifier: str, data: st.DataObject) -> None:
    token = KEYS.sign("member", identifier)
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from("abcdef0123456789.xyz"))
    changed = token[:place] + character + token[place + 1 :]
    assert KEYS.read("member", changed) == (identifier if changed == token else None)


def test_a_token_says_nothing_of_what_it_stands_for_and_equal_ones_are_equal() -> None:
    tokens = [KEYS.sign("member", f"M001-{number}") for number in range(50)]
    assert len({token.split(".")[1][:3] for token in tokens}) > 20
    assert tokens[7] == KEYS.sign("member", "M001-7")


def test_keys_are_rotated_by_putting_the_new_one_first() -> None:
    old = Keyring({"k1": KEYS.keys["k1"]})
    assert KEYS.read("link", old.sign("link", "CP001/offer")) == "CP001/offer"
    assert KEYS.sign("link", "CP001/offer").startswith("k2.")
    assert old.read("link", KEYS.sign("link", "CP001/offer")) is None


@given(st.text(max_size=80))
def test_no_text_makes_reading_fail(text: str) -> None:
    assert KEYS.read("member", text) is None


@given(st.binary(min_size=16, max_size=150), st.text(max_size=200))
def test_the_keyed_hash_is_that_of_the_standard_library(key: bytes, address: str) -> None:
    message = b"address\0" + address.encode("utf-8", "ignore")
    hashed = Keyring({"k": key}).hash_address(message[8:].decode())
    assert hashed == hmac.digest(key, message, "sha256").hex()[:24]


def test_columns_are_read_value_by_value() -> None:
    token = KEYS.sign("member", "M1-1")
    tokens = pl.Series([token, None, "forged", token])
    assert read_tokens(tokens, "member", KEYS).to_list() == ["M1-1", None, None, "M1-1"]
    hashes = hash_addresses(pl.Series(["192.0.2.1", None, "192.0.2.2", "192.0.2.1"]), KEYS)
    assert hashes[0] == hashes[3] != hashes[2]
    assert hashes[1] is None
    assert read_tokens(pl.Series([None], dtype=pl.String), "member", KEYS).to_list() == [None]


@pytest.mark.parametrize(
    "text", ["", "k1", "k1:short", "K!:long enough to be a key", "a:long enough to be,a:long enough 2"]
)
def test_keys_that_cannot_be_used_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(KeyringError) as refused:
        read_keys(text)
    assert "long enough" not in str(refused.value)


def test_keys_stand_in_a_text_the_signing_one_first() -> None:
    keyring = read_keys("new:0123456789abcdef,old:fedcba9876543210\n")
    assert keyring.signing_id == "new"
    assert set(keyring.keys) == {"new", "old"}


TOKENS = st.one_of(
    IDENTIFIERS.map(lambda identifier: KEYS.sign("member", identifier)),
    st.text("abcdef0123456789.k", max_size=90),
    st.builds(lambda body, tag: f"k1.{body}.{tag}", st.text("0123456789abcdef", max_size=70), st.just("0" * 24)),
    st.sampled_from(["", KEYS.sign("campaign", "C1"), "k9.aa." + "0" * 24, "k2.aa." + "0" * 24 + "\n"]),
)


ENOUGH = [KEYS.sign("member", f"M{number}") for number in range(1_200)]


@given(st.lists(st.none() | TOKENS, max_size=12))
def test_many_tokens_say_what_each_says_alone(tokens: list[str | None]) -> None:
    alone = [None if token is None else KEYS.read("member", token) for token in tokens]
    read = read_tokens(pl.Series([*tokens, *ENOUGH], dtype=pl.String), "member", KEYS)
    assert read.to_list() == [*alone, *(f"M{number}" for number in range(1_200))]

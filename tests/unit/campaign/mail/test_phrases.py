"""Phrases of many owners: what stands in a text is found in one pass, as if each were looked for alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.mail.phrases import PhraseBook

GROUPS = {"mailbox": ["user", "mailbox", "mail"], "unknown": ["unknown", "not found", "不存在"]}
WORDS = st.lists(st.text("ab ", min_size=1, max_size=6).filter(lambda word: word == word.strip()), max_size=8)


def says(phrase: str, text: str) -> bool:
    return PhraseBook([[phrase]], GROUPS).owners_in(text) == {0}


@given(WORDS, st.text("ab .", max_size=40))
def test_plain_phrases_are_found_as_if_each_were_looked_for_alone(words: list[str], text: str) -> None:
    alone = {owner for owner, word in enumerate(words) if re.search(rf"(?<![a-z]){re.escape(word)}", text)}
    assert PhraseBook([[word] for word in words], {}).owners_in(text) == alone


@pytest.mark.parametrize(
    ("phrase", "text", "is_said"),
    [
        ("quota", "over quotas", True),
        ("virus", "antivirus", False),
        ("(bl)", "host(bl)", True),
        ("mail", "mailbox", True),
        ("mailbox", "mail", False),
        ("no * here", "no user lives. he is here", True),
        ("no * here", "here is no user", False),
        ("no ~2 here", "no user is here", True),
        ("no ~2 here", "no user lives in here", False),
        ("no ~2 here", "no user. here", False),
        ("{mailbox} ~6 {unknown}", "the mailbox of <> was not found", True),
        ("{mailbox} ~6 {unknown}", "users: unknown", True),
        ("{mailbox} ~6 {unknown}", "unknown users", False),
        ("{mailbox} ~6 {unknown}", "mailbox 不存在", True),
        ("such {mailbox}", "no such user", True),
        ("such {mailbox}", "no such host", False),
    ],
)
def test_a_phrase_is_said_or_not(phrase: str, text: str, is_said: bool) -> None:
    assert says(phrase, text) is is_said


@given(st.text("user unkow.<>不存在", max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert PhraseBook([["{mailbox} ~6 {unknown}"], ["user"]], GROUPS).owners_in(text) <= {0, 1}


def test_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="no group of words"):
        PhraseBook([["{nobody} unknown"]], GROUPS)


def test_no_phrases_say_nothing() -> None:
    assert PhraseBook([[]], {}).owners_in("user unknown") == set()

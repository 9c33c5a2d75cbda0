"""The words by which reports in free text are told: `free_text.yaml`, compiled once.

Here: loading them. Not here: the words, and what is done with them (`free_text.py`, `kinds.py`).
"""

import re
from functools import lru_cache
from importlib.resources import files

from crm_platform.configuration import Declared
from crm_platform.yaml_text import read_yaml


class Words(Declared):
    """`free_text.yaml`."""

    system_senders: tuple[str, ...]
    bounce_subjects: tuple[str, ...]
    openings: tuple[str, ...]
    delays: tuple[str, ...]
    auto_reply_subjects: tuple[str, ...]
    auto_reply_texts: tuple[str, ...]
    other_subjects: tuple[str, ...]
    beside_the_point: tuple[str, ...]
    original_begins: tuple[str, ...]
    recipient_labels: tuple[str, ...]
    contact_words: tuple[str, ...]
    agents: dict[str, tuple[str, ...]]


@lru_cache(maxsize=1)
def words() -> Words:
    """The words as they stand in the package."""
    text = files("crm_platform.campaign.mail").joinpath("free_text.yaml").read_text(encoding="utf-8")
    return Words.model_validate(read_yaml(text))


@lru_cache(maxsize=16)
def any_of(kind: str) -> re.Pattern[str]:
    """One expression for all words of a kind, the name of a field of `Words`."""
    return re.compile("|".join(f"(?:{each})" for each in getattr(words(), kind)), re.IGNORECASE)

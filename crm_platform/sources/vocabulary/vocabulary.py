"""What the platform knows of titles and postcodes: package data, read once.

Here: loading the YAML files beside this module, and the normal form in which titles are compared. Not here: what
happens to a value that is not in them (`crm_platform/sources/rules.py`).
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import polars as pl

from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.sources.vocabulary"
_SEXES = ("female", "male", None)


def normalised_title(title: pl.Expr) -> pl.Expr:
    """A title as the vocabulary writes it: lower case, dots and white space as single spaces, nothing around it."""
    return title.str.to_lowercase().str.replace_all(r"[.\s]+", " ").str.strip_chars()


@lru_cache(maxsize=1)
def titles_by_language() -> Mapping[str, Mapping[str, str | None]]:
    """Language (ISO 639-1) to normalised title to the sex it says: `female`, `male`, or None where it says none.

    Raises:
        ValueError: the file holds something else, such as a word that YAML reads as a truth value.
    """
    by_language = _load("titles.yaml")
    for language, titles in by_language.items():
        for title, sex in titles.items():
            if not isinstance(title, str) or sex not in _SEXES:
                raise ValueError(f"titles.yaml, {language}: {title!r} is no title or {sex!r} no sex; quote the word.")
    return MappingProxyType({language: MappingProxyType(titles) for language, titles in by_language.items()})


@lru_cache(maxsize=1)
def known_titles() -> Mapping[str, str | None]:
    """Normalised title of any language to the sex it says; None where it says none or languages disagree.

    For rows whose language is not known: `mr` is a man in English and a lawyer of either sex in Dutch, so None.
    """
    sexes: dict[str, set[str | None]] = {}
    for titles in titles_by_language().values():
        for title, sex in titles.items():
            sexes.setdefault(title, set()).add(sex)
    return MappingProxyType({title: next(iter(said)) if len(said) == 1 else None for title, said in sexes.items()})


@lru_cache(maxsize=1)
def postcode_patterns() -> Mapping[str, str]:
    """Country (ISO 3166-1 alpha-2) to a regular expression that its postcodes match, trimmed and in upper case."""
    return MappingProxyType(_load("postcodes.yaml"))


def _load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(files(_PACKAGE).joinpath(name).read_text(encoding="utf-8"))
    return loaded

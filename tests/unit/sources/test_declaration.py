"""Declared sources: what is taken, and how what is wrong is said."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from crm_platform.configuration import ConfigurationError
from crm_platform.settings import REPOSITORY
from crm_platform.sources.declaration import load_source, load_sources
from tests.unit.sources.site import ORDERS


def declared(folder: Path, changes: dict[str, Any] | None = None, **feed: Any) -> Path:
    content = {"source": "shop", "description": "The shop.", "feeds": {"orders": deepcopy(ORDERS) | feed}} | (
        changes or {}
    )
    path = folder / "shop.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_declared_sources_of_the_company_are_taken() -> None:
    names = [source.source for source in load_sources(REPOSITORY / "config" / "sources")]
    assert names == sorted(names) and "shop" in names


def test_a_bare_name_is_a_column_to_read_from(tmp_path: Path) -> None:
    feed = load_source(declared(tmp_path)).feeds["orders"]
    assert feed.columns["order_id"].sources == ("id",)
    feed = load_source(declared(tmp_path, columns={"order_id": ["a", "b"]})).feeds["orders"]
    assert feed.columns["order_id"].sources == ("a", "b")


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ({"contract": "whims"}, "there is no contract 'whims'; there are .*orders"),
        ({"columns": {"colour": "c"}}, "the contract orders has no column 'colour'"),
        ({"rules": {"colour.missing": "off"}}, "rules or key name 'colour'"),
        ({"key": ["colour"]}, "rules or key name 'colour'"),
        ({"rules": {"status": "loud"}}, "feeds.orders.rules.status"),
        ({"columns": {"order_id": {"from": "id", "value": "1"}}}, "exactly one of `from`, `join` and `value`"),
        ({"columns": {"order_id": {}}}, "exactly one of"),
        (
            {"columns": {"order_dt": {"from": "at", "time_zone": "Europe/Atlantis"}}},
            "'Europe/Atlantis' is no IANA time zone",
        ),
        (
            {"columns": {"order_dt": {"from": "at", "format": ["%Y", "DD.MM.YYYY"]}}},
            "'DD.MM.YYYY' is no format of dates",
        ),
        ({"columns": {"status": {"from": "s", "match": {"(?=x)": "y"}}}}, "no regular expression that polars knows"),
        ({"columns": {"status": {"from": "s", "match": {"(": "y"}}}}, "no regular expression"),
        ({"files": None}, "give either `files`"),
        ({"form": None}, "`files` need a `form`"),
        ({"files": "/etc/*"}, "below the landing folder"),
        ({"files": "../*.csv"}, "below the landing folder"),
        (
            {"files": None, "database": {"url": "sqlite:///x", "url_env": "X", "table": "t"}},
            "either `url` or `url_env`",
        ),
        ({"files": None, "database": {"url": "sqlite:///x"}}, "either `table` or `query`"),
        ({"surprise": 1}, "feeds.orders.surprise"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, feed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        load_source(declared(tmp_path, **feed))
    assert str(error.value).startswith("shop.yaml: ") and "\n" not in str(error.value)


def test_what_is_no_declaration_at_all_is_said(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    for content, message in (
        (b"feeds: [", "is not YAML"),
        (b"", "the file"),
        (b"\xff\xfe\xfa", "no UTF-8 text"),
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigurationError, match=message):
            load_source(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_source(path)


def test_a_source_is_declared_once(tmp_path: Path) -> None:
    declared(tmp_path).rename(tmp_path / "a.yaml")
    declared(tmp_path)
    with pytest.raises(ConfigurationError, match="'shop' is declared twice"):
        load_sources(tmp_path)

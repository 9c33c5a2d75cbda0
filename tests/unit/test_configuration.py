"""The files of `config/`, whatever they are about: what a person is told who has written one wrong."""

from pathlib import Path

import pytest

from crm_platform.configuration import ConfigurationError, Declared, load_configuration


class Part(Declared):
    columns: dict[str, str] = {}


class Whole(Declared):
    description: str = ""
    parts: dict[str, Part] = {}


def load(text: str, folder: Path) -> Whole:
    file = folder / "whole.yaml"
    file.write_text(text, encoding="utf-8")
    return load_configuration(file, Whole, "what is", "docs/whole.md")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("descripton: x", r"descripton: there is no such key; is 'description' meant\?"),
        ("parts: {a: {colums: {}}}", r"parts.a.colums: there is no such key; is 'columns' meant\?"),
        ("zzz: 1", r"zzz: there is no such key. See docs/whole.md"),
        ("description: a\ndescription: b", "the key 'description' stands twice.* line 2, column 1"),
        ("parts:\n  a: {}\n  a: {columns: {x: y}}", "the key 'a' stands twice"),
    ],
)
def test_a_key_that_is_misspelt_or_stands_twice_is_told(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(text, tmp_path)


def test_a_key_may_stand_in_two_mappings_and_be_taken_over_from_another(tmp_path: Path) -> None:
    whole = load("parts:\n  a: &a {columns: {x: y}}\n  b: {<<: *a, columns: {x: z}}", tmp_path)
    assert (whole.parts["a"].columns, whole.parts["b"].columns) == ({"x": "y"}, {"x": "z"})

"""Behaviour of the one pass over a file: identity, line counts, encodings, refusals."""

import gzip
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.sources.readers.batch import ReadLimits, RefusedFile
from crm_platform.sources.readers.content import TextFacts, TextSurvey, decide_encoding, identify


def facts_of(data: bytes, block_bytes: int = 1 << 20) -> TextFacts:
    """The facts of some bytes, taken in blocks of a size."""
    gathered = TextSurvey()
    for start in range(0, len(data), block_bytes):
        gathered.update(data[start : start + block_bytes])
    return gathered.facts()


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200), block_bytes=st.integers(1, 50))
def test_facts_agree_with_what_python_says(data: bytes, block_bytes: int) -> None:
    facts = facts_of(data, block_bytes)
    try:
        data.decode()
        is_utf8 = True
    except UnicodeDecodeError:
        is_utf8 = False
    assert facts.size == len(data)
    if facts.wide is None:
        assert facts.is_utf8 == is_utf8
        assert facts.has_nul == (b"\0" in data)
    if facts.wide is None and b"\r" not in data:
        lines = data.split(b"\n")
        assert facts.lines == len(lines) - (lines[-1] == b"")
        assert facts.longest_line == max(len(line) for line in lines)


def test_a_file_and_its_gzip_differ_in_digest_and_agree_in_text(tmp_path: Path) -> None:
    data = "id;name\n1;José\n".encode()
    (tmp_path / "plain.csv").write_bytes(data)
    (tmp_path / "packed.csv").write_bytes(gzip.compress(data))
    plain, packed = identify(tmp_path / "plain.csv"), identify(tmp_path / "packed.csv")
    assert plain.sha256 == hashlib.sha256(data).hexdigest()
    assert packed.sha256 == hashlib.sha256((tmp_path / "packed.csv").read_bytes()).hexdigest()
    assert (plain.container, packed.container) == ("plain", "gzip")
    assert plain.text == packed.text
    assert plain.text is not None and plain.text.lines == 2


def test_a_zip_is_digested_and_left_packed(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 and so on")
    content = identify(tmp_path / "x.zip")
    assert (content.container, content.text, content.size) == ("zip", None, 14)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"plain", "utf-8"),
        ("José".encode(), "utf-8"),
        ("\ufeffJosé".encode(), "utf-8"),
        ("José wrote".encode("utf-16"), "utf-16-le"),
        ("some latin text".encode("utf-16-be"), "utf-16-be"),
        ("José".encode("cp1252"), "cp1252"),
        (b"Jos\xe9 \x81", "latin-1"),
        ("é".encode() * 50 + b"\xff", "utf-8"),
    ],
)
def test_encodings_are_found(data: bytes, encoding: str) -> None:
    assert decide_encoding(None, facts_of(data), "file") == encoding


def test_a_declared_encoding_that_the_mark_contradicts_is_refused() -> None:
    with pytest.raises(RefusedFile) as refusal:
        decide_encoding("cp1252", facts_of("x".encode("utf-16")), "file")
    assert refusal.value.reason == "wrong_encoding"


def test_an_empty_file_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    for name, reason in [("empty.csv", "empty_file"), (".", "a_directory"), ("none.csv", "not_found")]:
        with pytest.raises(RefusedFile) as refusal:
            identify(tmp_path / name)
        assert refusal.value.reason == reason
        assert "\n" not in refusal.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked.csv").write_text("a")
    (tmp_path / "locked.csv").chmod(0)
    with pytest.raises(RefusedFile) as refusal:
        identify(tmp_path / "locked.csv")
    assert refusal.value.reason == "not_readable"


def test_a_gzip_bomb_is_refused_before_it_is_unpacked_whole(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "bomb.gz", "wb") as file:
        for _ in range(20):
            file.write(b"0" * (8 * 1024**2))
    with pytest.raises(RefusedFile) as refusal:
        identify(tmp_path / "bomb.gz", ReadLimits())
    assert refusal.value.reason == "archive_bomb"

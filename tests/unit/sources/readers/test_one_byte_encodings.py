"""Behaviour of the guess at an encoding that nobody declared."""

from pathlib import Path

import pytest

from crm_platform.sources.readers.batch import FileForm
from crm_platform.sources.readers.one_byte_encodings import likely_encoding
from tests.unit.sources.readers.reading import read_bytes

WORDS = {
    "German": "München Köln Straße Größe Übach Ärzte",
    "French": "Hélène Évreux Besançon Orléans Élise Benoît",
    "Spanish": "Málaga Núñez Muñoz León Ávila",
    "Danish": "Århus Sørensen Rønne Kærby Ålborg",
    "Polish": "Łódź Kraków Świętokrzyskie Żółć Wrocław Poznań",
    "Czech": "Plzeň Ústí Žďár Příbram Řehoř Děčín",
    "Hungarian": "Győr Székesfehérvár Kecskemét Erdős Dűlő",
    "Turkish": "İstanbul Şişli Çağlar Güneş Iğdır",
    "Russian": "Москва Иванов Пётр Екатеринбург улица Ленина",
    "Greek": "Αθήνα Θεσσαλονίκη Γιώργος Παπαδόπουλος Άρτα",
}
WRITTEN = [
    *[(language, "cp1252") for language in ("German", "French", "Spanish", "Danish")],
    *[(language, "mac-roman") for language in ("German", "French", "Spanish")],
    ("German", "cp850"),
    *[(language, encoding) for language in ("Polish", "Czech", "Hungarian") for encoding in ("cp1250", "iso8859-2")],
    ("Polish", "cp852"),
    ("Turkish", "cp1254"),
    *[("Russian", encoding) for encoding in ("cp1251", "koi8-r", "cp866")],
    *[("Greek", encoding) for encoding in ("cp1253", "iso8859-7")],
]


@pytest.mark.parametrize(("language", "encoding"), WRITTEN)
def test_a_file_comes_out_readable_though_its_encoding_is_not_declared(
    tmp_path: Path, language: str, encoding: str
) -> None:
    words = WORDS[language].split()
    text = "id;word\n" + "".join(f"{number};{word}\n" for number, word in enumerate(words))
    read = read_bytes(tmp_path, text.encode(encoding), FileForm(kind="csv"))
    assert read.rows["word"].to_list() == words
    assert read.rejects == []


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_capitals_do_not_mislead(encoding: str) -> None:
    assert likely_encoding("МОСКВА;ИВАНОВ;ЛЕНИНА".encode(encoding)) == encoding


def test_signs_of_typography_are_no_letters() -> None:
    assert likely_encoding("50 € – “Café” …".encode("cp1252")) == "cp1252"


def test_what_reads_well_nowhere_is_left_open() -> None:
    assert likely_encoding(bytes(range(128, 256))) is None

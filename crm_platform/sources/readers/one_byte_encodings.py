"""Which one-byte encoding a text is in that is not UTF-8 and says nothing of it, told by how its words would read.

Right is the encoding under which the letters above ASCII are those of one language, in words of one script, with
capitals where capitals stand. Between encodings that read alike the more common one is taken. UTF-8, UTF-16 and byte
order marks are for `content.py`.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

ENCODINGS = (
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "iso8859-2",
    "iso8859-7",
    "koi8-r",
    "mac-roman",
    "cp850",
    "cp852",
    "cp866",
)
"""The encodings that customer files come in, the more common first; the last three are those of DOS."""

LETTERS = {
    "German": "äöüß",
    "French": "àâæçéèêëîïôœùûü",
    "Spanish, Catalan": "áéíóúüñçàèòï",
    "Portuguese": "áâãàçéêíóôõúü",
    "Italian": "àèéìíîòóùú",
    "Dutch": "áéëïóöüèê",
    "Nordic": "åäöæøéüáíóúýþð",
    "Polish": "ąćęłńóśźż",
    "Czech, Slovak": "áäčďéěíĺľňóôŕřšťúůýž",
    "Hungarian": "áéíóöőúüű",
    "Romanian": "ăâîşţșț",
    "Slovene, Croatian": "čćđšž",
    "Turkish": "âçğıîöşüûİ",
    "Russian, Ukrainian, Bulgarian": "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
    "Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
}
ALPHABETS = [frozenset(letters + letters.upper()) for letters in LETTERS.values()]
SIGNS = frozenset("€£§°«»“”„‘’–—…®©™ºª·¿¡½²³´№\xa0")
FREQUENT = frozenset("оеаинтсрвлОЕАИНТСРВЛ")
"""The letters that most Cyrillic text is made of: in capitals, KOI8 and cp1251 differ by nothing else."""

WEIGHT_OF_SIGN, WEIGHT_OF_FREQUENT, WEIGHT_OF_FAULT = 0.25, 0.25, 2.0
LEAST_SCORE = 0.2


def likely_encoding(sample: bytes) -> str | None:
    """The encoding under which a sample reads best, None when it reads well under none."""
    number_of_high_bytes = sum(byte > 0x7F for byte in sample)
    scores = {encoding: score for encoding in ENCODINGS if (score := _score(sample, encoding)) is not None}
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    return best if best and scores[best] > LEAST_SCORE * number_of_high_bytes else None


def _score(sample: bytes, encoding: str) -> float | None:
    """How well a sample reads: its letters that one language has, less what no text would hold."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    high = Counter(character for character in text if character > "\x7f")
    signs = sum(count for character, count in high.items() if character in SIGNS)
    fitting = max(sum(high[letter] for letter in alphabet) for alphabet in ALPHABETS)
    faults = high.total() - signs - fitting + sum(1 for _ in _disorders(text))
    frequent = sum(high[letter] for letter in FREQUENT)
    return fitting + WEIGHT_OF_SIGN * signs + WEIGHT_OF_FREQUENT * frequent - WEIGHT_OF_FAULT * faults


def _disorders(text: str) -> Iterator[str]:
    """Pairs of letters that do not follow each other in a word: a capital after a small one, two scripts."""
    for first, second in pairwise(text):
        if max(first, second) <= "\x7f" or not (first.isalpha() and second.isalpha()):
            continue
        if (first.islower() and second.isupper()) or _script(first) != _script(second):
            yield first + second


def _script(letter: str) -> str:
    if letter < "\u0370":
        return "Latin"
    return "Greek" if letter < "\u0400" else "Cyrillic"

"""Names as they are compared: given names and surname apart, titles and particles off, nicknames and sound known.

Here: parsing names into parts, the data file of nicknames (`nicknames.csv`, a line per name with its variants, open to
additions) and the key of sound. Not here: which of two swapped fields is the surname (`order_of_names`, from the whole
data) is decided in `people.py`'s call, and how names are compared stands in `match/fields.py`.
"""

from functools import cache
from pathlib import Path

import polars as pl

from crm_platform.scv.standardise.text import empty_as_null, folded, letters_only, on_distinct, with_single_vowels

SHORTEST_WITH_UMLAUT = 5
NICKNAMES_FILE = Path(__file__).with_name("nicknames.csv")
TITLES = (
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "lady", "lord", "rev", "reverend", "hon",
    "capt", "captain", "col", "maj", "herr", "frau", "hr", "fr", "dipl", "ing", "mag", "med", "sig", "signor",
    "signora", "sigra", "dott", "dottor", "dottoressa", "dhr", "mevr", "mevrouw", "drs", "ir", "mlle", "mme",
    "monsieur",
    "madame", "sr", "sra", "don", "dona", "doctor", "mister", "master", "fru", "froken", "esq",
)  # fmt: skip
_AFTER_NAMES = ("phd", "md", "bsc", "msc", "mba", "ba", "ma", "esq", "cpa", "dds", "obe", "mbe", "cbe", "llb", "jd")
_GENERATIONS = {
    "jr": "2", "junior": "2", "jnr": "2", "jun": "2", "ii": "2", "2nd": "2",
    "sr": "1", "senior": "1", "snr": "1", "sen": "1", "iii": "3", "3rd": "3", "iv": "4", "4th": "4",
}  # fmt: skip
_PARTICLES = (
    "von", "van", "de", "der", "den", "del", "della", "di", "da", "dos", "das", "du", "la", "le", "ter", "ten", "zu",
    "zur", "zum", "vom", "af", "av", "el", "al", "bin", "ibn", "st", "o", "mac", "mc", "san", "santa", "dal", "degli",
    "do", "des", "lo", "t",
)  # fmt: skip
_OF_SURNAMES = ("von", "van", "de", "der", "den", "del", "della", "di", "da", "dos", "du", "ter", "ten", "zu", "zur",
    "zum", "vom", "af", "av")  # fmt: skip
_COLUMNS = {"first": "first_name", "middle": "middle_name", "last": "last_name", "full": "full_name"}
_NO_NAMES = (
    "unknown", "unbekannt", "na", "none", "null", "nil", "test", "tester", "testing", "anonymous", "anonym", "noname",
    "no name", "not known", "not given", "not applicable", "firstname", "lastname", "first name", "last name",
    "surname",
    "vorname", "nachname", "guest", "customer", "kunde", "xxx", "tbc", "tba", "asdf", "dummy", "ignoto", "inconnu",
    "onbekend", "nn", "infant", "unnamed", "name", "user", "blank", "missing", "undefined", "nan", "n a",
)  # fmt: skip
_SOUNDS = {
    "sch": "s", "tsch": "c", "sh": "s", "ph": "f", "pf": "f", "th": "t", "dt": "t", "ck": "k", "qu": "k", "gh": "",
    "wr": "r", "kn": "n", "gn": "n", "ch": "k", "cz": "s", "tz": "s", "ts": "s", "dz": "s", "ce": "se", "ci": "si",
    "cy": "si", "ge": "je", "gi": "ji", "gy": "ji", "mc": "mk", "ks": "x", "cs": "x", "dg": "j",
}  # fmt: skip
_LETTERS = {
    "c": "k",
    "q": "k",
    "v": "f",
    "w": "f",
    "z": "s",
    "d": "t",
    "b": "p",
    "g": "k",
    "j": "k",
    "x": "ks",
    "m": "n",
}


def sound_key(name: pl.Expr) -> pl.Expr:
    """A key that names of like sound share, whatever European language: consonants by class, the first letter kept.

    It is coarser than Soundex in its classes and finer in its length (six sounds), and needs no country.
    """
    joined = name.str.replace_all(r"[^a-z]", "")
    heard = joined.str.replace_many(list(_SOUNDS), list(_SOUNDS.values()), leftmost=True)
    first = heard.str.slice(0, 1).str.replace_all("[aeiouy]", "a")
    classes = (first + heard.str.slice(1).str.replace_all("[aeiouyh]", "")).str.replace_many(
        list(_LETTERS), list(_LETTERS.values())
    )
    for letter in "fklnprst":
        classes = classes.str.replace_all(letter + "{2,}", letter)
    return empty_as_null(classes.str.slice(0, 6))


def given_spelling(name: pl.Expr) -> pl.Expr:
    """A folded given name with one letter for each umlaut; not a short one, for Joe is not Jo."""
    return pl.when(name.str.len_bytes() >= SHORTEST_WITH_UMLAUT).then(with_single_vowels(name)).otherwise(name)


@cache
def nickname_groups() -> pl.DataFrame:
    """name (as `given_spelling` has it), groups (the numbers of the lines of the file that the name stands in,
    ascending), initials (the first letters of all names of these lines: an R. may be a Bob)."""
    lines = [line.split(",") for line in NICKNAMES_FILE.read_text(encoding="utf-8").splitlines() if line]
    variants = pl.DataFrame(
        [(name, number) for number, line in enumerate(lines) for name in line],
        schema={"name": pl.String, "groups": pl.Int16},
        orient="row",
    )
    named = variants.with_columns(name=given_spelling(letters_only(folded(pl.col("name")))))
    letters = named.select("groups", initials=pl.col("name").str.head(1))
    initials = named.join(letters, on="groups").group_by("name").agg(pl.col("initials").unique().sort().str.join(""))
    grouped = named.group_by("name").agg(pl.col("groups").unique().sort())
    return grouped.join(initials, on="name").sort("name")


def parse_names(people: pl.DataFrame) -> pl.DataFrame:
    """first_name, middle_name, last_name, full_name (text or null) to given, surname, generation.

    `given` holds all given names in their order, spaced; `surname` is joined without spaces after its particles are
    off (`von der Heide` is `heide`, `mac donell` is `macdonell`); a double name keeps its parts, spaced.
    """
    text = pl.DataFrame({short: _text(people, name) for short, name in _COLUMNS.items()})
    if text["full"].null_count() < text.height:
        text = _split_full_names(text)
    parts = {name: on_distinct(text[name], _parts(name)).struct.unnest() for name in ("first", "middle", "last")}
    given = pl.concat([parts["first"].select("name"), parts["middle"].select(middle="name")], how="horizontal")
    return pl.DataFrame(
        {
            "given": given.select(pl.concat_str("name", "middle", separator=" ", ignore_nulls=True).replace("", None))[
                "name"
            ],
            "surname": parts["last"]["name"],
            "generation": parts["last"]["generation"].fill_null(parts["first"]["generation"]),
        }
    )


def _parts(name: str) -> pl.Expr:
    """The name without titles, particles and suffixes, and the suffix of generation, of `pl.col("value")`."""
    value = folded(pl.col("value").str.replace_all("-", " - ") if name == "last" else pl.col("value"))
    bare = letters_only(value)
    generation = (pl.lit(" ") + bare).str.extract(rf" ({'|'.join(_GENERATIONS)})$").replace(_GENERATIONS)
    return pl.struct(name=_surname(bare) if name == "last" else _given(bare), generation=generation)


def _text(people: pl.DataFrame, name: str) -> pl.Series:
    if name in people.columns:
        return people[name].cast(pl.String)
    return pl.repeat(None, people.height, dtype=pl.String, eager=True)


def _split_full_names(text: pl.DataFrame) -> pl.DataFrame:
    """Fill what first and last name lack from the full name: `Last, First` or `First Middle Last`."""
    full = folded(pl.col("full"))
    is_turned = full.str.contains(",")
    turned = full.str.splitn(",", 2)
    plain = letters_only(full)
    particles = "|".join(_PARTICLES)
    parts = plain.str.extract_groups(rf"^(.*?) ?((?:(?:{particles}) )*[^ ]+(?: (?:{'|'.join(_GENERATIONS)}))?)$")
    first = pl.when(is_turned).then(letters_only(turned.struct.field("field_1"))).otherwise(parts.struct.field("1"))
    last = pl.when(is_turned).then(letters_only(turned.struct.field("field_0"))).otherwise(parts.struct.field("2"))
    lacks_both = pl.col("first").is_null() & pl.col("last").is_null()
    return text.with_columns(
        first=pl.when(lacks_both).then(empty_as_null(first)).otherwise("first"),
        last=pl.when(lacks_both).then(empty_as_null(last)).otherwise("last"),
    )


def _without(value: pl.Expr, words: tuple[str, ...], keep_whole: bool) -> pl.Expr:
    """Text without certain words; unchanged when nothing would be left and `keep_whole`."""
    bare = (
        value.str.replace_all(rf"(?:^|\b)(?:{'|'.join(words)})\b", " ").str.replace_all(r"\s+", " ").str.strip_chars()
    )
    return pl.when(bare.str.len_bytes() > 0).then(bare).otherwise(value) if keep_whole else empty_as_null(bare)


def _given(value: pl.Expr) -> pl.Expr:
    words = (*TITLES, *_AFTER_NAMES, *_GENERATIONS)
    bare = _without(value, tuple(sorted(set(words) - {"ma", "ba", "med", "don", "fr", "hr"})), keep_whole=True)
    # `van den Berg` in the field of the given name is a surname in the wrong place.
    return _named(bare.str.replace(rf"^(?:(?:{'|'.join(_OF_SURNAMES)}) )+(\w)", "$1"))


def _surname(value: pl.Expr) -> pl.Expr:
    bare = _without(value, (*_AFTER_NAMES, *_GENERATIONS), keep_whole=True)
    prefixes = r"\b(mac|mc|o|d|l|st|san|santa) "
    return _named(_without(bare.str.replace_all(prefixes, "$1"), _PARTICLES, keep_whole=True))


def _named(value: pl.Expr) -> pl.Expr:
    """The name, or null where it is none: a placeholder, a letter repeated, or no letter at all."""
    is_none = value.is_in(_NO_NAMES) | ~value.str.contains(r"\p{L}") | value.str.contains(r"^(x+|z+|\w \w \w \w)$")
    return pl.when(~is_none).then(value)

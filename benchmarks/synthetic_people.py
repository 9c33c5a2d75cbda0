"""People and their records as a retailer's systems hold them, with the truth: for measuring matching at any size.

Here: a seeded generator of persons (households, moves, marriages, new e-mail addresses and telephones) and of the
records that four systems keep of them, with nicknames, initials, typing errors and gaps. Not here: the demo company,
which has everything else as well (`crm_platform/demo`).
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from crm_platform.scv.standardise.names import NICKNAMES_FILE

RECORDS_PER_PERSON = (
    0.485,
    0.24,
    0.12,
    0.056,
    0.036,
    0.02,
    0.0135,
    0.01,
    0.0055,
    0.0053,
    0.0038,
    0.0024,
    0.0011,
    0.0006,
)
SOURCES = ("orders", "registrations", "marketing", "subscriptions")
SHARE_OF_SOURCE = (0.395, 0.25, 0.21, 0.145)
# How full a column is in each source.
FULL = {
    "first_name": (1.0, 1.0, 0.9, 1.0),
    "last_name": (1.0, 0.985, 0.75, 1.0),
    "date_of_birth": (0.12, 0.62, 0.2, 0.55),
    "email": (0.95, 1.0, 0.97, 0.85),
    "phone": (0.85, 0.54, 0.18, 0.8),
    "address_line": (1.0, 0.38, 0.31, 1.0),
    "postcode": (1.0, 0.68, 0.69, 1.0),
}
DOMAINS = ("gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "icloud.com", "bigpond.com")
SHARE_OF_DOMAIN = (0.455, 0.163, 0.119, 0.114, 0.079, 0.07)
STREET_TYPES = ("street", "place", "circuit", "crescent", "close", "avenue", "drive", "court", "road", "way")
DAYS = 1_800
Indices = NDArray[np.int64]


def synthetic_people(number_of_records: int, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records (columns of `crm match`) and the truth: record_id, person_id. The same for the same seed."""
    rng = np.random.default_rng(seed)
    persons = _persons(rng, round(number_of_records * 0.45))
    records = _records(rng, persons, number_of_records)
    shuffled = records.sample(fraction=1.0, shuffle=True, seed=seed).with_columns(
        record_id=pl.int_range(pl.len()).cast(pl.String)
    )
    truth = shuffled.select("record_id", person_id=pl.col("person").cast(pl.String))
    return shuffled.drop("person").select("record_id", pl.exclude("record_id")), truth


def _skewed(rng: np.random.Generator, choices: int, size: int, exponent: float) -> Indices:
    """Places below `choices`, the first ones the most frequent (Zipf)."""
    shares = 1.0 / (np.arange(choices) + 4.0) ** exponent
    return rng.choice(choices, size, p=shares / shares.sum())


def _words(rng: np.random.Generator, count: int) -> list[str]:
    """Distinct made-up surnames and street names."""
    onsets = [
        "b",
        "br",
        "c",
        "ch",
        "d",
        "f",
        "g",
        "gr",
        "h",
        "k",
        "l",
        "m",
        "n",
        "p",
        "r",
        "s",
        "st",
        "t",
        "th",
        "w",
        "wh",
    ]
    vowels = ["a", "e", "i", "o", "u", "ee", "ea", "ow", "ai"]
    ends = ["n", "r", "s", "ll", "tt", "ck", "ng", "rd", "son", "ton", "ley", "man", "ford", "er", "well", "by", "more"]
    words: dict[str, None] = {}
    while len(words) < count:
        syllables = rng.integers(1, 3)
        middle = "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(syllables))
        words[middle + rng.choice(ends)] = None
    return list(words)


def _given_names() -> tuple[list[str], list[str]]:
    """Given names and, for each, a nickname."""
    lines = [line.split(",") for line in NICKNAMES_FILE.read_text(encoding="utf-8").splitlines() if line]
    return [line[0] for line in lines], [line[1] for line in lines]


def _persons(rng: np.random.Generator, count: int) -> pl.DataFrame:
    given, nicknames = _given_names()
    surnames, streets, towns = _words(rng, 4_000), _words(rng, 3_000), _words(rng, 1_500)
    name = rng.permutation(len(given))[_skewed(rng, len(given), count, 0.5)]
    household = np.arange(count)
    joins = rng.random(count) < 0.22
    household[joins] = np.maximum(household[joins] - rng.integers(1, 3, int(joins.sum())), 0)
    household = household[household]
    surname = _skewed(rng, len(surnames), count, 0.8)
    other_surname = surname.copy()
    shares_surname = rng.random(count) < 0.8
    surname = np.where(shares_surname, surname[household], surname)
    birth = rng.integers(-12_800, 14_000, count)
    addresses = _addresses(rng, count, streets, towns)
    frame = pl.DataFrame(
        {
            "given": pl.Series(given).gather(name), "nickname": pl.Series(nicknames).gather(name),
            "surname": pl.Series(surnames).gather(surname), "new_surname": pl.Series(surnames).gather(other_surname),
            "birth": birth,
        }
    ).with_columns(date_of_birth=(pl.date(1970, 1,
    1) + pl.duration(days="birth")).dt.to_string("%Y-%m-%d"))  # fmt: skip
    phone, second = _phones(rng, count), _phones(rng, count)
    frame = frame.with_columns(
        email=_emails(rng, frame), new_email=_emails(rng, frame), phone=phone, new_phone=second,
        address=addresses.gather(household), new_address=_addresses(rng, count, streets, towns),
    )  # fmt: skip
    changes = {name: rng.random(count) < share for name, share in (("surname", 0.04), ("email", 0.18), ("phone", 0.12),
                                                                   ("address", 0.28))}  # fmt: skip
    return frame.with_columns(
        pl.Series(f"{name}_until", np.where(changed, rng.integers(0, DAYS, count), DAYS + 1))
        for name, changed in changes.items()
    )


def _addresses(rng: np.random.Generator, count: int, streets: list[str], towns: list[str]) -> pl.Series:
    town = _skewed(rng, len(towns), count, 0.6)
    parts = pl.DataFrame(
        {
            "number": rng.integers(1, 400, count), "street": pl.Series(streets).gather(_skewed(rng, len(streets),
            count, 0.3)),
            "type": pl.Series(STREET_TYPES).gather(rng.integers(0, len(STREET_TYPES), count)),
            "town": pl.Series(towns).gather(town), "postcode": (2_000 + (town * 13 + rng.integers(0, 3,
            count)) % 7_000),
        }
    )  # fmt: skip
    return parts.select(
        pl.struct(
            line=pl.format("{} {} {}", "number", "street", "type"),
            city="town",
            postcode=pl.col("postcode").cast(pl.String),
        ).alias("address")
    )["address"]


def _phones(rng: np.random.Generator, count: int) -> pl.Series:
    return pl.Series(rng.integers(400_000_000, 499_999_999, count)).cast(pl.String).str.zfill(10)


def _emails(rng: np.random.Generator, persons: pl.DataFrame) -> pl.Series:
    count = persons.height
    form = pl.Series("form", rng.choice(5, count, p=(0.12, 0.22, 0.28, 0.195, 0.185)))
    digits = persons.with_columns(
        form, number=pl.Series(rng.integers(1, 1_000, count)), two=pl.Series(rng.integers(1, 100, count)),
        domain=pl.Series(DOMAINS).gather(rng.choice(len(DOMAINS), count, p=np.array(SHARE_OF_DOMAIN))),
    )  # fmt: skip
    year = pl.col("date_of_birth").str.slice(0, 4)
    local = (
        pl.when(pl.col("form") == 0).then(pl.col("given") + year)
        .when(pl.col("form") == 1)
        .then(pl.col("given").str.slice(0, 1) + pl.col("surname") + pl.col("number").cast(pl.String))
        .when(pl.col("form") == 2).then(pl.col("given") + pl.col("surname") + pl.col("number").cast(pl.String))
        .when(pl.col("form") == 3).then(pl.col("given") + "." + pl.col("surname"))
        .otherwise(pl.col("given") + "_" + pl.col("surname") + pl.col("two").cast(pl.String))
    )  # fmt: skip
    return digits.select(email=local + "@" + pl.col("domain"))["email"]


def _records(rng: np.random.Generator, persons: pl.DataFrame, wanted: int) -> pl.DataFrame:
    shares = np.array(RECORDS_PER_PERSON)
    numbers = rng.choice(len(shares), persons.height, p=shares / shares.sum()) + 1
    person = np.repeat(np.arange(persons.height), numbers)[:wanted]
    missing = wanted - len(person)
    person = np.r_[person, rng.integers(0, persons.height, missing)] if missing > 0 else person
    day, source = rng.integers(0, DAYS, wanted), rng.choice(4, wanted, p=np.array(SHARE_OF_SOURCE))
    held = persons[person].with_columns(person=pl.Series(person), day=pl.Series(day), source=pl.Series(source))
    now = {
        name: pl.when(pl.col("day") >= pl.col(f"{name}_until")).then(f"new_{name}").otherwise(name)
        for name in ("surname", "email", "phone", "address")
    }
    chance = pl.Series(rng.random(wanted))
    first = (
        pl.when(chance < 0.04)
        .then(pl.col("given").str.slice(0, 1))
        .when(chance < 0.14)
        .then("nickname")
        .otherwise("given")
    )
    stale = pl.Series(rng.random(wanted) < 0.5)
    email = pl.when(stale).then("email").otherwise(now["email"])
    address = now["address"]
    rows = held.select(
        "person", pl.lit(pl.Series(SOURCES)).gather(pl.col("source")).alias("source"), pl.col("source").alias("at"),
        first_name=first, last_name=now["surname"], date_of_birth="date_of_birth", email=email,
        phone=now["phone"], address_line=address.struct.field("line"), city=address.struct.field("city"),
        postcode=address.struct.field("postcode"),
        recorded_at=(pl.date(2021, 1, 1) + pl.duration(days="day")).dt.to_string("%Y-%m-%d"),
    )  # fmt: skip
    rows = _with_gaps(rng, rows)
    for column, share in (("first_name", 0.03), ("last_name", 0.05), ("email", 0.01), ("phone", 0.015),
                          ("address_line", 0.06), ("city", 0.04), ("postcode", 0.01), ("date_of_birth",
                          0.015)):  # fmt: skip
        rows = rows.with_columns(_mistyped(rng, rows[column], share, column in ("phone", "postcode", "date_of_birth")))
    return rows.drop("at")


def _with_gaps(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    columns = []
    for name, shares in FULL.items():
        is_full = pl.Series(rng.random(rows.height) < np.array(shares)[rows["at"].to_numpy()])
        columns.append(pl.when(is_full).then(name).alias(name))
        if name == "address_line":
            columns.append(pl.when(is_full).then("city").alias("city"))
    return rows.with_columns(columns)


def _mistyped(rng: np.random.Generator, values: pl.Series, share: float, is_number: bool) -> pl.Series:
    """A character changed, dropped, doubled or transposed with the next, in a share of the values."""
    name = values.name
    count = len(values)
    letters = "0123456789" if is_number else "abcdefghijklmnopqrstuvwxyz"
    frame = pl.DataFrame(
        {
            "text": values, "wrong": rng.random(count) < share, "kind": rng.integers(0, 4, count),
            "place": rng.random(count), "letter": pl.Series(list(letters)).gather(rng.integers(0, len(letters), count)),
        }
    )  # fmt: skip
    chosen = (
        frame.with_row_index("row")
        .filter(pl.col("wrong") & (pl.col("text").str.len_chars() > 2))
        .with_columns(place=(pl.col("place") * (pl.col("text").str.len_chars() - 1)).cast(pl.Int64))
    )
    before, at = pl.col("text").str.slice(0, pl.col("place")), pl.col("text").str.slice(pl.col("place"), 1)
    following, rest = pl.col("text").str.slice(pl.col("place") + 1, 1), pl.col("text").str.slice(pl.col("place") + 2)
    wrong = (
        pl.when(pl.col("kind") == 0).then(before + pl.col("letter") + following + rest)
        .when((pl.col("kind") == 1) & ~pl.lit(is_number)).then(before + following + rest)
        .when((pl.col("kind") == 2) & ~pl.lit(is_number)).then(before + at + at + following + rest)
        .otherwise(before + following + at + rest)
    )  # fmt: skip
    changed = chosen.select("row", mistyped=wrong)
    merged = frame.with_row_index("row").join(changed, on="row", how="left", maintain_order="left")
    return merged.select(pl.coalesce("mistyped", "text").alias(name))[name]

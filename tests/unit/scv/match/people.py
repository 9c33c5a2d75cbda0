"""Small files of people for the tests of matching: made by a seed, with the truth beside."""

import random

import polars as pl

GIVEN = (
    "anna",
    "bernd",
    "clara",
    "david",
    "emma",
    "felix",
    "greta",
    "hans",
    "ida",
    "jonas",
    "karla",
    "lukas",
    "maria",
    "nils",
)
SURNAMES = (
    "weber",
    "fischer",
    "schneider",
    "becker",
    "hoffmann",
    "koch",
    "richter",
    "klein",
    "wolf",
    "neumann",
    "braun",
    "zimmer",
)
STREETS = ("high street", "mill road", "church lane", "park avenue", "king street", "station road")


def people_with_doubles(persons: int, seed: int = 1) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records and truth (record_id, person_id): one to three records a person, with typing errors and gaps."""
    chance = random.Random(seed)
    rows: list[dict[str, str | None]] = []
    truth = []
    for person in range(persons):
        given, surname = chance.choice(GIVEN), chance.choice(SURNAMES) + chance.choice(("", "mann", "er"))
        birth = f"{chance.randint(1940, 2005)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        email = f"{given}.{surname}{chance.randint(1, 9999)}@example.com"
        phone = f"04{chance.randint(10_000_000, 99_999_999)}"
        address = f"{chance.randint(1, 300)} {chance.choice(STREETS)}"
        for _ in range(chance.randint(1, 3)):
            record_id = f"r{len(rows):05d}"
            rows.append(
                {
                    "record_id": record_id, "first_name": _mistyped(chance, given), "last_name": _mistyped(chance,
                    surname),
                    "date_of_birth": birth if chance.random() < 0.8 else None, "email": email if chance.random() <
                    0.8 else None, "phone": phone if chance.random() < 0.6 else None, "address_line": address if
                    chance.random() < 0.8 else None,
                }
            )  # fmt: skip
            truth.append({"record_id": record_id, "person_id": person})
    return pl.DataFrame(rows), pl.DataFrame(truth)


def _mistyped(chance: random.Random, text: str) -> str:
    if chance.random() > 0.08:
        return text
    place = chance.randrange(1, len(text))
    return text[:place] + chance.choice("abcdefgh") + text[place + 1 :]

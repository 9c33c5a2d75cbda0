"""People of other kinds than a retailer's customers: Germans, Australians, families in three censuses, with the truth.

Here: small seeded generators, each with a coarse form (few towns and streets, as a local file has them), so that a
collapse of matching on records of such a kind is seen. Not here: records in any number (`synthetic_people.py`).
"""

import random
from collections.abc import Callable, Mapping

import polars as pl

Row = dict[str, str | None]
Made = tuple[pl.DataFrame, pl.DataFrame]
LETTERS = "abcdefghiklmnoprstuvw"


def german_people(persons: int, seed: int = 1, is_coarse: bool = False) -> Made:
    """Records with umlauts, sharp s, `von` and double names, written in as many ways; and the truth."""
    chance = random.Random(seed)
    towns = _GERMAN_TOWNS[:4] if is_coarse else _GERMAN_TOWNS
    streets = _GERMAN_STREETS[:8] if is_coarse else [f"{n} {s}" for n in _GERMAN_SAINTS for s in ("Weg", "Gasse")]
    streets = [*streets, *(_GERMAN_STREETS if not is_coarse else ())]

    taken: set[str] = set()

    def home() -> Row:
        town, area = chance.choice(towns)
        return {
            "address_line": f"{chance.choice(streets)} {chance.randint(1, 140)}",
            "city": town,
            "postcode": f"{area}{chance.randint(0, 9 if is_coarse else 99):02d}1",
        }

    def person() -> Row:
        given, surname = chance.choice(_GERMAN_GIVEN), _german_surname(chance)
        mailbox = _without_umlauts(f"{given}.{surname}").lower().replace(" ", "")
        mailbox += chance.choice(("", str(chance.randint(1, 99))))
        # Two people do not have one mailbox: the second is given another number.
        mailbox += str(100 + len(taken)) if mailbox in taken else ""
        taken.add(mailbox)
        return home() | {
            "title": chance.choice(("Herr", "Frau", "Dr.", None)),
            "first_name": given,
            "last_name": surname,
            "date_of_birth": f"{chance.randint(1, 28):02d}.{chance.randint(1, 12):02d}.{chance.randint(1938, 2006)}",
            "email": f"{mailbox}@{chance.choice(('web', 'gmx'))}.de",
            "phone": f"01{chance.choice(('51', '60', '72'))} {chance.randint(1_000_000, 99_999_999)}",
        }

    def record(person: Row) -> Row:
        said = person | home() if chance.random() < 0.08 else dict(person)
        for name in ("first_name", "last_name", "address_line", "city"):
            said[name] = _mistyped(chance, _as_germans_write(chance, str(said[name])))
        phone = str(said["phone"])
        said["phone"] = chance.choice((phone, phone.replace(" ", ""), "+49 " + phone[1:], "0049" + phone[1:]))
        return _with_gaps(chance, said, {"date_of_birth": 0.3, "email": 0.4, "phone": 0.5})

    return _recorded(chance, [person() for _ in range(persons)], record)


def australian_people(persons: int, seed: int = 1, is_coarse: bool = False) -> Made:
    """Records without e-mail: units and numbers, states, mobiles with and without +61; and the truth."""
    chance = random.Random(seed)
    towns = _AUSTRALIAN_TOWNS[:5] if is_coarse else _AUSTRALIAN_TOWNS
    names = _AUSTRALIAN_STREETS[:6] if is_coarse else _AUSTRALIAN_STREETS + _AUSTRALIAN_GIVEN
    kinds = ("Street", "Road") if is_coarse else ("Street", "Road", "Parade", "Avenue", "Crescent", "Drive")

    def home() -> dict[str, str | None]:
        town, state, area = chance.choice(towns)
        return {
            "unit": str(chance.randint(1, 48)) if chance.random() < 0.35 else None,
            "number": str(chance.randint(1, 320)),
            "street": f"{chance.choice(names)} {chance.choice(kinds)}",
            "city": town,
            "region": state,
            "postcode": f"{area}{chance.randint(0, 9 if is_coarse else 99):02d}",
        }

    def person() -> Row:
        year, month, day = chance.randint(1938, 2006), chance.randint(1, 12), chance.randint(1, 28)
        surname = chance.choice(_AUSTRALIAN_SURNAMES) + chance.choice(("", "", "", "son", "ton", "field", "worth"))
        return home() | {
            "first_name": chance.choice(_AUSTRALIAN_GIVEN),
            "last_name": surname,
            "date_of_birth": f"{year}-{month:02d}-{day:02d}",
            "phone": f"4{chance.randint(0, 99_999_999):08d}",
        }

    def record(person: Row) -> Row:
        said = person | home() if chance.random() < 0.1 else dict(person)
        unit, number, street = said.pop("unit"), said.pop("number"), str(said.pop("street"))
        street = street.replace("Street", "St").replace("Road", "Rd") if chance.random() < 0.4 else street
        plain = f"{number} {street}"
        forms = (f"{unit}/{plain}", f"Unit {unit}, {plain}", f"U{unit} {plain}", f"Flat {unit} {plain}")
        digits = str(said["phone"])
        said["phone"] = chance.choice((f"0{digits}", f"0{digits[:3]} {digits[3:6]} {digits[6:]}", f"+61{digits}"))
        said["address_line"] = chance.choice(forms) if unit else plain
        for name in ("first_name", "last_name", "address_line"):
            said[name] = _mistyped(chance, str(said[name]))
        return _with_gaps(chance, said, {"date_of_birth": 0.4, "phone": 0.4})

    return _recorded(chance, [person() for _ in range(persons)], record)


def census_people(persons: int, seed: int = 1, is_coarse: bool = False) -> Made:
    """Families of one surname and home in three censuses: ages a year or two wrong, homes and trades that change."""
    chance = random.Random(seed)
    places = _CENSUS_PLACES[:5] if is_coarse else _CENSUS_PLACES
    streets = [f"{name} {kind}" for name in _CENSUS_STREETS for kind in (("lane",) if is_coarse else ("lane", "row"))]
    rows: list[Row] = []
    number = 0
    while number < persons:
        surname = _census_surname(chance)
        family = _census_family(chance, surname, places)[: persons - number]
        home = f"{chance.randint(1, 80)} {chance.choice(streets)}", chance.choice(places)
        for year in (1861, 1871, 1881):
            if chance.random() < 0.3:
                home = f"{chance.randint(1, 80)} {chance.choice(streets)}", chance.choice(places)
            for place, member in enumerate(family):
                if int(str(member["born"])) <= year and chance.random() < 0.85:
                    rows.append(_census_record(chance, member, year, home) | {"person_id": str(number + place)})
        number += len(family)
    return _numbered(chance, rows)


KINDS: Mapping[str, Callable[[int, int, bool], Made]] = {
    "germans": german_people,
    "australians": australian_people,
    "census": census_people,
}


def _census_family(chance: random.Random, surname: str, places: list[str]) -> list[Row]:
    """Parents and children, no two of one given name."""
    names = {"male": chance.sample(_CENSUS_MEN, 6), "female": chance.sample(_CENSUS_WOMEN, 6)}
    married = chance.randint(1825, 1860)
    family: list[Row] = []
    for place in range(chance.randint(2, 8)):
        sex = ("male", "female")[place] if place < 2 else chance.choice(("male", "female"))
        if not names[sex]:
            continue
        born = married - 22 + chance.randint(-4, 4) if place < 2 else married + 2 * place - 3
        family.append(
            {
                "first_name": names[sex].pop(), "last_name": surname, "sex": sex, "born": str(born),
                "place_of_birth": chance.choice(places), "occupation": chance.choice(_CENSUS_TRADES),
            }
        )  # fmt: skip
    return family


def _census_record(chance: random.Random, member: Row, year: int, home: tuple[str, str]) -> Row:
    said = dict(member)
    born = int(str(said.pop("born"))) + chance.choice((0, 0, 0, 0, 1, -1, 2))
    for name in ("first_name", "last_name"):
        said[name] = _mistyped(chance, str(said[name]))
    if chance.random() < 0.3:
        said["occupation"] = chance.choice(_CENSUS_TRADES)
    said |= {"source": str(year), "date_of_birth": f"{born}-01-01", "address_line": home[0], "city": home[1]}
    return _with_gaps(chance, said, {"occupation": 0.3, "place_of_birth": 0.1, "address_line": 0.1})


def _census_surname(chance: random.Random) -> str:
    return chance.choice(_CENSUS_STEMS) + chance.choice(("", "", "ley", "well", "by", "croft", "shaw"))


def _german_surname(chance: random.Random) -> str:
    stem = chance.choice(_GERMAN_STEMS) + chance.choice(("", "", "er", "mann", "bach", "ke"))
    if chance.random() < 0.06:
        return f"von {stem}"
    return f"{stem}-{chance.choice(_GERMAN_STEMS)}" if chance.random() < 0.06 else stem


def _as_germans_write(chance: random.Random, text: str) -> str:
    """As it stands, in capitals, without umlauts, with a street cut short, or half of a double name."""
    form = chance.random()
    if form < 0.15:
        return _without_umlauts(text)
    if form < 0.25:
        return text.upper()
    if form < 0.35:
        return text.replace("straße", "str.")
    return text.split("-")[0] if form < 0.38 else text


def _without_umlauts(text: str) -> str:
    for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("Ö", "Oe"), ("Ü", "Ue")):
        text = text.replace(umlaut, letters)
    return text


def _mistyped(chance: random.Random, text: str, share: float = 0.04) -> str:
    if chance.random() > share or len(text) < 4:
        return text
    place = chance.randrange(1, len(text) - 1)
    return text[:place] + chance.choice(("", chance.choice(LETTERS), text[place] * 2)) + text[place + 1 :]


def _with_gaps(chance: random.Random, said: Row, gaps: Mapping[str, float]) -> Row:
    return {name: None if chance.random() < gaps.get(name, 0.0) else value for name, value in said.items()}


def _recorded(chance: random.Random, people: list[Row], record: Callable[[Row], Row]) -> Made:
    """One to three records of each person."""
    return _numbered(
        chance,
        [
            record(person) | {"person_id": str(number)}
            for number, person in enumerate(people)
            for _ in range(chance.randint(1, 3))
        ],
    )


def _numbered(chance: random.Random, rows: list[Row]) -> Made:
    chance.shuffle(rows)
    made = pl.DataFrame(rows, infer_schema_length=None).with_row_index("record_id").cast(pl.String)
    return made.drop("person_id"), made.select("record_id", "person_id")


_GERMAN_GIVEN = (
    "Jürgen", "Günter", "Björn", "Sören", "Käthe", "Jörn", "Anke", "Hans-Jörg", "Karl-Otto", "Eva-Maria", "Ilse",
    "Leonie", "Emil", "Wiebke", "Uwe", "Ulla", "Heike", "Malte", "Thorsten", "Silke", "Franziska", "Sabrina", "Moritz",
    "Ralf", "Dörte", "Götz", "Bärbel", "Wolfram", "Friederike", "Lieselotte", "Annegret", "Hinnerk", "Matthias",
    "Renate", "Konrad", "Gudrun", "Helmut", "Ingrid", "Detlef", "Roswitha",
)  # fmt: skip
_GERMAN_STEMS = (
    "Müller", "Weiß", "Schäfer", "Groß", "Strauß", "Köhler", "Krüger", "Schröder", "Meyer", "Maier", "Schmidt",
    "Schmitt", "Schulz", "Böhm", "Jäger", "Vogt", "Höfer", "Kühn", "Preuß", "Lindner", "Brandt", "Kessler", "Hübner",
    "Rösch", "Winkel", "Stein", "Bieder", "Harten", "Loh", "Ahrens", "Dörfl", "Grün", "Kaul", "Tiede", "Wöhr",
)  # fmt: skip
_GERMAN_STREETS = (
    "Hauptstraße", "Bahnhofstraße", "Goethestraße", "Am Mühlbach", "Königsallee", "Lindenweg", "Schloßplatz",
    "Bergstraße", "Ringstraße", "Kirchgasse", "Gartenstraße", "Im Wiesengrund", "Schillerstraße", "Amselweg",
)  # fmt: skip
_GERMAN_SAINTS = ("Alter", "Neuer", "Langer", "Krummer", "Grüner", "Oberer", "Unterer", "Breiter", "Stiller", "Enger")
_GERMAN_TOWNS = [
    ("Köln", "50"), ("München", "80"), ("Düsseldorf", "40"), ("Nürnberg", "90"), ("Lübeck", "23"), ("Görlitz", "02"),
    ("Saarbrücken", "66"), ("Münster", "48"), ("Göttingen", "37"), ("Würzburg", "97"), ("Kiel", "24"), ("Trier", "54"),
]  # fmt: skip
_AUSTRALIAN_GIVEN = [
    "Jack", "Olivia", "Noah", "Charlotte", "Angus", "Matilda", "Lachlan", "Imogen", "Darcy", "Grace", "Cooper", "Ruby",
    "Hamish", "Chloe", "Heath", "Zoe", "Ethan", "Ella", "Jarrod", "Isla", "Minh", "Wei", "Priya", "Dane", "Kylie",
    "Brett", "Leanne", "Shane", "Tahlia", "Bailey", "Rhys", "Narelle", "Craig", "Bronwyn", "Declan",
]  # fmt: skip
_AUSTRALIAN_SURNAMES = (
    "Smith", "Jones", "Nguyen", "Williams", "Brown", "Wil", "Taylor", "Tran", "White", "Lee", "Campbell", "O'Brien",
    "McDonald", "Kelly", "Clarke", "Singh", "Chen", "Murphy", "Hughes", "Edwards", "Reid", "Wat", "Fraser", "Webb",
    "Collin", "Papas", "Rossi", "Kaur", "Doyle", "Hart",
)  # fmt: skip
_AUSTRALIAN_STREETS = [
    "George", "Church", "Victoria", "Beach", "Station", "High", "King", "Wattle", "Banksia", "Pacific", "Mill",
    "Darling", "Murray", "Kurrajong", "Flinders", "Sturt", "Macquarie", "Hume", "Boronia", "Jetty",
]  # fmt: skip
_AUSTRALIAN_TOWNS = [
    ("Sydney", "NSW", "20"), ("Melbourne", "VIC", "30"), ("Brisbane", "QLD", "40"), ("Perth", "WA", "60"),
    ("Hobart", "TAS", "70"), ("Adelaide", "SA", "50"), ("Darwin", "NT", "08"), ("Canberra", "ACT", "26"),
    ("Geelong", "VIC", "32"), ("Cairns", "QLD", "48"), ("Newcastle", "NSW", "23"), ("Bunbury", "WA", "62"),
]  # fmt: skip
_CENSUS_MEN = [
    "john", "william", "thomas", "george", "james", "henry", "charles", "joseph", "robert", "edward", "alfred",
    "frederick", "walter", "arthur", "samuel", "david", "isaac", "amos",
]  # fmt: skip
_CENSUS_WOMEN = [
    "mary", "elizabeth", "sarah", "ann", "jane", "emma", "alice", "hannah", "ellen", "margaret", "martha", "florence",
    "edith", "emily", "louisa", "harriet", "ruth", "phoebe",
]  # fmt: skip
_CENSUS_STEMS = (
    "smith", "jones", "taylor", "brown", "hart", "bloom", "wick", "thorn", "ash", "stan", "brad", "whit", "long",
    "black", "hol", "kirk", "mar", "nor", "pen", "rad", "sel", "tad", "ull", "wal", "hob", "dun", "cras", "fen",
)  # fmt: skip
_CENSUS_PLACES = [
    "leeds", "york", "hull", "bradford", "halifax", "sheffield", "wakefield", "ripon", "selby", "otley", "skipton",
    "malton", "whitby", "thirsk",
]  # fmt: skip
_CENSUS_STREETS = ("church", "mill", "station", "north", "queen", "chapel", "bridge", "castle", "well", "quarry")
_CENSUS_TRADES = (
    "farmer", "labourer", "weaver", "clerk", "servant", "carpenter", "miner", "baker", "blacksmith", "scholar",
    "dressmaker", "cordwainer",
)  # fmt: skip

"""Matching from end to end: who is one person, in whatever order and however hostile the input."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.explain import explain_pair
from crm_platform.scv.match.prepared import Matched, MatchError
from crm_platform.scv.match.trained import load_trained, save_trained
from tests.unit.scv.match.people import people_with_doubles

CROWD, TRUTH = people_with_doubles(90)


@pytest.fixture(scope="module")
def matched() -> Matched:
    return match_people(CROWD)


def matched_with(*rows: dict[str, str | None]) -> dict[str, str]:
    """The cluster of each of some more records, matched among a crowd."""
    clusters = match_people(pl.concat([CROWD, pl.DataFrame(list(rows))], how="diagonal_relaxed")).clusters
    return dict(clusters.select("record_id", "cluster_id").iter_rows())


def test_a_file_of_a_few_records_is_matched_as_a_person_would() -> None:
    """Half of them bear one name: that makes it no common one, and the mailbox no family's."""
    few = pl.DataFrame(
        [
            ("1", "Anna", "Smith", "anna.smith@example.org", "1000 AA"),
            ("2", "Anna", "Smith", "anna.smith@example.org", "1000 AA"),
            ("3", "Bob", "Jones", "bob@example.org", "2000 BB"),
            ("4", "Robert", "Jones", "bob@example.org", "2000 BB"),
            ("5", "Anna", "Meyer", "meyer@example.org", "3000 CC"),
        ],
        schema=["record_id", "first_name", "last_name", "email", "postcode"],
        orient="row",
    )
    for number, expected in ((5, ["1", "1", "3", "3", "5"]), (4, ["1", "1", "3", "3"]), (3, ["1", "1", "3"])):
        clusters = match_people(few.head(number)).clusters.sort("record_id")
        assert clusters["cluster_id"].to_list() == expected


def test_nearly_all_people_are_found_and_hardly_any_mixed_up(matched: Matched) -> None:
    both = matched.clusters.join(TRUTH, on="record_id")
    found = both.join(both, on="cluster_id").filter(pl.col("record_id") < pl.col("record_id_right"))
    true = both.join(both, on="person_id").filter(pl.col("record_id") < pl.col("record_id_right"))
    right = found.filter(pl.col("person_id") == pl.col("person_id_right")).height
    assert right / found.height > 0.98
    assert right / true.height > 0.95


def test_every_record_stands_in_one_cluster_named_by_its_smallest_record(matched: Matched) -> None:
    assert matched.clusters["record_id"].to_list() == sorted(CROWD["record_id"])
    smallest = matched.clusters.group_by("cluster_id").agg(pl.col("record_id").min())
    assert smallest["cluster_id"].to_list() == smallest["record_id"].to_list()
    assert matched.clusters["match_probability"].is_between(0, 1).all()


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1_000))
def test_the_order_of_rows_and_columns_changes_nothing(matched: Matched, seed: int) -> None:
    shuffled = CROWD.sample(fraction=1.0, shuffle=True, seed=seed).select(reversed(CROWD.columns))
    again = match_people(shuffled)
    assert again.clusters.equals(matched.clusters)
    assert again.pairs.equals(matched.pairs)


def test_what_was_learnt_is_the_same_after_it_was_saved(matched: Matched, tmp_path: Path) -> None:
    save_trained(matched.trained, tmp_path)
    again = match_people(CROWD, trained=load_trained(tmp_path))
    assert again.clusters.equals(match_people(CROWD, trained=matched.trained).clusters)
    assert "@example.com" not in (tmp_path / "model.json").read_text(encoding="utf-8")


PERSON = {
    "record_id": "x1", "first_name": "Theodora", "last_name": "Quint", "date_of_birth": "1971-02-03",
    "email": "theo.quint81@example.com", "phone": "0455123987", "address_line": "7 Quarry Lane",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"last_name": "Ashdown", "email": "theodora.ashdown@example.com"},
        {"address_line": "12 Sunset Boulevard", "phone": "0466000111"},
        {"email": "tquint@other.example", "phone": None},
        {"first_name": "Thea"},
        {"first_name": "T"},
        {"first_name": "D", "phone": None},
        {"first_name": "Quint", "last_name": "Theodora"},
        {"first_name": "Thoedora", "date_of_birth": "1971-03-02"},
    ],
    ids=[
        "married",
        "moved",
        "new e-mail",
        "nickname",
        "initial",
        "initial of a nickname",
        "swapped names",
        "typing errors",
    ],
)
def test_a_person_who_changed_is_found(change: dict[str, str | None]) -> None:
    clusters = matched_with(PERSON, PERSON | change | {"record_id": "x2"})
    assert clusters["x1"] == clusters["x2"]


@pytest.mark.parametrize(
    "change",
    [
        {"first_name": "Rupert", "email": "rupert.quint@example.com", "phone": "0466000111"},
        {"date_of_birth": "1998-11-20", "email": "theodora.quint@example.com", "phone": "0466000111"},
        {"date_of_birth": "1999-02-03", "email": "theodora.quint@example.com", "phone": "0466000111"},
        {"first_name": "Rupert", "date_of_birth": "1969-07-30"},
        {
            "first_name": "Rupert",
            "date_of_birth": None,
            "phone": None,
            "address_line": "12 Sunset Boulevard",
            "last_name": "Ashdown",
        },
    ],
    ids=[
        "twin",
        "parent of the same name",
        "parent of the same name and day of birth",
        "family e-mail and telephone",
        "a stranger with the same e-mail",
    ],
)
def test_two_people_stay_two(change: dict[str, str | None]) -> None:
    clusters = matched_with(PERSON, PERSON | change | {"record_id": "x2"})
    assert clusters["x1"] != clusters["x2"]


def test_records_that_say_too_little_stay_alone_even_if_they_say_the_same() -> None:
    clusters = matched_with({"record_id": "x1", "first_name": "Anna"}, {"record_id": "x2", "first_name": "Anna"})
    assert clusters["x1"] == "x1"
    assert clusters["x2"] == "x2"


def test_the_evidence_adds_up_to_the_weight(matched: Matched) -> None:
    pair = matched.pairs.sort("match_weight", descending=True).row(0, named=True)
    explained = explain_pair(matched.records, matched.trained, pair["record_id_l"], pair["record_id_r"])
    assert explained.evidence["points"].sum() == pytest.approx(explained.weight, abs=1e-4)
    assert explained.weight == pytest.approx(pair["match_weight"], abs=1e-3)
    with pytest.raises(KeyError):
        explain_pair(matched.records, matched.trained, "r00000", "nobody")


def ids(count: int) -> list[str]:
    return [f"{number:04d}" for number in range(count)]


@pytest.mark.parametrize(
    "people",
    [
        pl.DataFrame(schema={"record_id": pl.String, "first_name": pl.String}),
        pl.DataFrame({"record_id": ["1"], "first_name": ["ann"]}),
        pl.DataFrame({"record_id": ["1", "2"], "first_name": [None, None]}, schema_overrides={"first_name": pl.String}),
        pl.DataFrame({"record_id": ids(3_000), "email": ["same@example.com"] * 3_000}),
        pl.DataFrame({"record_id": ids(900), "first_name": ["ann", "bob", "eve"] * 300}),
    ],
    ids=["no record", "one record", "all null", "one e-mail for all", "given names alone"],
)
def test_what_says_nothing_leaves_every_record_alone(people: pl.DataFrame) -> None:
    clusters = match_people(people).clusters
    assert clusters["cluster_id"].to_list() == clusters["record_id"].to_list() == sorted(people["record_id"])


def test_one_record_many_times_is_one_customer() -> None:
    copies = pl.DataFrame([PERSON | {"record_id": number} for number in ids(500)])
    assert match_people(copies).clusters["cluster_id"].unique().to_list() == ["0000"]


@pytest.mark.parametrize(
    "people",
    [
        pl.DataFrame({"first_name": ["ann"]}),
        pl.DataFrame({"record_id": ["1", "1"], "first_name": ["ann", "bob"]}),
        pl.DataFrame({"record_id": ["1", None], "first_name": ["ann", "bob"]}),
        pl.DataFrame({"record_id": ["1", "2"], "colour": ["red", "blue"]}),
    ],
    ids=["no record_id", "one record_id twice", "a record_id missing", "no usable column"],
)
def test_people_that_cannot_be_matched_are_refused_with_what_to_do(people: pl.DataFrame) -> None:
    with pytest.raises(MatchError):
        match_people(people)


HOSTILE = [
    "'; DROP TABLE records; --",
    "\x00\x01",
    "🙂" * 50,
    "ا" * 300,
    "%s%n",
    "a" * 5_000,
    "\u202ertl",
    "NULL",
    "\\",
    "''",
    "日本",
    "١٩٩٠",
]


def test_hostile_text_is_only_text() -> None:
    columns = ("first_name", "last_name", "email", "phone", "date_of_birth", "address_line", "postcode", "city",
    "national_id",
               "recorded_at", "title", "country", "full_name")  # fmt: skip
    rows = [
        {
            "record_id": f"{text[:20]}{number}",
            **{name: HOSTILE[(number * place) % len(HOSTILE)] for place, name in enumerate(columns, 1)},
        }
        for number, text in enumerate(HOSTILE * 5)
    ]
    assert match_people(pl.DataFrame(rows)).clusters.height == len(rows)


def test_two_hundred_thousand_records_of_one_email_are_matched_by_what_else_they_say() -> None:
    """All pairs of one mailbox are 20 billion: an address that so many strangers share says nothing."""
    number = 200_000
    place = pl.int_range(number, eager=True)
    people = pl.DataFrame({"record_id": place.cast(pl.String).str.zfill(6), "email": ["info@example.com"] * number})
    people = people.with_columns(
        first_name=pl.concat_str(pl.lit("n"), (place // 2 * 7_919 % 99_991).cast(pl.String)),
        last_name=pl.concat_str(pl.lit("s"), (place // 2 * 104_729 % 99_989).cast(pl.String)),
    )
    sizes = match_people(people).clusters.group_by("cluster_id").len()["len"]
    assert sizes.max() == 2
    assert len(sizes) < 110_000

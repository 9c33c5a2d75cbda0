"""The people of the demo company: households as matching finds them hard, lives that go on, plausible addresses."""

import sqlite3
from contextlib import closing

import phonenumbers
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.demo.dice import dice
from crm_platform.demo.people import draw_households
from tests.unit.demo.conftest import WrittenCompany


def _households(company: WrittenCompany, kind: str) -> pl.DataFrame:
    return company.truth("people").filter(pl.col("household_kind") == kind)


@given(seed=st.integers(0, 2**31), people=st.integers(1, 400))
def test_everybody_has_one_household_and_one_place_in_it(seed: int, people: int) -> None:
    household = draw_households(dice(seed, 0, "households"), people)
    places = pl.DataFrame({"number": household.number, "position": household.position})
    assert places.height == people
    assert places.unique().height == people
    assert household.number.tolist() == sorted(household.number.tolist())


def test_twins_share_birth_date_and_address_but_not_the_name(company: WrittenCompany) -> None:
    positions = company.truth("households").select("person_id", "position")
    children = _households(company, "twins").join(positions, on="person_id").filter(pl.col("position") >= 2)
    pairs = children.group_by("household_id").agg(
        pl.len(), pl.col("birth_date", "address_line", "last_name").n_unique(), names=pl.col("first_name").n_unique()
    )
    whole = pairs.filter(pl.col("len") == 2)
    assert whole.height > 5
    assert whole["birth_date"].max() == 1
    assert whole["address_line"].max() == 1
    assert whole.filter(pl.col("names") == 2).height > 0


def test_father_and_son_differ_by_their_birth_date_alone(company: WrittenCompany) -> None:
    pairs = (
        _households(company, "father_and_son")
        .group_by("household_id")
        .agg(pl.len(), pl.col("first_name", "last_name", "address_line").n_unique(), pl.col("birth_date").unique())
    )
    whole = pairs.filter(pl.col("len") == 2)
    assert whole.height > 5
    assert whole.select(pl.max_horizontal("first_name", "last_name", "address_line")).to_series().max() == 1
    years = whole["birth_date"].list.eval((pl.element().max() - pl.element().min()).dt.total_days() / 365.25)
    assert years.list.first().is_between(15, 45).all()


def test_a_family_shares_one_mailbox(company: WrittenCompany) -> None:
    mailboxes = _households(company, "shared_mail").group_by("household_id").agg(pl.col("email").n_unique(), pl.len())
    assert mailboxes["email"].max() == 1
    assert mailboxes.filter(pl.col("len") > 1).height > 10


def test_nobody_else_shares_a_mailbox(company: WrittenCompany) -> None:
    people = company.truth("people").filter(pl.col("household_kind") != "shared_mail")
    assert people["email"].is_unique().all()


@pytest.mark.parametrize("event", ["married_date", "moved_date", "email_changed_date", "death_date"])
def test_lives_go_on(company: WrittenCompany, event: str) -> None:
    assert company.truth("people")[event].drop_nulls().len() > 3


def test_a_bride_who_took_a_new_name_stands_under_both_in_different_systems(company: WrittenCompany) -> None:
    brides = company.truth("people").drop_nulls("married_date").select("person_id", "last_name", "married_last_name")
    owners = company.truth("record_person").join(brides, on="person_id")
    accounts = company.shop("customers").join(owners, left_on="CustNo", right_on="record_id")
    registered = accounts.filter(pl.col("Surname").str.to_lowercase() == pl.col("last_name").str.to_lowercase())
    renamed = accounts.filter(pl.col("Surname").str.to_lowercase() == pl.col("married_last_name").str.to_lowercase())
    assert registered.height > 0
    assert renamed.height > 0


@pytest.mark.parametrize("column", ["mobile_phone", "phone"])
def test_nearly_all_telephone_numbers_are_valid_in_their_country(company: WrittenCompany, column: str) -> None:
    numbers = company.truth("people")[column].drop_nulls()
    valid = [phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers]
    assert sum(valid) / len(valid) > 0.97


def test_organisations_have_contacts_and_a_hierarchy(company: WrittenCompany) -> None:
    organisations = company.truth("organisations")
    daughters = organisations.drop_nulls("parent_organisation_id")
    assert daughters.height > 0
    assert set(daughters["parent_organisation_id"]) <= set(organisations["organisation_id"])
    contacts = company.truth("people").drop_nulls("organisation_id").group_by("organisation_id").len()
    assert contacts.filter(pl.col("len") > 1).height > 0


def test_the_till_has_placeholders_shared_by_many(company: WrittenCompany) -> None:
    with closing(sqlite3.connect(company.landing / "till" / "till.db")) as database:
        cards = pl.read_database("SELECT email, born FROM cards", database)
    assert cards.filter(pl.col("email") == "no@email.com").height > 50
    assert cards.filter(pl.col("born") == "1900-01-01").height > 50

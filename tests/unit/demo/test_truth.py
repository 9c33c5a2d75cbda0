"""The truth joins with the records, tells where the faults are, and is what the files show."""

from pathlib import Path

import polars as pl
import pytest

from crm_platform.demo.troubles import DAYS_AFTER_ORDER
from tests.unit.demo.conftest import WrittenCompany, content_of


def _lines(path: Path) -> list[str]:
    return content_of(path).decode("cp1252").split("\n")[:-1]


def test_every_account_of_the_shop_has_its_person(company: WrittenCompany) -> None:
    owners = company.truth("record_person").filter(pl.col("source") == "shop")
    accounts = company.shop("customers").drop_nulls("CustNo")
    assert set(accounts["CustNo"]) <= set(owners["record_id"])
    assert set(owners["person_id"]) <= set(company.truth("people")["person_id"])


def test_every_person_of_the_call_centre_and_every_registration_has_its_person(company: WrittenCompany) -> None:
    owners = company.truth("record_person")
    people = company.csv("crm/customers").filter(pl.col("Type") == "P").drop_nulls("CustomerRef")
    assert set(people["CustomerRef"]) <= set(owners.filter(pl.col("source") == "crm")["record_id"])
    users = pl.concat(
        pl.read_ndjson(path).select("id") for path in sorted(company.landing.glob("web/registrations_*.jsonl"))
    )
    assert set(users["id"].drop_nulls()) <= set(owners.filter(pl.col("source") == "web")["record_id"])


def test_everybody_is_known_to_one_to_four_systems(company: WrittenCompany) -> None:
    systems = company.truth("record_person").group_by("person_id").agg(pl.col("source").n_unique())
    assert systems.height == company.truth("people").height
    assert set(systems["source"]) == {1, 2, 3, 4}


def test_some_have_two_records_in_one_system(company: WrittenCompany) -> None:
    records = company.truth("record_person").group_by("source", "person_id").len()
    assert records.filter(pl.col("len") > 1)["source"].n_unique() == 4


@pytest.mark.parametrize(
    ("rule", "sign"),
    [
        ("missing_key", ";"),
        ("email", "not an address"),
        ("impossible_title", "Xylophone"),
        ("date_in_future", "2091"),
        ("wrong_number_of_columns", "surplus"),
    ],
)
def test_a_fault_stands_in_the_line_that_the_truth_names(company: WrittenCompany, rule: str, sign: str) -> None:
    faults = company.truth("injected_errors").filter(
        pl.col("file").str.starts_with("shop/customers") & (pl.col("rule") == rule)
    )
    for file, line in faults.select("file", "line").iter_rows():
        text = _lines(company.landing / file)[line - 1]
        assert text.startswith(sign) if rule == "missing_key" else sign in text


def test_a_doubled_row_stands_right_behind_its_first(company: WrittenCompany) -> None:
    faults = company.truth("injected_errors").filter(
        (pl.col("rule") == "duplicate_row") & pl.col("file").str.starts_with("shop/")
    )
    assert faults.height > 0
    for file, line in faults.select("file", "line").iter_rows():
        lines = _lines(company.landing / file)
        assert lines[line - 1] == lines[line - 2]


def test_every_line_of_a_log_has_its_actor(company: WrittenCompany) -> None:
    actors = company.truth("actors")
    for path in company.landing.glob("mail/*/*.log.gz"):
        name = path.relative_to(company.landing).as_posix()
        told = actors.filter(pl.col("file") == name)
        assert told["line"].to_list() == list(range(1, len(_lines(path)) + 1))


def test_people_proxies_and_machines_are_all_there(company: WrittenCompany) -> None:
    assert set(company.truth("actors")["actor"]) == {"human", "privacy_proxy", "machine"}


def test_nobody_in_a_control_group_is_sent_anything_or_persuaded(company: WrittenCompany) -> None:
    controls = company.truth("responses").filter("is_control")
    assert controls.height > 20
    assert controls["outcome"].null_count() == controls.height
    assert not controls["is_persuaded"].any()


def test_control_groups_are_drawn_at_cell_campaign_and_universal_level(company: WrittenCompany) -> None:
    assert set(company.csv("crm/campaign_cells")["Level"].drop_nulls()) == {"cell", "campaign", "universal"}
    assert {"A0", "K", "U"} <= set(company.truth("responses")["cell_id"])


def test_campaigns_have_a_true_lift(company: WrittenCompany) -> None:
    responses = company.truth("responses")
    persuaded = responses.filter("is_persuaded")
    assert persuaded.height > 10
    assert not persuaded["bought_anyway"].any()
    assert persuaded["order_id"].null_count() == 0


def test_selected_is_sent_and_not_sent_and_sent_has_one_outcome_each(company: WrittenCompany) -> None:
    members = company.csv("crm/campaign_members")
    assert (members["SentAt"].is_null() == members["NotSent"].is_not_null()).all()
    outcomes = company.truth("responses").join(
        members.drop_nulls("MemberRef").unique("MemberRef").select("MemberRef", "SentAt"),
        left_on="member_id",
        right_on="MemberRef",
    )
    assert (outcomes["SentAt"].is_null() == outcomes["outcome"].is_null()).all()


def test_nobody_orders_of_their_own_will_after_leaving(company: WrittenCompany) -> None:
    caused = company.truth("responses")["order_id"].drop_nulls()
    owners = company.truth("record_person").filter(pl.col("source") == "shop")
    leaves = company.truth("churn").drop_nulls("leaves_date").select("person_id", "leaves_date")
    orders = company.shop("orders").drop_nulls("OrderNo").filter(~pl.col("OrderNo").is_in(caused.implode()))
    orders = orders.filter(~pl.col("OrderDate").str.contains("2099"))
    dated = orders.join(owners, left_on="CustNo", right_on="record_id").join(leaves, on="person_id")
    days = pl.col("OrderDate").str.to_datetime("%d/%m/%Y %H:%M").cast(pl.Date)
    assert dated.filter(days > pl.col("leaves_date")).height == 0


def test_permission_is_given_and_taken_back_in_every_way(company: WrittenCompany) -> None:
    events = pl.concat(
        pl.read_ndjson(path).select("event_type") for path in sorted(company.landing.glob("web/permission_events_*"))
    )["event_type"]
    by_form = {"double_opt_in_request", "double_opt_in_confirm", "opt_out", "expiry", "list_unsubscribe"}
    assert by_form | {"opt_in", "global_opt_out", "complaint"} == set(events)


def test_some_leave_over_a_trouble_of_each_kind_and_others_stay_through_it(company: WrittenCompany) -> None:
    churn = company.truth("churn")
    assert set(churn["trouble"].drop_nulls()) == set(DAYS_AFTER_ORDER)
    troubled = churn.drop_nulls("trouble")
    leaves = troubled.drop_nulls("leaves_date")
    assert 0.5 < leaves.height / troubled.height < 0.9
    assert (leaves["leaves_date"] > leaves["trouble_date"]).all()


@pytest.mark.parametrize(
    ("trouble", "feed", "customer", "moment"),
    [
        ("late_delivery", "logistics/shipments", "CustNo", "Delivered"),
        ("damaged_goods", "shop/returns", "CustNo", "ReturnedAt"),
        ("unsolved_cases", "crm/support_cases", "CustomerRef", "OpenedAt"),
        ("bad_answer", "crm/surveys", "CustomerRef", "RespondedAt"),
        ("too_many_mails", "crm/permission_events", "CustomerRef", "OccurredAt"),
    ],
)
def test_a_trouble_stands_in_the_feed_of_its_kind(
    company: WrittenCompany, trouble: str, feed: str, customer: str, moment: str
) -> None:
    told = company.shop("returns") if feed.startswith("shop/") else company.csv(feed)
    if customer == "CustNo":
        told = told.drop("CustNo", strict=False).join(company.shop("orders").unique("OrderNo"), on="OrderNo")
    owners = company.truth("record_person").select("person_id", pl.col("record_id").alias(customer))
    wanted = company.truth("churn").filter(pl.col("trouble") == trouble).join(owners, on="person_id")
    day = pl.coalesce(pl.col(moment).str.head(10).str.to_date(form, strict=False) for form in ("%Y-%m-%d", "%d/%m/%Y"))
    days = told.select(customer, day=day).join(wanted, on=customer).group_by("person_id").agg("day", "trouble_date")
    shown = days.filter(pl.col("trouble_date").list.first().is_in(pl.col("day")))
    # Some consents were the site's alone, and some goods came later than they should have gone back.
    assert shown.height > 0.5 * wanted["person_id"].n_unique() > 0

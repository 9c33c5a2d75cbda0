"""Roles: what makes and ends a purchaser, payer, registered user, subscriber and prospect, by the declared rules."""

from datetime import UTC, datetime
from typing import Any

from tests.unit.scv.company import Company, on

ANN, BOB = "shop.customers:A", "shop.customers:B"


def accounts(company: Company) -> None:
    rows = ({"customer_id": name, "customer_type": "person", "created_dt": on(1), "last_name": name} for name in "AB")
    company.state("shop.customers", *rows)


def order(number: str, moment: datetime, customer: str | None = "A", **columns: Any) -> dict[str, Any]:
    return {"order_id": number, "customer_id": customer, "order_dt": moment, "status": "ordered", **columns}


def step(number: str, status: str, moment: datetime) -> dict[str, Any]:
    return {"order_id": number, "status": status, "event_dt": moment}


def roles(company: Company, record: str) -> dict[str, tuple[bool, datetime, datetime | None, str]]:
    rows = company.rows("customer_role").filter(customer_key=company.key_of(record))
    return {
        row["role"]: (row["is_active"], row["since_dt"], row["until_dt"], row["reason"])
        for row in rows.iter_rows(named=True)
    }


def test_an_order_makes_a_purchaser_and_its_payment_a_payer(company: Company) -> None:
    accounts(company)
    company.state("shop.orders", order("1", on(3), payer_customer_id="B"))
    company.state("shop.order_events", step("1", "paid", on(5)))
    company.run(on(20))
    assert roles(company, ANN)["purchaser"] == (True, on(3), None, "order")
    assert roles(company, BOB)["payer"] == (True, on(5), None, "order")
    assert "payer" not in roles(company, ANN) and "purchaser" not in roles(company, BOB)
    row = company.customer(ANN, "dim_customer")
    assert (row["is_purchaser"], row["purchaser_since_dt"], row["is_payer"], row["is_prospect"]) == (
        True, on(3), False, False,
    )  # fmt: skip


def test_a_cancelled_order_ends_a_purchaser_who_has_no_other(company: Company) -> None:
    accounts(company)
    company.state("shop.orders", order("1", on(3)), order("2", on(4), "B"), order("3", on(6), "B"))
    company.state("shop.order_events", step("1", "cancelled", on(5)), step("2", "cancelled", on(5)))
    company.run(on(20))
    assert roles(company, ANN)["purchaser"] == (False, on(3), on(5), "every order cancelled or refunded")
    assert roles(company, BOB)["purchaser"] == (True, on(6), None, "order")


def test_what_comes_of_an_order_after_as_of_is_not_known(company: Company) -> None:
    accounts(company)
    company.state("shop.orders", order("1", on(3), status="cancelled"), order("2", on(9), "B"))
    company.state("shop.order_events", step("1", "cancelled", on(8)))
    company.run(on(7))
    assert roles(company, ANN)["purchaser"] == (True, on(3), None, "order")
    assert "purchaser" not in roles(company, BOB)


def test_a_purchaser_lapses_after_the_declared_months(company: Company) -> None:
    accounts(company)
    company.state("shop.orders", order("1", datetime(2023, 3, 1, tzinfo=UTC)))
    company.run(on(20))
    assert roles(company, ANN)["purchaser"][2:] == (datetime(2025, 3, 1, tzinfo=UTC), "lapsed")


def test_a_source_that_tells_no_steps_is_taken_at_its_word(company: Company) -> None:
    company.state("till.customers", {"customer_id": "T", "customer_type": "person", "created_dt": on(1)})
    company.state("till.orders", order("1", on(3), "T", status="closed"))
    company.run(on(20))
    assert set(roles(company, "till.customers:T")) == {"purchaser", "payer"}


def test_a_subscription_makes_a_subscriber_until_the_last_one_is_withdrawn(company: Company) -> None:
    company.state("web.registrations", {"registration_id": "U", "customer_id": "U", "registered_dt": on(2)})
    given = {"customer_id": "U", "permission_kind": "subscription", "channel": "email", "brand": "ivory"}
    weekly, alert = given | {"communication": "weekly"}, given | {"communication": "alert"}
    company.state(
        "web.permission_events",
        weekly | {"event_id": "1", "event_type": "opt_in", "event_dt": on(3)},
        alert | {"event_id": "2", "event_type": "double_opt_in_request", "event_dt": on(3)},
        alert | {"event_id": "3", "event_type": "double_opt_in_confirm", "event_dt": on(4)},
        weekly | {"event_id": "4", "event_type": "opt_out", "event_dt": on(6)},
    )
    user = "web.registrations:U"
    company.run(on(7))
    assert roles(company, user)["subscriber"] == (True, on(3), None, "subscription")
    company.state(
        "web.permission_events",
        {"customer_id": "U", "event_id": "5", "event_type": "global_opt_out", "event_dt": on(8)},
    )
    company.run(on(9))
    assert roles(company, user)["subscriber"] == (False, on(3), on(8), "every subscription ended")
    assert roles(company, user)["registered"] == (True, on(2), None, "registration")


def test_a_lead_is_a_prospect_until_the_first_purchase(company: Company) -> None:
    accounts(company)
    company.state("sales.leads", {"full_name": "Ann Bell", "noted_date": on(2).date()})
    company.run(on(3))
    [lead] = company.rows("customer_xref").filter(source="sales")["record_id"]
    assert roles(company, lead)["prospect"] == (True, on(2), None, "lead")
    company.groups = [[ANN, lead]]
    company.state("shop.orders", order("1", on(6)))
    company.run(on(10))
    assert roles(company, ANN)["prospect"] == (False, on(1), on(6), "first purchase")


def test_no_role_lapses_where_no_months_are_declared(company: Company) -> None:
    prospect = company.settings.roles.prospect.model_copy(update={"lapses_after_months": None})
    rules = company.settings.roles.model_copy(update={"prospect": prospect})
    company.settings = company.settings.model_copy(update={"roles": rules})
    row = {"customer_id": "A", "customer_type": "person", "created_dt": datetime(2015, 1, 1, tzinfo=UTC)}
    company.state("shop.customers", row)
    company.run(on(20))
    assert roles(company, ANN)["prospect"][0]

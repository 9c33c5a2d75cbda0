"""The review list: which pairs a person sees, in which order, with which words."""

import polars as pl

from crm_platform.scv.identity.clusters import VERDICT_SCHEMA
from crm_platform.scv.identity.links import model_links
from crm_platform.scv.review.evidence import evidence_of
from crm_platform.scv.review.pairs import pairs_in_doubt
from crm_platform.scv.review.quality import broken_limits
from crm_platform.scv.settings import QualityLimits, ReviewSettings
from tests.unit.scv.company import Company, on, weighed

NO_VERDICTS = pl.DataFrame(schema=VERDICT_SCHEMA)


def xref(**keys: int) -> pl.DataFrame:
    return pl.DataFrame(list(keys.items()), schema={"record_id": pl.String, "customer_key": pl.Int64}, orient="row")


def test_pairs_in_the_grey_zone_come_riskiest_first_and_sure_ones_not_at_all() -> None:
    pairs = weighed(("a", "b", 0.0), ("c", "d", 1.5), ("e", "f", 9.0), ("g", "h", -6.0))
    keys = xref(a=1, b=2, c=3, d=4, e=5, f=6, g=7, h=8)
    found = pairs_in_doubt(pairs, keys, NO_VERDICTS, ReviewSettings())
    assert found.select("kind", "record_id_a").rows() == [("grey_pair", "a"), ("grey_pair", "c")]


def test_two_customers_stand_on_the_list_once() -> None:
    pairs = weighed(("a", "c", 0.0), ("b", "c", 0.5))
    assert pairs_in_doubt(pairs, xref(a=1, b=1, c=2), NO_VERDICTS, ReviewSettings()).height == 1


def test_a_pair_that_alone_holds_a_customer_together_is_a_weak_bridge() -> None:
    pairs = weighed(("a", "b", 9.0), ("b", "c", 1.0), ("c", "d", 9.0))
    found = pairs_in_doubt(pairs, xref(a=1, b=1, c=1, d=1), NO_VERDICTS, ReviewSettings())
    assert found.select("kind", "record_id_a", "record_id_b").rows() == [("weak_bridge", "b", "c")]
    held_otherwise = pl.concat([pairs, weighed(("a", "d", 9.0))])
    assert pairs_in_doubt(held_otherwise, xref(a=1, b=1, c=1, d=1), NO_VERDICTS, ReviewSettings()).is_empty()


def test_what_a_person_has_decided_is_not_asked_again() -> None:
    decided = NO_VERDICTS.clear().vstack(
        pl.DataFrame([("a", "b", "different", on(1))], schema=VERDICT_SCHEMA, orient="row")
    )
    assert pairs_in_doubt(weighed(("a", "b", 0.0)), xref(a=1, b=2), decided, ReviewSettings()).is_empty()


def test_evidence_names_fields_and_points_and_no_value(company: Company) -> None:
    people = [
        {
            "customer_id": f"{number}",
            "customer_type": "person",
            "first_name": ("Ann", "Bob", "Cy", "Di")[number % 4],
            "last_name": f"Surname{chr(97 + number % 7)}{chr(97 + number // 7)}",
            "email": f"person{number}@x.example",
            "created_dt": on(1),
        }
        for number in range(40)
    ]
    company.state("shop.customers", *people)
    company.state("till.customers", {**people[0], "customer_id": "T", "email": "other@x.example"})
    company.run_identity(on(2))
    links = model_links(company.rows("source_record"))
    pair = pl.DataFrame({"record_id_a": ["shop.customers:0"], "record_id_b": ["till.customers:T"]})
    [text] = evidence_of(pair, links.matched)["evidence"]
    assert "surname: the same (+" in text and "e-mail address: " in text
    assert "urnamea" not in text and "@" not in text


def test_the_figures_of_a_run_are_held_against_the_limits() -> None:
    figures = {"largest_cluster": 60, "number_of_grey_pairs": 30, "number_of_records": 100}
    complaints = broken_limits(figures, QualityLimits(largest_cluster=50, largest_grey_share=0.2))
    assert len(complaints) == 2 and "60 records" in complaints[0]
    assert broken_limits(figures, QualityLimits(largest_cluster=60, largest_grey_share=0.3)) == []

"""People of other kinds than customers are matched by the same default, however few their towns and streets."""

import numpy as np
import pytest

from benchmarks.matching import quality_of
from benchmarks.synthetic_kinds import KINDS
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.fields import FIELD_OF, FIELDS, OWN_MAILBOX
from crm_platform.scv.match.model import FAMILY_MAILBOX, HOUSEHOLD, SAME, STRANGERS, Weigher
from crm_platform.scv.match.training import anchored, believed, is_plausible

PERSONS = 700


@pytest.mark.parametrize("is_coarse", [False, True], ids=["fine", "coarse"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_people_does_not_collapse(kind: str, is_coarse: bool) -> None:
    people, truth = KINDS[kind](PERSONS, 7, is_coarse)
    quality = quality_of(truth, match_people(people).clusters, "cluster_id")
    assert quality.pairs > 0.9, quality
    assert quality.largest <= 1.5 * quality.largest_true + 1, quality


def test_people_of_few_towns_without_email_do_not_become_their_towns() -> None:
    """At 24,000 records these came out at an F1 of 0.05: "one person" had been learnt as "of one town"."""
    people, truth = KINDS["australians"](3_000, 3, True)
    matched = match_people(people)
    quality = quality_of(truth, matched.clusters, "cluster_id")
    assert quality.pairs > 0.95, quality
    assert quality.largest <= 1.5 * quality.largest_true, quality
    assert matched.trained.standards.default_country == "AU"
    for field in matched.trained.model.fields:
        conflict = matched.trained.model.same[field.name][:, field.conflicts].sum(axis=1)
        assert (conflict <= field.most_conflict + 1e-9).all(), field.name


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.most_conflict < 1])
def test_one_person_is_not_learnt_to_disagree_on_what_is_his_own(name: str) -> None:
    field = FIELD_OF[name]
    drifted = np.full((3, len(field.levels)), 1e-3)
    drifted[:, -1] = 1.0 - drifted[:, :-1].sum(axis=1)
    held = anchored(field, drifted)
    assert np.allclose(held.sum(axis=1), 1.0)
    assert np.allclose(held[:, field.conflicts].sum(axis=1), field.most_conflict)
    plausible = np.tile([level.same for level in field.levels], (3, 1))
    assert np.allclose(anchored(field, plausible), plausible)


def test_town_and_region_of_two_strangers_count_as_one_agreement() -> None:
    model = believed([FIELD_OF["city"], FIELD_OF["region"]], 1_000)
    agrees, unknown = np.array([10, 10, 0], np.uint8), np.array([10, 0, 10], np.uint8)
    states = {"city": agrees, "region": unknown, "gap": np.zeros(3, np.uint8)}
    both, town, region = Weigher(model).by_kind(states)[:, STRANGERS]
    by_chance = Weigher(model).tables["region"][0, 10, STRANGERS]
    assert by_chance < -3
    assert both - town > -0.1
    assert region == pytest.approx(town, abs=1e-4)


def test_a_model_that_its_bounds_hold_back_on_two_sides_is_refused() -> None:
    model = believed([FIELD_OF["given"], FIELD_OF["surname"], FIELD_OF["city"]], 1_000)
    assert is_plausible(model, 1_000)
    for name, is_still in (("given", True), ("surname", False)):
        drifted = np.full_like(model.same[name], 1e-3)
        drifted[:, -1] = 1.0
        model.same[name] = anchored(FIELD_OF[name], drifted / drifted.sum(axis=1, keepdims=True))
        assert is_plausible(model, 1_000) == is_still


def test_a_mailbox_with_the_name_of_one_of_the_two_speaks_against_a_family_and_says_nothing_of_strangers() -> None:
    model = believed([FIELD_OF["email"], FIELD_OF[OWN_MAILBOX]], 1_000)
    named, nobody, unknown = Weigher(model).tables[OWN_MAILBOX][0, [1, -1, 0]]
    assert named[SAME] == named[STRANGERS] > named[FAMILY_MAILBOX] == named[HOUSEHOLD]
    assert nobody[SAME] == nobody[STRANGERS] < nobody[FAMILY_MAILBOX]
    assert (unknown == 0).all()

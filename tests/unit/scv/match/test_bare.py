"""Records with a name and an address alone: they tie no two others together, and go where only one place fits."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from crm_platform.scv.match.bare import Said, attached, said_by
from crm_platform.scv.match.clustering import Once
from crm_platform.scv.match.engine import match_people
from crm_platform.scv.match.fields import FIELD_OF
from crm_platform.scv.match.grouping import linked
from crm_platform.scv.match.settings import VETO, MatchSettings
from crm_platform.scv.match.training import believed
from crm_platform.scv.match.weighed import WeighedPairs
from tests.unit.scv.match.people import people_with_doubles

CROWD, _ = people_with_doubles(90)


def saying(
    telling: list[bool],
    home: list[bool] | None = None,
    name: list[bool] | None = None,
    given: list[str | None] | None = None,
) -> Said:
    """What records say; all of them a home and a name where it is not told."""
    every = [True] * len(telling)
    has_own, has_home, has_name = (np.asarray(flags or every) for flags in (telling, home, name))
    return Said(has_own, has_home, has_name, None if given is None else pl.Series(given, dtype=pl.String))


def clusters_of(said: Said | list[bool], weights: dict[tuple[int, int], float], once: Once | None = None) -> list[int]:
    left, right = (np.asarray(side, np.int64) for side in zip(*weights, strict=True))
    weight = np.asarray(list(weights.values()), np.float64)
    pairs = WeighedPairs(left, right, weight.astype(np.float32), np.zeros(len(weight), np.bool_))
    said = said if isinstance(said, Said) else saying(said)
    copies = np.ones(len(said.telling), np.int64)
    found: list[int] = linked(pairs, weight, said, copies, MatchSettings(), once).tolist()
    return found


@given(st.integers(2, 9), st.randoms(use_true_random=False))
def test_bare_records_change_nothing_between_the_others(number: int, chance: object) -> None:
    generator = np.random.default_rng(chance.randrange(2**32))  # type: ignore[attr-defined]
    telling = generator.random(number) < 0.6
    weights = {
        (a, b): float(generator.normal(0.0, 5.0)) for a in range(number) for b in range(a + 1, number) if a + b
    } | {(0, 1): 1.0}
    found = np.asarray(clusters_of(telling.tolist(), weights))
    places = np.flatnonzero(telling)
    own = {pair: weight for pair, weight in weights.items() if telling[list(pair)].all()}
    if not own:
        return
    local: NDArray[np.int64] = np.full(number, -1)
    local[places] = np.arange(len(places))
    alone = clusters_of([True] * len(places), {(int(local[a]), int(local[b])): w for (a, b), w in own.items()})
    together = found[places][:, None] == found[places][None, :]
    assert (together == (np.asarray(alone)[:, None] == np.asarray(alone)[None, :])).all()


def test_a_bare_record_goes_to_the_one_group_it_fits_by_any_of_its_homes() -> None:
    # 0 and 1 are one person before and after a move, 2 a namesake elsewhere; 3 names the old home.
    weights = {(0, 1): 12.0, (0, 2): -5.0, (1, 2): -5.0, (0, 3): 4.0, (1, 3): -6.0, (2, 3): -6.0}
    assert clusters_of([True, True, True, False], weights) == [0, 0, 2, 0]


def test_a_bare_record_that_fits_two_groups_stays_alone() -> None:
    weights = {(0, 1): -6.0, (0, 2): 4.0, (1, 2): 4.3}
    assert clusters_of([True, True, False], weights) == [0, 1, 2]


def test_a_bare_record_goes_to_him_of_whom_its_source_has_no_record_yet() -> None:
    # 0 is the father, 1 and 2 the son, 2 and 3 from one list that names hardly anybody twice.
    weights = {(0, 1): -6.0, (0, 2): -6.0, (1, 2): 9.0, (0, 3): 4.0, (1, 3): 4.0, (2, 3): 4.0}
    telling = [True, True, True, False]
    assert clusters_of(telling, weights) == [0, 1, 1, 3]
    assert clusters_of(telling, weights, Once(np.array([0, 0, 1, 1], np.uint64), (-5.0,))) == [0, 1, 1, 0]


def test_who_is_known_to_live_elsewhere_is_not_brought_here_by_a_record_without_a_home() -> None:
    # 0 lives here; 1 and 2 are a namesake who lives elsewhere, as 1 says; 3 names the home of 0.
    weights = {(0, 1): -5.0, (0, 2): -5.0, (1, 2): 12.0, (0, 3): 4.2, (1, 3): -2.0, (2, 3): 3.8}
    telling = [True, True, True, False]
    assert clusters_of(saying(telling, home=[True, True, False, True]), weights) == [0, 1, 1, 0]
    assert clusters_of(saying(telling), weights) == [0, 1, 1, 3]


def test_an_initial_does_not_speak_for_who_is_known_by_the_whole_name() -> None:
    # 1 is Barry, 2 the same by his initial; 3 is Elizabeth, as 0 is, who may be a Betty.
    weights = {(0, 1): -5.0, (0, 2): -1.0, (1, 2): 12.0, (0, 3): 4.2, (2, 3): 3.8}
    telling = [True, True, True, False]
    assert clusters_of(saying(telling, name=[True, True, False, True]), weights) == [0, 1, 1, 0]
    assert clusters_of(saying(telling), weights) == [0, 1, 1, 3]


def test_bare_records_that_fit_nobody_who_is_known_are_tied_to_each_other() -> None:
    assert clusters_of([True, False, False], {(0, 1): -3.0, (0, 2): -3.0, (1, 2): 4.0}) == [0, 1, 1]


def test_a_veto_keeps_a_bare_record_out_of_a_cluster() -> None:
    left, right = np.array([0, 1, 0]), np.array([2, 2, 1])
    cluster, fits_none = attached(
        np.array([0, 0, 2]), saying([True, True, False]), left, right, np.array([6.0, VETO, 9.0])
    )
    assert cluster.tolist() == [0, 0, 2]
    assert fits_none.tolist() == [False, False, True]


def test_every_record_tells_where_nothing_of_a_persons_own_is_known() -> None:
    records = pl.DataFrame({"birth_date": [None, "19800101"], "given_first": ["a", "ann"]}).with_columns(
        email=pl.lit(None, pl.String), phone=pl.lit(None, pl.String)
    )
    names_only = believed([FIELD_OF["given"], FIELD_OF["surname"]], 2)
    assert said_by(records, names_only).telling.tolist() == [True, True]
    with_dates = believed([FIELD_OF["given"], FIELD_OF["birth_date"]], 2)
    said = said_by(records, with_dates)
    assert (said.telling.tolist(), said.name.tolist(), said.home.tolist()) == (
        [False, True], [False, True], [True, True]
    )  # fmt: skip


def test_father_and_son_of_one_name_are_not_tied_by_a_record_that_may_be_eithers() -> None:
    father = {
        "record_id": "x1", "first_name": "Theodor", "last_name": "Quint", "date_of_birth": "1951-02-03",
        "email": "theo.quint@example.com", "phone": "0455123987", "address_line": "7 Quarry Lane",
    }  # fmt: skip
    son = father | {
        "record_id": "x2", "date_of_birth": "1982-11-20", "email": "quint.theodor82@example.com", "phone": "0466000111"
    }  # fmt: skip
    either = {name: father[name] for name in ("first_name", "last_name", "address_line")} | {"record_id": "x3"}
    people = pl.concat([CROWD, pl.DataFrame([father, son, either])], how="diagonal_relaxed")
    clusters = dict(match_people(people).clusters.select("record_id", "cluster_id").iter_rows())
    assert len({clusters["x1"], clusters["x2"], clusters["x3"]}) == 3


def test_of_a_family_a_bare_record_goes_to_the_one_of_its_very_name() -> None:
    # 0 is Mark, 1 is Mary, 2 a bare Mary at their home: Mark would be a typing error.
    weights = {(0, 1): -8.0, (0, 2): 3.8, (1, 2): 4.1}
    assert clusters_of(saying([True, True, False], given=["mark", "mary", "mary"]), weights) == [0, 1, 1]
    # Two Marys, or two of whom only an initial is known: it stays alone.
    assert clusters_of(saying([True, True, False], given=["mary", "mary", "mary"]), weights) == [0, 1, 2]
    assert clusters_of(saying([True, True, False], given=[None, None, "mary"]), weights) == [0, 1, 2]
    # What fits clearly better goes before the very name.
    weights[0, 2] = 6.0
    assert clusters_of(saying([True, True, False], given=["mark", "mary", "mary"]), weights) == [0, 1, 0]

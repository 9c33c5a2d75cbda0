"""Lists of people who are nearly all known: a record that is tied to nobody is rather somebody's than nobody's."""

from dataclasses import replace

import numpy as np
import polars as pl

from crm_platform.scv.match.fields import FIELD_OF
from crm_platform.scv.match.listed import LEAST_BITS, listed_weights, with_listed
from crm_platform.scv.match.training import believed, untrained
from crm_platform.scv.match.weighed import WeighedPairs
from crm_platform.scv.standardise.people import Standards

NUMBER = 200
MODEL = believed([FIELD_OF["given"], FIELD_OF["birth_date"]], NUMBER)


def records(list_source: str = "list", has_birth_date: bool = False) -> pl.DataFrame:
    """Accounts with a birth date, then as many records of a list."""
    return pl.DataFrame(
        {
            "source": ["shop"] * NUMBER + [list_source] * NUMBER,
            "given_first": ["anna"] * (2 * NUMBER),
            "birth_date": ["19800101"] * NUMBER + ["19800101" if has_birth_date else None] * NUMBER,
        }
    )


def tied(number: int, weight_of_others: float = -3.0) -> WeighedPairs:
    """The first of the list tied to an account each; the others less likely anybody's."""
    left = np.arange(NUMBER, dtype=np.int64)
    weight = np.where(left < number, 4.0, weight_of_others).astype(np.float32)
    return WeighedPairs(left, left + NUMBER, weight, np.zeros(NUMBER, np.bool_))


def test_a_list_whose_records_are_nearly_all_tied_to_others_says_so() -> None:
    bits = listed_weights(records(), MODEL, tied(190))
    assert bits == {"list": round(float(np.log2(190.5 / 10.5)), 3)}
    assert bits["list"] > LEAST_BITS


def test_a_source_says_nothing_that_is_tied_to_few_or_to_itself_alone_or_is_not_bare() -> None:
    assert listed_weights(records(), MODEL, tied(150)) == {}
    assert listed_weights(records("shop"), MODEL, tied(190)) == {}
    assert listed_weights(records(has_birth_date=True), MODEL, tied(190)) == {}


def test_only_records_tied_to_nobody_are_raised() -> None:
    trained = replace(untrained(Standards(), NUMBER), model=MODEL, listed={"list": 4.0})
    pairs = tied(190)
    raised = with_listed(records(), trained, pairs)
    assert raised.weight[:190].tolist() == pairs.weight[:190].tolist()
    assert raised.weight[190:].tolist() == [1.0] * 10
    assert raised.above(0.0).all()


def test_a_vetoed_pair_ties_nobody() -> None:
    trained = replace(untrained(Standards(), NUMBER), model=MODEL, listed={"list": 4.0})
    pairs = replace(tied(NUMBER), veto=np.arange(NUMBER) == 0)
    raised = with_listed(records(), trained, pairs)
    assert raised.weight[:2].tolist() == [8.0, 4.0]
    assert not raised.above(0.0)[0]

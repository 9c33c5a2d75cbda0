"""Who is who on the demo company, against its truth, as a refresh leaves it.

The goal is 0.99 of precision and of recall at 2,000 customers (`python -m benchmarks identity`). It is reached for
three seeds of four: 0.996 and 0.993, 0.991 and 0.993, 0.994 and 0.982, 0.996 and 0.991. At the 200 customers of this
test, where a family is a fair part of all pairs, precision is 0.979 and recall 0.992; the floors lie below.
"""

from benchmarks.identity import found_by_event, labelled, pair_figures, right_attributes
from tests.end_to_end.commands import Platform

LEAST_PRECISION = 0.95
LEAST_RECALL = 0.97
LEAST = 0.9


def test_records_are_put_together_as_the_truth_has_them(refreshed_demo: Platform) -> None:
    figures = pair_figures(labelled(refreshed_demo.home))
    assert figures.precision > LEAST_PRECISION, figures
    assert figures.recall > LEAST_RECALL, figures


def test_the_married_and_the_re_mailed_are_found(refreshed_demo: Platform) -> None:
    home = refreshed_demo.home
    found = {event: (people, whole) for event, people, whole in found_by_event(home, labelled(home)).iter_rows()}
    for event in ("married", "new e-mail"):
        people, whole = found[event]
        assert whole >= LEAST * people, (event, people, whole)


def test_the_golden_record_holds_what_is_true(refreshed_demo: Platform) -> None:
    home = refreshed_demo.home
    shares = {name: right / of for name, of, right in right_attributes(home, labelled(home)).iter_rows() if of}
    assert min(shares.values()) > 0.8, shares
    assert min(shares[name] for name in ("birth_date", "sex", "email", "last_name")) > LEAST, shares

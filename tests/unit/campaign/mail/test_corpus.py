"""Real bounce mails, as an evaluation: the goals hold on the open half of the corpus.

The corpus is no part of this repository; it lies in `bounces/` of the folder `CRM_EVAL_DATA` (default
`../shared/data`). Where it is missing, the tests say so and are skipped.
"""

import os
from pathlib import Path

import pytest

from benchmarks.bounces import GOALS, figures, kinds, ours, truth_of

FOLDER = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "bounces"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "truth.jsonl").exists(), reason=f"no bounce mails to evaluate in {FOLDER}; set CRM_EVAL_DATA"
)


def test_recipients_addresses_and_reasons_reach_the_goals() -> None:
    shares = figures(FOLDER, truth_of(FOLDER, "all"), ours).shares()
    assert {name: share for name, share in shares.items() if share < GOALS[name]} == {}


def test_complaints_are_known_others_are_left_alone_and_line_ends_make_no_difference() -> None:
    assert {name: counts for name, counts in kinds(FOLDER).items() if counts[0] != counts[1]} == {}

"""Chunks are worked on side by side, in order and a few at a time."""

from collections.abc import Iterator
from threading import Barrier

import polars as pl
import pytest

from crm_platform.campaign.events.staged import side_by_side


def chunks(number: int, taken: list[int]) -> Iterator[pl.DataFrame]:
    """Chunks of one row, which are noted down when they are taken."""
    for each in range(number):
        taken.append(each)
        yield pl.DataFrame({"number": [each]})


def test_chunks_are_in_hand_together_and_come_in_order() -> None:
    together = Barrier(2, timeout=20)

    def number_of(rows: pl.DataFrame) -> int:
        together.wait()  # is broken unless two are at work at the same time
        return int(rows["number"][0])

    assert list(side_by_side(number_of, chunks(6, []))) == list(range(6))


def test_no_more_than_a_few_chunks_are_held() -> None:
    taken: list[int] = []
    results = side_by_side(lambda rows: rows.height, chunks(50, taken))
    assert next(results) == 1
    assert len(taken) <= 4


def test_an_error_in_a_chunk_ends_the_work() -> None:
    def refuse(_: pl.DataFrame) -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(side_by_side(refuse, chunks(3, [])))

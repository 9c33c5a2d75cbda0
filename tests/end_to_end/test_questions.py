"""The queries of docs/questions.md: an analyst's questions, each answered by the published database as it stands."""

import re

import duckdb
import pytest

from crm_platform.settings import REPOSITORY
from tests.end_to_end.commands import Platform

QUERIES = re.findall(r"```sql\n(.*?)```", (REPOSITORY / "docs" / "questions.md").read_text(encoding="utf-8"), re.DOTALL)


def test_the_page_has_queries() -> None:
    assert len(QUERIES) > 5


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_of_the_page_runs_as_it_stands_and_has_an_answer(query: str, refreshed_demo: Platform) -> None:
    with duckdb.connect(str(refreshed_demo.home / "serving" / "crm.duckdb"), read_only=True) as serving:
        rows = serving.execute(query).fetchall()
    assert rows
    assert any(value is not None for value in rows[0][1:])

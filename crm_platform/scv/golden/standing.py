"""Whose golden record stands: the customers of whom everything is as it was when theirs was made.

What each was made of is kept as a digest in `scv.golden_input`. Here: comparing it with what there is now. Not here:
making the records (`build.py`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from crm_platform.scv.golden.contracts import GOLDEN_INPUT
from crm_platform.warehouse.contract import Contract
from crm_platform.warehouse.engine import Engine, literal
from crm_platform.warehouse.publish import Publication, publish
from crm_platform.warehouse.steps import temporary_table

IS_STANDING = "customer_key IN (SELECT customer_key FROM standing_customer)"
"""Condition on the rows of a table: they are of a customer whose golden record stands."""

_STANDING = """
SELECT customer_key
FROM golden_input_now
INNER JOIN scv.golden_input USING (customer_key, digest)
WHERE {is_made}"""


@contextmanager
def standing_customers(engine: Engine, statements: str, rules: str, made: Sequence[Contract]) -> Iterator[None]:
    """Let SQL read `standing_customer` (customer_key), for the time of the block.

    statements: a query for what is known of the customers, of which their golden records are made. rules: the text of
    all else that says what these will be. made: the tables of the golden record; without one of them nobody's stands.
    """
    engine.refresh_view(GOLDEN_INPUT)
    is_made = all(engine.lake.data_files(contract) for contract in made)
    with (
        temporary_table(engine, "golden_input_now", _digests(statements, rules)),
        temporary_table(engine, "standing_customer", _STANDING.format(is_made=is_made)),
    ):
        yield


def publish_golden_input(engine: Engine) -> Publication:
    """Publish what the golden records rest on from now on; to be done when all of them are published."""
    rows = "SELECT customer_key, digest FROM golden_input_now ORDER BY customer_key"
    return publish(engine, GOLDEN_INPUT, {None: lambda path: engine.write_query(rows, path)})


def _digests(statements: str, rules: str) -> str:
    """A customer's statements stand in no order, so that their hashes are added up."""
    told = f"{literal(sha256(rules.encode()).hexdigest())}, count(*), sum(CAST(hash(statement) AS HUGEINT))"
    return (
        f"SELECT customer_key, CAST(hash({told}) AS VARCHAR) AS digest "
        f"FROM ({statements}) AS statement GROUP BY customer_key"
    )

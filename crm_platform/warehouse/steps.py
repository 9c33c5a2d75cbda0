"""Steps on the way to a table: `.sql` files whose rows are there, under the file's name, for the time of a block.

Here: making and dropping them. Not here: publishing tables of the lake (`publish.py`, `changed.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from crm_platform.warehouse.engine import Engine, Parameter, bound


@contextmanager
def temporary_tables(
    engine: Engine, folder: Path, names: Sequence[str], parameters: Mapping[str, Parameter]
) -> Iterator[None]:
    """Let SQL read the rows of `<folder>/<name>.sql` as `<name>`, each made once, in this order."""
    with ExitStack() as made:
        for name in names:
            made.enter_context(temporary_table(engine, name, step_sql(folder, name, parameters)))
        yield


@contextmanager
def temporary_table(engine: Engine, name: str, query: str) -> Iterator[None]:
    """Let SQL read the rows of a query as `<name>`, made once."""
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    try:
        yield
    finally:
        engine.execute(f"DROP TABLE {name}")
        engine.release_memory()


def spans_of_customers(engine: Engine, customers: str, rows: str, at_once: int) -> Iterator[tuple[int, int]]:
    """Spans of customer keys, first and end (not included): with as many keys of `customers` each as have about
    `at_once` of the rows of another relation."""
    last = int(engine.scalar(f"SELECT coalesce(max(customer_key), 0) FROM {customers}"))
    number = int(engine.scalar(f"SELECT count(*) FROM {rows}"))
    step = max(1, last * at_once // max(number, at_once))
    for first in range(1, last + 1, step):
        yield first, first + step


def step_sql(folder: Path, name: str, parameters: Mapping[str, Parameter]) -> str:
    """The query of `<folder>/<name>.sql` with its parameters bound, to stand in another statement."""
    return bound((folder / f"{name}.sql").read_text(encoding="utf-8"), parameters).rstrip().rstrip(";")

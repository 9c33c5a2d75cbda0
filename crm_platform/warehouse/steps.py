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


def step_sql(folder: Path, name: str, parameters: Mapping[str, Parameter]) -> str:
    """The query of `<folder>/<name>.sql` with its parameters bound, to stand in another statement."""
    return bound((folder / f"{name}.sql").read_text(encoding="utf-8"), parameters).rstrip().rstrip(";")

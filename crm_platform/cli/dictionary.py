"""`crm dictionary`: what every table and column means, as the page of `docs/`."""

from pathlib import Path
from typing import Annotated

import typer

from crm_platform.cli.console import output
from crm_platform.environment import config_from
from crm_platform.tables import tables_of
from crm_platform.warehouse.dictionary import dictionary_page
from crm_platform.warehouse.files import written_durably


def write_dictionary(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output when not given.")] = None,
) -> None:
    """Write the data dictionary, made from the contracts, as a Markdown page.

    Example: crm dictionary --out docs/data-dictionary.md
    """
    page = dictionary_page(tables_of(config_from()).contracts)
    if out is None:
        output.print(page, highlight=False, soft_wrap=True)
        return
    with written_durably(out) as prepared:
        prepared.write_text(page, encoding="utf-8")
    output.print(f"Written: {out}")

"""The relations that a dimension's SQL reads, beside the tables of the lake.

Here: `company_<section>`, what `config/company.yaml` declares, and `all_<feed>`, the rows of a feed of every source
that delivers it. They exist while a dimension is built. Not here: the SQL (the `.sql` files) and the keys (`build.py`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import polars as pl

from crm_platform.sources.all_sources import StagingRefs, all_sources
from crm_platform.sources.company import Company
from crm_platform.warehouse.engine import Engine

_CODED = {"code": pl.String, "name": pl.String}
COMPANY_SECTIONS: Mapping[str, Mapping[str, type[pl.DataType]]] = {
    "brands": {**_CODED, "product_line": pl.String},
    "locales": {**_CODED, "currency": pl.String},
    "countries": {
        "locale": pl.String,
        **_CODED,
        "language": pl.String,
        "time_zone": pl.String,
        "vat_pct": pl.Float64,
        "calling_code": pl.String,
    },
    "languages": _CODED,
    "channels": {**_CODED, "is_addressed": pl.Boolean},
    "communications": {
        **_CODED,
        "kind": pl.String,
        "type": pl.String,
        "brand": pl.String,
        "language": pl.String,
        "locales": pl.String,
        "channels": pl.String,
    },
    "promotion_sources": _CODED,
    "subscription_periods": {**_CODED, "months": pl.Int64},
}


@contextmanager
def dimension_inputs(
    engine: Engine,
    company: Company,
    sections: Iterable[str],
    feeds: Iterable[str],
    staging: StagingRefs,
) -> Iterator[None]:
    """Let SQL read `company_<section>` and `all_<feed>` for the time of the block; a feed that no source delivers is
    there without rows."""
    with ExitStack() as stack:
        frames = {f"company_{section}": company_members(company, section) for section in sections}
        stack.enter_context(engine.registered(**frames))
        stack.enter_context(all_sources(engine, feeds, staging))
        yield


def company_members(company: Company, section: str) -> pl.DataFrame:
    """A section of the company as rows with the columns of `COMPANY_SECTIONS`.

    `countries` are those of all locales, each with its `locale`; lists of codes are sorted and joined by commas, and
    empty where there is none.
    """
    columns = COMPANY_SECTIONS[section]
    return pl.DataFrame(_members(company, section), schema=dict(columns))


def _members(company: Company, section: str) -> list[dict[str, Any]]:
    columns = set(COMPANY_SECTIONS[section])
    match section:
        case "countries":
            return [
                {"locale": locale.code, **country.model_dump()}
                for locale in company.locales
                for country in locale.countries
            ]
        case "communications":
            return [
                communication.model_dump()
                | {"locales": _joined(communication.locales), "channels": _joined(communication.channels)}
                for communication in company.communications
            ]
        case _:
            return [member.model_dump(include=columns) for member in getattr(company, section)]


def _joined(codes: Sequence[str]) -> str | None:
    return ",".join(sorted(codes)) or None

"""Every table of the platform: the staging tables of the declared sources and the tables of each stage.

Here: the list. Not here: the contracts (each next to its stage).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crm_platform.campaign.tables import CAMPAIGN_CONTRACTS
from crm_platform.churn.tables import CHURN_CONTRACTS
from crm_platform.loyalty.tables import LOYALTY_CONTRACTS
from crm_platform.permission.tables import PERMISSION_CONTRACTS
from crm_platform.scv.tables import SCV_CONTRACTS
from crm_platform.sources.declaration import SourceDeclaration, load_sources
from crm_platform.sources.dimensions.build import DIMENSIONS
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.staging import StagedFeed, staged_feeds
from crm_platform.value.tables import VALUE_CONTRACTS, VALUE_VIEWS
from crm_platform.warehouse.contract import Contract, View, contracts_by_name


@dataclass(frozen=True)
class Tables:
    """The declared sources, their feeds, and the contract of every table."""

    sources: tuple[SourceDeclaration, ...]
    feeds: tuple[StagedFeed, ...]
    contracts: tuple[Contract, ...]
    views: tuple[View, ...]

    @property
    def by_name(self) -> Mapping[str, Contract]:
        """The contracts by `<schema>.<table>`."""
        return contracts_by_name(self.contracts)


@lru_cache
def tables_of(config_folder: Path) -> Tables:
    """The tables of a configuration.

    Raises:
        ConfigurationError: a declared source cannot be used.
    """
    sources = tuple(load_sources(config_folder / "sources"))
    feeds = tuple(staged_feeds(sources))
    dimensions = [dimension.contract for dimension in DIMENSIONS.values()]
    contracts = (
        *(feed.contract for feed in feeds),
        *dimensions,
        *RECORDS,
        *SCV_CONTRACTS,
        *PERMISSION_CONTRACTS,
        *CAMPAIGN_CONTRACTS,
        *LOYALTY_CONTRACTS,
        *VALUE_CONTRACTS,
        *CHURN_CONTRACTS,
    )
    views = (*(latest_view(feed) for feed in feeds), *VALUE_VIEWS)
    return Tables(sources, feeds, contracts, views)

"""What the tests of facts share: the company of the events' tests with campaigns of its own and customers' keys.

Here: landing files, making the facts, reading them. Not here: the expectations.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from crm_platform.campaign.dimensions.build import publish_campaign_dimensions
from crm_platform.campaign.events.contracts import EVENT_CONTRACTS
from crm_platform.campaign.facts.build import publish_delivery_facts
from crm_platform.campaign.facts.contracts import FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH
from crm_platform.campaign.feedback.build import publish_feedback
from crm_platform.campaign.feedback.contracts import BOUNCE_SCORE, OBJECTION
from crm_platform.campaign.mail.contracts import MAIL_REPORT
from crm_platform.campaign.mail.stage import publish_mail_reports
from crm_platform.campaign.orders.build import ORDER_FEEDS
from crm_platform.campaign.settings import BounceRules, CampaignSettings
from crm_platform.campaign.tables import CAMPAIGN_CONTRACTS
from crm_platform.scv.golden.contracts import DIM_CUSTOMER_HISTORY
from crm_platform.scv.identity.contracts import CUSTOMER_REF_KEY
from crm_platform.settings import REPOSITORY
from crm_platform.sources.all_sources import staging_refs
from crm_platform.sources.company import load_company
from crm_platform.sources.declaration import SourceDeclaration
from crm_platform.sources.dimensions.build import DIMENSIONS, publish_dimension
from crm_platform.sources.landing import LandingZone
from crm_platform.sources.latest import latest_view
from crm_platform.sources.ledger import RECORDS
from crm_platform.sources.staging import staged_feeds
from crm_platform.warehouse.contract import Contract, contracts_by_name
from crm_platform.warehouse.engine import Engine
from crm_platform.warehouse.lake import Lake
from crm_platform.warehouse.publish import Publication, publish_frame
from tests.unit.campaign.events.site import SOURCES, EventSite

AS_OF = datetime(2026, 7, 2, tzinfo=UTC)
_CSV = {"kind": "csv", "delimiter": ","}
_DIMENSIONS = ("dim_brand", "dim_channel", "dim_communication", "dim_locale", "dim_language")
PLAN = """\
campaign_id,campaign_name,communication,channel,brand,locale,promotion_code,cost_amount,currency,success_days
C1,Spring,ivory_weekly,email,ivory,uk,IV001,100,EUR,14
C2,Text,ivory_offers,sms,ivory,uk,IV002,50,EUR,30
C3,Letter,ivory_offers,post,ivory,uk,,50,EUR,30
"""
CELLS = "campaign_id,cell_id,cell_name,is_control,control_level\nC1,A,First,false,\nC1,K,Control,true,campaign\n"


class FactSite(EventSite):
    """A home below `root` with what facts are made from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        names = ("landing", "archive", "quarantine", "extracts", "work")
        self.zone = LandingZone(*(root / name for name in names))
        self.zone.landing.mkdir(parents=True)
        self.feeds = staged_feeds([SourceDeclaration.model_validate(source) for source in _sources()])
        contracts = contracts_by_name(
            [
                *(feed.contract for feed in self.feeds),
                *(dimension.contract for dimension in DIMENSIONS.values()),
                *RECORDS,
                *CAMPAIGN_CONTRACTS,
                CUSTOMER_REF_KEY,
                DIM_CUSTOMER_HISTORY,
            ]
        )
        connection = duckdb.connect(config={"threads": 1})
        self.engine = Engine(connection, Lake(root / "lake"), contracts, [latest_view(feed) for feed in self.feeds])
        company = load_company(REPOSITORY / "config" / "company.yaml")
        for name in _DIMENSIONS:
            publish_dimension(self.engine, name, company, {})

    def number(self, keys: dict[str, int]) -> None:
        """Say which customer each number of a source stands for."""
        rows = pl.DataFrame({"customer_ref": list(keys), "customer_key": list(keys.values())})
        publish_frame(self.engine, CUSTOMER_REF_KEY, rows.cast(CUSTOMER_REF_KEY.polars_schema))  # type: ignore[arg-type]

    def facts(self, as_of: datetime = AS_OF, members_at_once: int = 1_000) -> dict[str, Publication]:
        """Load what lies there and make events and facts of it."""
        self.refresh()
        publish_mail_reports(self.engine, staging_refs(self.feeds))
        publish_campaign_dimensions(self.engine, self.feeds)
        return publish_delivery_facts(self.engine, self.feeds, self.settings.delivery, as_of, members_at_once)

    def feedback(self, rules: BounceRules | None = None, as_of: datetime = AS_OF) -> None:
        """What tells against sending, of the events that are there."""
        publish_feedback(self.engine, self.feeds, rules or self.settings.bounces, as_of)

    settings = CampaignSettings()

    def deliveries(self) -> dict[str, dict[str, Any]]:
        """The rows of the fact of delivery by member."""
        return {row["member_id"]: row for row in self.table(FACT_CAMPAIGN_DELIVERY).iter_rows(named=True)}

    def bytes_of(self, contract: Contract) -> dict[str, bytes]:
        """The files of a table by partition."""
        return {path.parent.name: path.read_bytes() for path in self.engine.lake.data_files(contract)}


def _sources() -> list[dict[str, Any]]:
    crm, mail = SOURCES
    names = ("campaigns", "campaign_cells", "returned_post", *ORDER_FEEDS)
    more = {name: {"files": f"{name}.csv", "form": _CSV} for name in names}
    mails = {"messages": {"contract": "mail_messages", "files": "*.eml", "form": {"kind": "mail"}}}
    return [{**crm, "feeds": crm["feeds"] | more}, {**mail, "feeds": mail["feeds"] | mails}]


def tables(site: FactSite) -> list[pl.DataFrame]:
    """Events and mails, both facts, and what tells against sending, by their keys."""
    facts = (FACT_CAMPAIGN_DELIVERY, FACT_CLICKTHROUGH, OBJECTION, BOUNCE_SCORE)
    return [site.table(each) for each in (*EVENT_CONTRACTS, MAIL_REPORT, *facts)]


def lay(site: FactSite, files: dict[str, str | Sequence[str]]) -> None:
    """Lay files into the landing folder."""
    for name, content in files.items():
        site.land(name, content)

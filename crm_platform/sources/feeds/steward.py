"""The feed of what persons have decided about who is who.

Here: the verdicts. Not here: what they bring about (`crm_platform/scv/identity`).
"""

from crm_platform.sources.feeds.fields import FeedModel, code, event_time, identifier, text
from crm_platform.warehouse.contract import Timestamp

VERDICTS = ("same", "different")


class MatchVerdicts(FeedModel):
    """One row is a person's decision that two records are one customer, or are not; the newest of a pair counts."""

    record_id_a: str = identifier("A record, as `scv.source_record` names it.")
    record_id_b: str = identifier("The other record.")
    verdict: str = code("What was decided.", VERDICTS, nullable=False)
    decided_by: str = identifier("Who decided.")
    reason: str = text("Why.")
    decided_dt: Timestamp = event_time("When it was decided, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.match_verdicts"
        metadata = {
            "grain": "one row per decision about a pair of records",
            "natural_key": ["record_id_a", "record_id_b"],
            "version": "decided_dt",
        }

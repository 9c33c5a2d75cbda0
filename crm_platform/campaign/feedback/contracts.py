"""The contracts of what tells against sending: objections of recipients, and bounces with the score of their address.

Here: what the tables promise. Not here: making them (`build.py`), nor what permission makes of them.
"""

import pandera.polars as pa

from crm_platform.campaign.facts.contracts import moment
from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

OBJECTIONS = ("opt_out", "list_unsubscribe", "complaint")


class Objection(TableModel):
    """Complaints and unsubscribes out of the answers to what was sent, in the words of `permission_events`."""

    event_id: str = identifier("`<source>.<feed>:<what names it>`: the event's id, or the mail's digest and recipient.")
    event_type: str = code("What was done.", OBJECTIONS, nullable=False)
    customer_ref: str = text("`<source>:<customer_id>` of whom it was sent to, as the campaign says.")
    email: str = text("Address that it was sent to, in small letters.")
    campaign_id: str = text("The campaign that was answered.")
    communication: str = text("Code of its communication; empty: not known, so that every one is meant.")
    brand: str = text("Code of the campaign's brand, where its communication is not known.")
    request_method: str = identifier("How it was told: a request's method, feedback loop, or the provider's name.")
    source: str = identifier("Source that told of it.")
    feed: str = identifier("Its feed.")
    event_dt: Timestamp = moment("When it was done, as told", nullable=False)
    told_dt: Timestamp = moment("When the company was told", nullable=False)
    loaded_dt: Timestamp = moment("When the platform took it in", nullable=False)
    file_id: str = identifier("SHA-256 of the file it stood in.")
    file_part: str = pa.Field(description="Part of that file; empty where it has one part.")
    file_line: int = number("Line or record of that file.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "campaign.objection"
        unique = ["event_id"]
        metadata = {"grain": "one row per complaint or unsubscription", "kind": "record"}


class BounceScore(TableModel):
    """Bounces that do not prove the address to be no good, with the address's score after each: `bounces` in
    campaign.yaml says how it is reckoned. Of one address and day the bounce with most points counts."""

    recipient: str = identifier("The e-mail address, in small letters.")
    evidence_id: str = identifier("The event, or the mail's digest and recipient.")
    source: str = identifier("Source that told of it.")
    bounce_kind: str = code("soft or hard.", ("soft", "hard"), nullable=False)
    reason: str = text("Why, by the names of reasons.yaml.")
    event_dt: Timestamp = moment("When it bounced", nullable=False)
    known_dt: Timestamp = moment("When the company had been told of it and of those before that count", nullable=False)
    taken_dt: Timestamp = moment("When the platform had taken them in", nullable=False)
    points: float = number("Points of this bounce.", ge=0, nullable=False)
    score: float = number("Its points and what is left of those before.", ge=0, nullable=False)
    suppressed_until_dt: Timestamp = moment("Until when the address is not sent to; empty: the score is too low")
    revived_dt: Timestamp = moment("When the address was next shown to be alive")

    class Config(TableModel.Config):
        name = "campaign.bounce_score"
        unique = ["recipient", "evidence_id"]
        metadata = {"grain": "one row per address and day with a bounce", "kind": "record"}


OBJECTION = contract_of(Objection)
BOUNCE_SCORE = contract_of(BounceScore)
FEEDBACK_CONTRACTS = (OBJECTION, BOUNCE_SCORE)

"""The contracts of what was answered to what was sent: events, those put aside, and the files they came from.

Here: what the tables promise. Not here: making them (`build.py`).
"""

import pandera.polars as pa

from crm_platform.campaign.actors.classify import ACTOR_CLASSES
from crm_platform.campaign.providers.vocabulary import BOUNCE_KINDS, EVENT_TYPES
from crm_platform.sources.feeds.fields import code, identifier, number, text
from crm_platform.warehouse.contract import TableModel, Timestamp, contract_of

CHANNELS = ("email", "sms", "post", "telephone", "web")


class Event(TableModel):
    """What became of what was sent and what people and machines answered, of every channel, each event once."""

    event_id: str = identifier("What is the same for every delivery of the event: a digest of what names it.")
    event_type: str = code("What happened.", EVENT_TYPES, nullable=False)
    channel: str = code("Channel that it was sent by.", CHANNELS, nullable=False)
    provider: str = identifier("Who tells it: an e-mail service provider, web_log, or the feed of another channel.")
    provider_type: str = text("What the provider calls it.")
    recipient: str = text("E-mail address in small letters, or telephone number, that it was sent to.")
    original_message_id: str = text("Identifier of the message that it is about, without angle brackets.")
    source: str = identifier("The source that delivered it.")
    customer_ref: str = text("`<source>:<customer_id>` of whom it was sent to, as the campaign or the feed says.")
    campaign_id: str = text("The campaign.")
    cell_id: str = text("The cell of the campaign.")
    member_id: str = text("The member of the campaign.")
    link_id: str = text("The campaign's link, of a click.")
    url: str = text("Where the link led to, as the provider says.")
    bounce_kind: str = code(
        "hard: nothing will arrive there; soft: not now; suppressed: the provider did not try, it knew.", BOUNCE_KINDS
    )
    reason: str = text("Why it was not delivered, by the names of reasons.yaml.")
    address_invalid: bool = pa.Field(description="Whether it proves that the address does not exist.")
    status: str = text("Enhanced status code, RFC 3463.")
    rule: str = text("The rule that gave reason and kind.")
    evidence: str = text("What the rule went by: the server's answer or the provider's words.")
    actor_class: str = code("Who opened or clicked.", ACTOR_CLASSES)
    actor_rule: str = text("The sign that told.")
    actor_evidence: str = text("What the sign was found in.")
    is_proxy: bool = pa.Field(description="Whether the provider says that a proxy or program acted.")
    method: str = text("Method of the request, of a log.")
    user_agent: str = text("What the client calls itself.")
    network: str = text("Known network that the request came from.")
    ip_hash: str = text("Keyed hash of the client's address; the address itself is not kept.")
    sent_dt: Timestamp = pa.Field(nullable=True, description="When it was sent, as the campaign says, UTC.")
    event_dt: Timestamp = pa.Field(description="When it happened, UTC.")
    received_dt: Timestamp = pa.Field(description="When the outer system told, UTC; else when the file was delivered.")
    loaded_dt: Timestamp = pa.Field(description="When the platform took it in, UTC.")
    file_id: str = identifier("SHA-256 of the file that it came with first.")
    file_part: str = pa.Field(description="Part of that file; empty where it has one part.")
    file_line: int = number("Line of that file.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "campaign.event"
        unique = ["event_id"]
        metadata = {"grain": "one row per event", "kind": "fact", "partition": ("event_dt", "day")}


class RejectedEvent(TableModel):
    """Events that count for nothing: of unknown type or shape, or with an identifier that was not signed by us. What
    they were stands in the staging table, at file and line."""

    file_id: str = identifier("SHA-256 of the file.")
    feed_name: str = identifier("The feed, `<source>.<feed>`.")
    provider: str = pa.Field(description="Who tells it; empty where the shape is unknown.")
    provider_type: str = pa.Field(description="What the provider calls it; empty where it does not say.")
    reason: str = identifier("Why it is put aside.")
    number_of_events: int = number("How many of them the file holds.", ge=1, nullable=False)
    first_line: int = number("Line of the first.", ge=0, nullable=False)
    first_dt: Timestamp = pa.Field(description="When the earliest happened, UTC.")
    last_dt: Timestamp = pa.Field(description="When the latest happened, UTC.")

    class Config(TableModel.Config):
        name = "campaign.rejected_event"
        unique = ["file_id", "feed_name", "provider", "provider_type", "reason"]
        metadata = {
            "grain": "one row per file, provider, type and reason",
            "kind": "record",
            "partition": ("feed_name", None),
        }


class EventFile(TableModel):
    """The files whose rows `campaign.event` holds. Written last: a file that is not here is taken again."""

    file_id: str = identifier("SHA-256 of the file.")
    feed_name: str = identifier("The feed, `<source>.<feed>`.")
    number_of_rows: int = number("Rows of it that were loaded when it was taken.", ge=0, nullable=False)
    number_of_events: int = number("Events found in it, before those known already are left out.", ge=0, nullable=False)
    number_of_rejected: int = number("Rows put aside.", ge=0, nullable=False)

    class Config(TableModel.Config):
        name = "campaign.event_file"
        unique = ["feed_name", "file_id"]
        metadata = {"grain": "one row per file and feed", "kind": "record", "partition": ("feed_name", None)}


EVENT = contract_of(Event)
REJECTED_EVENT = contract_of(RejectedEvent)
EVENT_FILE = contract_of(EventFile)
EVENT_CONTRACTS = (EVENT, REJECTED_EVENT, EVENT_FILE)

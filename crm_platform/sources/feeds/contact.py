"""Feeds of single contacts with customers: support, surveys, and delivery other than by e-mail.

Here: what was said to or by a customer, and what became of what was sent by SMS, post, telephone and banner. Not
here: mails that bounced and events of mail providers (read by the campaign stage), and campaigns (`campaigns.py`).
"""

import polars as pl

from crm_platform.sources.feeds.codes import COUNTRY
from crm_platform.sources.feeds.fields import FeedModel, code, event_time, flag, identifier, number, pattern, text
from crm_platform.warehouse.contract import Timestamp

_SECONDS_OF_A_DAY = 86_400


class SupportCases(FeedModel):
    """One row is a case that a customer opened with support, as it last stood."""

    case_id: str = identifier("The source's own key of the case.")
    customer_id: str = text("The source's key of the customer, where the agent found one.")
    email: str = text("E-mail address that the customer gave or wrote from.", rule="email")
    phone: str = text("Telephone number that the customer gave or called from.", rule="phone")
    channel: str = text("Channel that the case came by, in the source's words.")
    category: str = text("What the case is about, in the source's words.")
    priority: str = text("How urgent the case is, in the source's words.")
    status: str = text("Status of the case, in the source's words.")
    order_id: str = text("The order that the case is about.")
    subject: str = text("Subject line, free text.")
    opened_dt: Timestamp = event_time("When the case was opened, UTC.", nullable=False)
    closed_dt: Timestamp = event_time("When the case was closed, UTC; empty while it is open.")

    class Config(FeedModel.Config):
        name = "feeds.support_cases"
        metadata = {
            "grain": "one row per case of the source",
            "natural_key": ["case_id"],
            "partition": ("opened_dt", "month"),
        }


class Surveys(FeedModel):
    """One row is a customer's answer to a satisfaction survey."""

    response_id: str = identifier("The source's own key of the response.")
    customer_id: str = text("The source's key of the customer who answered.")
    email: str = text("E-mail address that the survey was answered from.", rule="email")
    survey: str = code("Net promoter score (nps) or customer satisfaction (csat).", ("nps", "csat"))
    score: int = number("Score given; nps from 0 (never) to 10 (surely), csat on the source's scale up to 10.", 0, 10)
    comment: str = text("What the customer added, free text.")
    order_id: str = text("The order that the survey asked about.")
    responded_dt: Timestamp = event_time("When the customer answered, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.surveys"
        metadata = {
            "grain": "one row per response to a survey",
            "natural_key": ["response_id"],
            "partition": ("responded_dt", "month"),
        }


class SmsReceipts(FeedModel):
    """One row is what the SMS gateway reports of a message."""

    receipt_id: str = identifier("The gateway's own key of the receipt.")
    customer_id: str = text("The source's key of the customer who was written to.")
    phone: str = text("Telephone number that was written to.", rule="phone")
    campaign_id: str = text("The campaign that the message belongs to.")
    status: str = code("What became of the message.", ("delivered", "failed", "expired", "rejected"))
    reason: str = text("Why it was not delivered, in the gateway's words.")
    sent_dt: Timestamp = event_time("When the message was sent, UTC.")
    event_dt: Timestamp = event_time("When the status was reached, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.sms_receipts"
        metadata = {
            "grain": "one row per receipt of the gateway",
            "natural_key": ["receipt_id"],
            "partition": ("event_dt", "month"),
        }


class ReturnedPost(FeedModel):
    """One row is a piece of post that came back undelivered."""

    item_id: str = identifier("The source's own key of the piece.")
    customer_id: str = text("The source's key of the customer whom it was sent to.")
    campaign_id: str = text("The campaign that the piece belongs to.")
    reason: str = text("Why it came back, in the carrier's words.")
    address_line: str = text("Street and house number that it was sent to.")
    postcode: str = text("Postcode that it was sent to.", rule="postcode")
    country: str = pattern("Country that it was sent to, ISO 3166-1 alpha-2.", COUNTRY)
    returned_date: pl.Date = event_time("Day on which it came back.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.returned_post"
        metadata = {
            "grain": "one row per piece of post that came back",
            "natural_key": ["item_id"],
            "partition": ("returned_date", "month"),
        }


CALL_OUTCOMES = ("reached", "no_answer", "busy", "wrong_number", "refused", "do_not_call")


class CallOutcomes(FeedModel):
    """One row is a call that an agent made, and its outcome."""

    call_id: str = identifier("The source's own key of the call.")
    customer_id: str = text("The source's key of the customer who was called.")
    phone: str = text("Telephone number that was called.", rule="phone")
    campaign_id: str = text("The campaign that the call belongs to.")
    outcome: str = code("What became of the call.", CALL_OUTCOMES)
    agent_id: str = text("The source's key of the agent.")
    duration_seconds: int = number("Length of the conversation in seconds.", ge=0, le=_SECONDS_OF_A_DAY)
    event_dt: Timestamp = event_time("When the call was made, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.call_outcomes"
        metadata = {
            "grain": "one row per call of the source",
            "natural_key": ["call_id"],
            "partition": ("event_dt", "month"),
        }


class BannerImpressions(FeedModel):
    """One row is a banner of the home page shown to a visitor once."""

    impression_id: str = identifier("The source's own key of the impression.")
    customer_id: str = text("The source's key of the customer, where the visitor was logged in.")
    visitor_id: str = text("Identifier in the site's cookie.")
    campaign_id: str = text("The campaign that the banner belongs to.")
    placement: str = text("Where on the page the banner stood.")
    has_click: bool = flag("Whether the visitor clicked on it.")
    event_dt: Timestamp = event_time("When the banner was shown, UTC.", nullable=False)

    class Config(FeedModel.Config):
        name = "feeds.banner_impressions"
        metadata = {
            "grain": "one row per impression of a banner",
            "natural_key": ["impression_id"],
            "partition": ("event_dt", "month"),
        }

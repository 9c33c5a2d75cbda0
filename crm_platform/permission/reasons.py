"""Why something may be sent, or may not: the codes that every decision carries.

Here: the codes and what they say to a person. Not here: when each is given (`decision/decision.sql`).
"""

from enum import StrEnum


class Reason(StrEnum):
    """The reason of a decision; `text` says it in a sentence."""

    SUBSCRIBED = "subscribed"
    PERMITTED = "permitted"
    LEGITIMATE_INTEREST = "legitimate_interest"
    NO_CONSENT_NEEDED = "no_consent_needed"
    UNKNOWN_CUSTOMER = "unknown_customer"
    UNKNOWN_COMMUNICATION = "unknown_communication"
    NOT_OFFERED = "not_offered"
    ERASED = "erased"
    CUSTOMER_DELETED = "customer_deleted"
    INVALID_ADDRESS = "invalid_address"
    COMPLAINED = "complained"
    GLOBALLY_OPTED_OUT = "globally_opted_out"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    NO_CONSENT = "no_consent"

    @property
    def text(self) -> str:
        """The reason as a sentence."""
        return _TEXTS[self]

    @property
    def is_permission(self) -> bool:
        """Whether it is a reason to send."""
        return self in PERMITTING


PERMITTING = frozenset({Reason.SUBSCRIBED, Reason.PERMITTED, Reason.LEGITIMATE_INTEREST, Reason.NO_CONSENT_NEEDED})
_TEXTS = {
    Reason.SUBSCRIBED: "The customer subscribes to this communication by this channel.",
    Reason.PERMITTED: "The customer permits this type of communication by this channel.",
    Reason.LEGITIMATE_INTEREST: "The locale's law lets it be sent without consent, and the customer has not objected.",
    Reason.NO_CONSENT_NEEDED: "The law requires or allows it to be sent to everybody.",
    Reason.UNKNOWN_CUSTOMER: "There is no such customer.",
    Reason.UNKNOWN_COMMUNICATION: "There is no such communication.",
    Reason.NOT_OFFERED: "The communication is not sent by this channel, under this brand or in this locale.",
    Reason.ERASED: "The customer was erased.",
    Reason.CUSTOMER_DELETED: "Every source has deleted the customer.",
    Reason.INVALID_ADDRESS: "The customer's address of this channel is known to reach nobody.",
    Reason.COMPLAINED: "The customer complained, and has not agreed anew since.",
    Reason.GLOBALLY_OPTED_OUT: "The customer wants nothing any more, and has not agreed to this anew since.",
    Reason.WITHDRAWN: "The customer has withdrawn it.",
    Reason.EXPIRED: "The customer's consent has expired.",
    Reason.AWAITING_CONFIRMATION: "The customer has asked for it and has not confirmed.",
    Reason.NO_CONSENT: "The customer has never agreed to it.",
}

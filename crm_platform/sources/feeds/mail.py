"""The feed of mails that came back to us: bounces, complaints, automatic replies.

Here: the mail as it came. Not here: what it reports of whom (`crm_platform/campaign/mail`).
"""

import pandera.polars as pa

from crm_platform.sources.feeds.fields import FeedModel, identifier, number, text
from crm_platform.warehouse.contract import Timestamp


class MailMessages(FeedModel):
    """One row is a mail that came to the mailbox of returned mail, whatever it says."""

    message_sha256: str = identifier("SHA-256 of the mail's bytes, without white space at both ends.")
    message_id: str = text("Message-ID of the mail itself, without angle brackets.")
    sender: str = text("From, decoded.")
    subject: str = text("Subject, decoded.")
    # No rule `past`: a report counts, however wrong the clock of who wrote it.
    sent_dt: Timestamp = pa.Field(nullable=True, description="When the mail says that it was sent, UTC.")
    size_bytes: int = number("Bytes of the mail.", ge=0, nullable=False)
    raw: str = identifier("The mail: its bytes, each as the character of Latin-1 with its number.")

    class Config(FeedModel.Config):
        name = "feeds.mail_messages"
        metadata = {"grain": "one row per mail", "natural_key": ["message_sha256"]}

"""What comes back by mail.

Delivery status notifications, bounces in free text, complaints, automatic replies, a bounded number of each.

Which feedback a sent mail gets, and the mailbox it lands in, belong here; how a mail is worded stands in `mail_texts`,
the rest of the feedback in `provider_events`.
"""

from __future__ import annotations

import polars as pl

from crm_platform.demo import provider_events
from crm_platform.demo.dice import chance, dice
from crm_platform.demo.feeds import Landing
from crm_platform.demo.mail_texts import Feedback, as_mail
from crm_platform.demo.settings import CHUNK_SIZE, Chunk
from crm_platform.demo.writers import StagedFile, write_file

LEAST_MAILS = 60
MOST_MAILS = 2_000
# One mail in so many lies in a file of its own.
OWN_FILE_EVERY = 10
COMPLAINT_ODDS = 0.002
REPLY_ODDS = 0.004
FOLDER = "mail/bounces"


class Mailbox:
    """The mailbox of the bounces: one mbox, and some mails as files; no more mails than its room."""

    def __init__(self, landing: Landing, customers: int) -> None:
        """Room for one mail to twenty customers, within bounds."""
        self._landing = landing
        self.room = max(LEAST_MAILS, min(customers // 20, MOST_MAILS))
        self.room_a_chunk = max(LEAST_MAILS, self.room * CHUNK_SIZE // max(customers, CHUNK_SIZE))
        self._staged: StagedFile | None = None
        self._number = 0

    def add(self, feedback: Feedback) -> None:
        """Put a mail into the mailbox, and its truth aside."""
        self._number += 1
        mail = as_mail(feedback, self._number)
        if self._number % OWN_FILE_EVERY == 0:
            place = self._landing.root / FOLDER / f"mail_{self._number:05d}.eml"
            write_file(place, mail.as_bytes())
            self._landing.files.append(self._landing.name_of(place))
        else:
            if self._staged is None:
                self._staged = StagedFile(
                    self._landing.root / FOLDER / f"bounces_{self._landing.period.first_delivery.isoformat()}.mbox"
                )
            self._staged.write(mail.as_bytes(unixfrom=True) + b"\n", 0)
        self._landing.count("mail/bounces", 1)

    def close(self) -> None:
        """Put the mbox in its place."""
        if self._staged is not None:
            self._staged.close()
            self._landing.files.append(self._landing.name_of(self._staged.place))


def write_feedback(landing: Landing, members: pl.DataFrame, mailbox: Mailbox, chunk: Chunk, seed: int) -> None:
    """Give each mail sent its feedback, by mail where our own server sent it and the mailbox has room.

    The rest comes as events of a provider. The truth gets mail_feedback: member_id, kind (hard, soft, complaint,
    auto_reply), status, by (mail or provider).
    """
    rng = dice(seed, chunk.index, "feedback")
    sent = members.filter((pl.col("channel") == "email") & pl.col("sent_dt").is_not_null())
    sent = sent.with_columns(provider=pl.col("campaign_id").str.tail(3).cast(pl.Int64) % 3)
    arrived = pl.col("outcome") == "delivered"
    complains = pl.Series(chance(rng, sent.height, COMPLAINT_ODDS))
    replies = pl.Series(chance(rng, sent.height, REPLY_ODDS))
    kind = (
        pl.when(pl.col("outcome").is_in(["hard", "soft"]))
        .then("outcome")
        .when(arrived & complains)
        .then(pl.lit("complaint"))
    )
    judged = sent.with_columns(kind=kind.when(arrived & replies & (pl.col("provider") == 0)).then(pl.lit("auto_reply")))
    # The two brands' own server and two providers take a third of the campaigns each.
    is_mail = (pl.col("provider") == 0) & pl.col("kind").is_not_null()
    by_mail = (
        judged.filter(is_mail)
        .sort("kind", "member_id")
        .filter(pl.int_range(pl.len()).over("kind") < mailbox.room_a_chunk // 4)
        .sort("sent_dt", "member_id")
    )
    for row in by_mail.select(Feedback.columns()).iter_rows():
        mailbox.add(Feedback(*row))
    rest = judged.filter(~pl.col("member_id").is_in(by_mail["member_id"].implode()))
    provider_events.write_events(
        landing, rest.filter((pl.col("provider") > 0) | pl.col("kind").is_in(["hard", "soft", "complaint"])), rng
    )
    _tell(landing, by_mail, "mail")
    _tell(landing, rest.filter(pl.col("kind").is_in(["hard", "soft", "complaint"])), "provider")


def _tell(landing: Landing, rows: pl.DataFrame, by: str) -> None:
    landing.truth.add("mail_feedback", rows.select("member_id", "kind", "status", by=pl.lit(by)))

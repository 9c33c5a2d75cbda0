"""Feedback mails as they come.

RFC 3464 notifications, the free-text kinds before it, RFC 5965 complaints, RFC 3834 automatic replies.

How a mail reads belongs here; who gets which stands in `mails`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime

from crm_platform.demo.tracking import sign

DIAGNOSES = {
    "5.1.1": "550 5.1.1 <{to}>: Recipient address rejected: User unknown",
    "5.1.10": "556 5.1.10 <{to}>: Recipient address has null MX",
    "5.4.4": "550 5.4.4 Unable to route: Host or domain name not found",
    "5.1.2": "550 5.1.2 <{to}>: Bad destination host",
    "4.2.2": "452 4.2.2 The email account that you tried to reach is over quota",
    "5.2.2": "552 5.2.2 <{to}>: Mailbox full",
    "4.4.1": "421 4.4.1 Connection timed out",
    "4.7.0": "421 4.7.0 Try again later, closing connection",
    "5.7.1": "554 5.7.1 Message rejected: content looks like spam",
}
REPLIES = {
    "en": ("Out of office", "I am away until Monday and will read your mail then."),
    "it": ("Fuori ufficio", "Sono fuori ufficio fino a lunedì."),
    "nb": ("Ikke på kontoret", "Jeg er tilbake på mandag."),
    "nl": ("Afwezig", "Ik ben maandag weer terug."),
}
LANGUAGES = {"IT": "it", "NO": "nb", "NL": "nl"}
OUR_HOST = "mail.ivory.example"


@dataclass(frozen=True)
class Feedback:
    """One mail to be written about a member of a campaign."""

    kind: str
    status: str | None
    campaign_id: str
    member_id: str
    message_id: str
    email: str
    country: str
    sent_dt: datetime

    @staticmethod
    def columns() -> list[str]:
        """The columns it is made of, in order."""
        return [each.name for each in fields(Feedback)]


def as_mail(feedback: Feedback, number: int) -> Message:
    """The mail; every third bounce is in free text."""
    makers = {"complaint": _complaint, "auto_reply": _auto_reply}
    bounce = _free_text if number % 3 == 2 else _notification
    mail = makers.get(feedback.kind, bounce)(feedback)
    moment = _moment(feedback)
    mail["Date"] = format_datetime(moment)
    mail["Message-ID"] = f"<{number:06d}.{feedback.member_id.lower()}@mx.{_domain(feedback)}>"
    mail.set_unixfrom(f"From MAILER-DAEMON {moment:%a %b %d %H:%M:%S %Y}")
    return mail


def _domain(feedback: Feedback) -> str:
    return feedback.email.rpartition("@")[2]


def _moment(feedback: Feedback) -> datetime:
    waits = {"complaint": timedelta(hours=7), "auto_reply": timedelta(minutes=1), "soft": timedelta(hours=26)}
    return (feedback.sent_dt + waits.get(feedback.kind, timedelta(seconds=9))).replace(microsecond=0)


def _return_path(feedback: Feedback) -> str:
    return f"bounce+{sign(feedback.member_id).replace('.', '-')}@{OUR_HOST}"


def _original(feedback: Feedback) -> Message:
    """The head of the mail that was sent."""
    sent = Message()
    sent["From"] = "Ivory <news@ivory.example>"
    sent["To"] = feedback.email
    sent["Subject"] = "News for you"
    sent["Date"] = format_datetime(feedback.sent_dt.replace(microsecond=0))
    sent["Message-ID"] = f"<{feedback.message_id}>"
    sent["Feedback-ID"] = f"{sign(feedback.campaign_id, 'campaign')}:ivory"
    sent["X-Member"] = sign(feedback.member_id)
    tokens = f"m={sign(feedback.campaign_id, 'campaign')}&c={sign(feedback.member_id)}"
    sent["List-Unsubscribe"] = f"<https://www.ivory.example/unsubscribe?{tokens}>"
    sent["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return sent


def _report(feedback: Feedback, kind: str, subject: str, sender: str, words: str) -> MIMEMultipart:
    report = MIMEMultipart("report", boundary=f"=_part_{feedback.member_id}")
    report.set_param("report-type", kind)
    report["From"] = sender
    report["To"] = _return_path(feedback)
    report["Subject"] = subject
    report.attach(MIMEText(words, "plain", "us-ascii"))
    return report


def _part(subtype: str, *groups: dict[str, str]) -> Message:
    """A message part of header groups, as reports have them."""
    part = MIMEBase("message", subtype)
    blocks: list[Message | str] = []
    for group in groups:
        block = Message()
        for name, value in group.items():
            block[name] = value
        blocks.append(block)
    part.set_payload(blocks)
    return part


def _notification(feedback: Feedback) -> Message:
    status = feedback.status or "5.0.0"
    diagnosis = DIAGNOSES[status].format(to=feedback.email)
    host = f"mx.{_domain(feedback)}"
    words = (
        f"This is the mail system at host {OUR_HOST}.\n\nYour message could not be delivered.\n\n"
        f"<{feedback.email}>: host {host} said: {diagnosis}\n"
    )
    report = _report(
        feedback,
        "delivery-status",
        "Undelivered Mail Returned to Sender",
        f"Mail Delivery System <MAILER-DAEMON@{OUR_HOST}>",
        words,
    )
    report["Auto-Submitted"] = "auto-replied"
    moment = format_datetime(_moment(feedback))
    about_mail = {
        "Reporting-MTA": f"dns; {OUR_HOST}",
        "Arrival-Date": format_datetime(feedback.sent_dt.replace(microsecond=0)),
    }
    about_recipient = {
        "Final-Recipient": f"rfc822; {feedback.email}",
        "Action": "failed",
        "Status": status,
        "Remote-MTA": f"dns; {host}",
        "Diagnostic-Code": f"smtp; {diagnosis}",
        "Last-Attempt-Date": moment,
    }
    report.attach(_part("delivery-status", about_mail, about_recipient))
    report.attach(_headers(feedback))
    return report


def _headers(feedback: Feedback) -> Message:
    part = MIMEBase("text", "rfc822-headers")
    part.set_payload(_original(feedback).as_string())
    return part


def _free_text(feedback: Feedback) -> Message:
    """A bounce as servers wrote them before there was a form for it."""
    host = f"mx.{_domain(feedback)}"
    diagnosis = DIAGNOSES[feedback.status or "5.1.1"].format(to=feedback.email)
    words = (
        f"Hello, this is the mail program of {host}.\nYour message did not reach the address below.\n"
        f"No further attempt will be made.\n\n<{feedback.email}>:\nRemote host said: {diagnosis}\n\n"
        f"--- Below this line is a copy of the message.\n\n{_original(feedback).as_string()}"
    )
    mail = MIMEText(words, "plain", "us-ascii")
    mail["From"] = f"MAILER-DAEMON@{host}"
    mail["To"] = _return_path(feedback)
    mail["Subject"] = "failure notice"
    return mail


def _complaint(feedback: Feedback) -> Message:
    """A complaint of a feedback loop; the recipient is blacked out, as most loops do."""
    words = "This is an email abuse report for an email message received from IP 192.0.2.25.\n"
    report = _report(feedback, "feedback-report", "Fw: News for you", f"Feedback Loop <fbl@{_domain(feedback)}>", words)
    report.attach(
        _part(
            "feedback-report",
            {
                "Feedback-Type": "abuse",
                "User-Agent": "Loop/1.4",
                "Version": "1",
                "Original-Mail-From": f"<{_return_path(feedback)}>",
                "Arrival-Date": format_datetime(feedback.sent_dt.replace(microsecond=0)),
                "Source-IP": "192.0.2.25",
                "Original-Rcpt-To": "<redacted>",
            },
        )
    )
    original = _original(feedback)
    original.replace_header("To", "redacted")
    original.set_payload("(the text of the mail)\n")
    whole = MIMEBase("message", "rfc822")
    whole.set_payload([original])
    report.attach(whole)
    return report


def _auto_reply(feedback: Feedback) -> Message:
    subject, words = REPLIES[LANGUAGES.get(feedback.country, "en")]
    mail = MIMEText(words, "plain", "utf-8")
    mail["From"] = feedback.email
    mail["To"] = _return_path(feedback)
    mail["Subject"] = (
        subject if subject.isascii() else f"=?utf-8?q?{subject.replace(' ', '_').replace('å', '=C3=A5')}?="
    )
    mail["Auto-Submitted"] = "auto-replied"
    mail["In-Reply-To"] = f"<{feedback.message_id}>"
    return mail

"""Reports in free text, as programs of many makers write them: whom they name and why."""

import pytest

from crm_platform.campaign.mail.parse import parse_message
from tests.unit.campaign.mail.mails import RETURNED, mail

ANN = "ann@example.com"
COPY = RETURNED.format(to=ANN)

DIALECTS: dict[str, tuple[bytes, str]] = {
    "postfix": (
        mail(
            "This is the mail system at host mx.ivory.example.\n\n"
            "I'm sorry to have to inform you that your message could\n"
            "not be delivered to one or more recipients.\n\n                   The mail system\n\n"
            f"<{ANN}>: host mx.example.com[192.0.2.1] said: 550 5.1.1\n    <{ANN}>: Recipient address rejected:\n"
            "    User unknown (in reply to RCPT TO command)\n",
            subject="Undelivered Mail Returned to Sender",
        ),
        "userunknown",
    ),
    "activehunter": (
        mail(
            f"This is an automatic notification.\n\n>>> {ANN} <{ANN}>\n\n"
            f"550 sorry, no mailbox here by that name (#5.1.1)\n\n"
            f"----- Original message -----\n{COPY}",
            subject="FAILURE NOTICE :",
        ),
        "userunknown",
    ),
    "domino": (
        mail(
            "Your message\n\n  Subject: News for you\n\nwas not delivered to:\n\n"
            f"  {ANN}\n\nbecause:\n\n  User ann ({ANN}) not listed in Domino Directory\n",
            subject="DELIVERY FAILURE: User ann not listed in Domino Directory",
        ),
        "userunknown",
    ),
    "groupwise": (
        mail(
            f"The message that you sent was undeliverable to the following:\n\t{ANN} (user not found)\n",
            "X-Mailer: Novell GroupWise Internet Agent 8.0.2", subject="Message status - undeliverable",
        ),
        "userunknown",
    ),
    "mail.ru": (
        mail(
            "Это письмо создано автоматически сервером, отвечать на него не нужно.\n\n"
            f"К сожалению, Ваше письмо не может быть доставлено:\n\n{ANN}: user not found\n",
            "Content-Type: text/plain; charset=utf-8", sender="mailer-daemon@corp.mail.ru", subject="Mail failure.",
        ),
        "userunknown",
    ),
    "imail": (mail(f"Unknown user: {ANN}\n\nOriginal message follows.\n\n"
    f"{COPY}", subject="Undeliverable Mail"), "userunknown"),
    "interscan": (
        mail(
            f"Unable to deliver message to <{ANN}>.\n\nSent >>> RCPT TO:<{ANN}>\n"
            f"Received <<< 550 5.1.1 <{ANN}>: Recipient address rejected: User unknown\n\n",
            subject="Mail could not be delivered",
        ),
        "userunknown",
    ),
    "kddi": (
        mail(
            f"Your mail sent on: Mon, 02 Feb 2026 08:00:00 +0100\n     Could not be delivered to: <{ANN}>\n"
            "     As their mailbox is full.\n",
            sender="no-reply@post.example",
            subject="Mail System Error - Returned Mail",
        ),
        "mailboxfull",
    ),
    "ezweb": (
        mail(f"The user(s) account is disabled.\n\n<{ANN}>\n"
        f"", sender="Postmaster@ezweb.ne.jp", subject="Mail System Error"),
        "suspend",
    ),
    "mailfoundry": (
        mail(
            f"Unable to deliver message to: <{ANN}>\nDelivery failed for the following reason:\n"
            "Server mx.example.com[192.0.2.1] failed with: 550 5.2.2 over quota\n\n"
            "This has been a permanent failure.\n",
            subject="Message delivery has failed",
        ),
        "mailboxfull",
    ),
    "mailmarshal": (
        mail(
            "Your message:\n   From:    news@ivory.example\n   Subject: News for you\n\n"
            "Could not be delivered because of\n\n"
            f"550 5.1.1 User unknown\n\nThe following recipients were affected: \n    {ANN}\n",
            subject="Undeliverable Mail: News for you",
        ),
        "userunknown",
    ),
    "opensmtpd": (
        mail(
            "    Hi!\n\n    An error has occurred while attempting to deliver a message for\n"
            f"    the following list of recipients:\n\n{ANN}: Envelope expired\n\n"
            f"    Below is a copy of the original message:\n\n{COPY}",
            sender="Mailer Daemon <MAILER-DAEMON@mx.ivory.example>",
            subject="Delivery status notification: error",
        ),
        "expired",
    ),
    "dragonfly": (
        mail(
            f"This is the mail agent at ivory.example.\n\nThere was an error delivering your mail to <{ANN}>.\n\n"
            "mx.example.com [192.0.2.1] did not like our RCPT TO:\n552 5.2.2 Mailbox full\n\n"
            f"Message headers follow.\n\n{COPY}",
            sender="MAILER-DAEMON <>",
            subject="Mail delivery failed",
        ),
        "mailboxfull",
    ),
    "google": (
        mail(
            f"Delivery to the following recipient failed permanently:\n\n     {ANN}\n\n"
            f"Technical details of permanent failure:\n"
            "Google tried to deliver your message, but it was rejected by the server for the recipient domain.\n\n"
            f"The error that the other server returned was:\n550 5.1.1 user unknown\n\n"
            f"----- Original message -----\n\n{COPY}",
            sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            subject="Delivery Status Notification (Failure)",
        ),
        "userunknown",
    ),
    "gmx": (
        mail(
            f'A message that you sent could not be delivered.\n\n"{ANN}":\n'
            f'SMTP error from remote server after RCPT command:\n'
            f"host: mx.example.com\n5.2.1 <{ANN}>... User Unknown\n\n"
            f"--- The header of the original message is following. ---\n\n{COPY}",
            subject="Mail delivery failed: returning message to sender",
        ),
        "userunknown",
    ),
    "notes": (
        mail(
            f"------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\n{ANN}\n\n"
            f"------- Returned Message --------\n\n{COPY}",
            subject="Undeliverable message",
        ),
        "userunknown",
    ),
    "courier": (
        mail(
            "                           UNDELIVERABLE MAIL\n\n"
            "Your message to the following recipients cannot be delivered:\n\n"
            f"<{ANN}>:\n    mx.example.com [192.0.2.1]:\n>>> RCPT TO:<{ANN}>\n<<< 550 5.7.1 relaying denied\n",
            subject="NOTICE: mail delivery status.",
        ),
        "norelaying",
    ),
    "exchange": (
        mail(
            "Delivery has failed to these recipients or distribution lists:\n\n"
            f"{ANN}\nThe recipient's e-mail address was not found in the recipient's e-mail system.\n\n"
            "Diagnostic information for administrators:\n\nGenerating server: mx.example.com\n\n"
            f"{ANN}\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n\nOriginal message headers:\n\n{COPY}",
            sender="postmaster@example.com",
            subject="Undeliverable: News for you",
        ),
        "userunknown",
    ),
    "mimecast": (
        mail(
            "An email that you attempted to send to the following address could not be delivered:\n\n"
            f"-- {ANN}\n\nThe problem appears to be :\n-- Recipient email address is possibly incorrect\n\n"
            "Additional information follows :\n-- 5.4.1 Recipient address rejected: Access denied.\n",
            sender="postmaster <postmaster@example.com>",
            subject="[Postmaster] Email Delivery Failure",
        ),
        "userunknown",
    ),
    "french": (
        mail(
            f"Votre message n'a pas pu être remis au destinataire suivant :\n\n{ANN}\n\n"
            f"552 5.2.2 boîte aux lettres pleine\n",
            "Content-Type: text/plain; charset=utf-8",
            subject="Non remis : News for you",
        ),
        "mailboxfull",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_understood(name: str) -> None:
    raw, reason = DIALECTS[name]
    assert [(each.kind, each.recipient, each.reason) for each in parse_message(raw)] == [("bounce", ANN, reason)]


@pytest.mark.parametrize("name", DIALECTS)
def test_what_a_person_writes_in_the_same_words_is_no_bounce(name: str) -> None:
    raw, _ = DIALECTS[name]
    head, _, body = raw.decode().partition("\n\n")
    subject = next(line for line in head.splitlines() if line.startswith("Subject: "))[9:]
    answer = mail(body, sender="Bob <bob@ivory.example>", subject=f"Re: {subject}")
    assert {each.kind for each in parse_message(answer)} <= {"other"}

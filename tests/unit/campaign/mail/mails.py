"""Mails that came back, as servers write them; made up for the tests.

Here: whole mails by their bytes. Not here: what the tests expect of them.
"""

RETURNED = (
    "Return-Path: <bounce+t0k3n@news.ivory.example>\n"
    "From: Ivory <news@ivory.example>\n"
    "To: {to}\n"
    "Subject: News for you\n"
    "Date: Mon, 02 Feb 2026 08:00:00 +0100\n"
    "Message-ID: <m-17@ivory.example>\n"
    "X-Campaign: spring\n"
    "Feedback-ID: c1:ivory\n"
    "List-Unsubscribe: <mailto:leave+x9@ivory.example>, <https://www.ivory.example/u/x9>\n"
)


def mail(
    body: str, *headers: str, sender: str = "MAILER-DAEMON@mx.ivory.example", subject: str = "failure notice"
) -> bytes:
    """A mail of plain text."""
    head = [
        "Return-Path: <>",
        f"From: {sender}",
        "To: bounce+t0k3n@news.ivory.example",
        f"Subject: {subject}",
        "Date: Mon, 02 Feb 2026 08:01:00 +0100",
        *headers,
    ]
    return ("\n".join(head) + f"\n\n{body}").encode()


def report(*groups: str, words: str = "Your message could not be delivered.\n", to: str = "ann@example.com") -> bytes:
    """A notification of RFC 3464: the text for people, the groups of fields, the headers of the mail that came back."""
    parts = (
        ("text/plain; charset=us-ascii", words),
        ("message/delivery-status", "\n\n".join(groups)),
        ("text/rfc822-headers", RETURNED.format(to=to)),
    )
    body = "".join(f"--b1\nContent-Type: {kind}\n\n{content}\n" for kind, content in parts) + "--b1--\n"
    return mail(
        body,
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
        "Auto-Submitted: auto-replied",
        subject="Undelivered Mail Returned to Sender",
    )


ABOUT_MAIL = (
    "Reporting-MTA: dns; mx.ivory.example\nOriginal-Envelope-Id: e-5\nArrival-Date: Mon, 02 Feb 2026 08:00:10 +0100"
)


def about(
    recipient: str = "ann@example.com",
    diagnostic: str = "550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown",
    status: str = "5.1.1",
    action: str = "failed",
    more: str = "Last-Attempt-Date: Mon, 02 Feb 2026 09:30:00 +0100",
) -> str:
    """The group of fields about one recipient."""
    fields = [f"Final-Recipient: rfc822; {recipient}", f"Action: {action}", f"Status: {status}"]
    if diagnostic:
        fields += ["Remote-MTA: dns; mx.example.com", f"Diagnostic-Code: smtp; {diagnostic}"]
    return "\n".join([*fields, more])


def complaint(feedback_type: str = "abuse", recipient: str | None = "ann@example.com") -> bytes:
    """A feedback report of RFC 5965; without a recipient it is blacked out."""
    fields = [f"Feedback-Type: {feedback_type}", "User-Agent: Loop/1.0", "Version: 1"]
    fields += [f"Original-Rcpt-To: {recipient or 'redacted'}", "Arrival-Date: Tue, 03 Feb 2026 10:00:00 +0000"]
    returned = RETURNED.format(to=recipient or "redacted")
    body = (
        "--b2\nContent-Type: text/plain\n\nThis is a report of abuse.\n"
        f"--b2\nContent-Type: message/feedback-report\n\n{chr(10).join(fields)}\n"
        f"--b2\nContent-Type: message/rfc822\n\n{returned}\nThe text.\n--b2--\n"
    )
    return mail(
        body,
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"',
        sender="fbl@loop.example",
        subject="FW: News for you",
    )


def vacation(quoted: bytes = b"") -> bytes:
    """A person's automatic reply, with what it quotes."""
    quote = "".join(f"> {line}\n" for line in quoted.decode().splitlines())
    return mail(
        f"I am away until Monday.\n\n{quote}",
        "Auto-Submitted: auto-replied",
        sender="Ann <ann@example.com>",
        subject="Automatic reply: Undelivered Mail Returned to Sender",
    )


QMAIL = mail(
    "Hi. This is the qmail-send program at mx.ivory.example.\n"
    "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
    "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
    "<ann@example.com>:\n192.0.2.1 does not like recipient.\n"
    "Remote host said: 550 5.1.1 no mailbox here by that name\nGiving up on 192.0.2.1.\n\n"
    "<bob@example.org>:\nSorry, I couldn't find any host named example.org. (#5.1.2)\n\n"
    f"--- Below this line is a copy of the message.\n\n{RETURNED.format(to='ann@example.com, bob@example.org')}"
)
EXIM = mail(
    "This message was created automatically by mail delivery software.\n\n"
    "A message that you sent could not be delivered to one or more of its\n"
    "recipients. This is a permanent error. The following address(es) failed:\n\n"
    "  ann@example.com\n"
    "    SMTP error from remote mail server after RCPT TO:<ann@example.com>:\n"
    "    host mx.example.com [192.0.2.1]: 552 5.2.2 mailbox full\n\n"
    "------ This is a copy of the message, including all the headers. ------\n\n"
    + RETURNED.format(to="ann@example.com"),
    "X-Failed-Recipients: ann@example.com",
    "Auto-Submitted: auto-replied",
    subject="Mail delivery failed: returning message to sender",
)
SENDMAIL_SESSION = mail(
    "   ----- Transcript of session follows -----\n"
    "While talking to mx.example.com:\n>>> RCPT To:<ann@example.com>\n<<< 550 No such user\n"
    "550 <ann@example.com>... User unknown\n"
    "550 <bob@example.org>... Host unknown (Name server: example.org: host not found)\n\n"
    f"   ----- Unsent message follows -----\n{RETURNED.format(to='ann@example.com')}",
    subject="Returned mail: User unknown",
)
EXCHANGE = mail(
    "Your message\n\n  To:      staff@example.com\n  Subject: News for you\n"
    "  Sent:    Mon, 2 Feb 2026 08:00:00 +0100\n\n"
    "did not reach the following recipient(s):\n\n"
    "ann@example.com on Mon, 2 Feb 2026 08:00:05 +0100\n    The recipient name is not recognized\n"
    "    MSEXCH:IMS:EXAMPLE:CITY:MAIL 0 (000C05A6) Unknown Recipient\n",
    sender="System Administrator <postmaster@example.com>",
    subject="Undeliverable: News for you",
)
WARNING = mail(
    "This message was created automatically by mail delivery software.\n"
    "A message that you sent has not yet been delivered to one or more of its\n"
    "recipients after more than 24 hours on the queue.\n\n"
    "The address to which the message has not yet been delivered is:\n\n  ann@example.com\n"
    "    Delay reason: Connection timed out\n",
    sender="Mail Delivery System <Mailer-Daemon@mx.ivory.example>",
    subject="Warning: message 1ab delayed 24 hours",
)
EVERY_KIND = {
    "notification": report(ABOUT_MAIL, about()),
    "qmail": QMAIL,
    "exim": EXIM,
    "sendmail session": SENDMAIL_SESSION,
    "exchange": EXCHANGE,
    "warning": WARNING,
    "complaint": complaint(),
    "vacation": vacation(),
}
"""One mail of each kind, by name."""

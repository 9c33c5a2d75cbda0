"""Where reports in free text put the recipient: layouts of many makers, written from knowledge of them in own words."""

from base64 import b64encode

import pytest

from crm_platform.campaign.mail.parse import parse_message
from tests.unit.campaign.mail.mails import RETURNED, mail

ANN = "ann@example.com"
COPY = RETURNED.format(to=ANN)
VERP = "bounce-77-ann=example.com@news.ivory.example"
BLACKED_OUT = RETURNED.format(to="undisclosed-recipients:;").replace("bounce+t0k3n@news.ivory.example", VERP)


def parts(*each: tuple[str, str], kind: str = "multipart/mixed", subject: str = "Undeliverable mail") -> bytes:
    """A mail of parts, each with its header lines and its content."""
    body = "".join(f"--p7\n{head}\n\n{content}\n" if head else f"--p7\n\n{content}\n" for head, content in each)
    return mail(f"{body}--p7--\n", f'Content-Type: {kind}; boundary="p7"', subject=subject)


def to_verp(body: str, **more: str) -> bytes:
    """A mail to a return path that encodes the recipient."""
    return mail(body, **more).replace(b"To: bounce+t0k3n@news.ivory.example", f"To: {VERP}".encode())


STATUS = (
    "Reporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; {to}\nAction: failed\nStatus: 5.1.1\n"
    "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n"
)
HTML = "<html><body><h2>Delivery has failed</h2><table><tr><td>Recipient</td><td>{to}</td></tr></table></body></html>"
JAPANESE = "次のあて先へのメールは送信できませんでした。\n\n  あて先: {to}\n  理由: 宛先不明 (550 Unknown user)\n"

LAYOUTS: dict[str, bytes] = {
    "reason before the address": mail(f"Your mail could not be delivered.\n\n550 5.1.1 Unknown\n    {ANN}\n\n{COPY}"),
    "address, two dots, reason": mail(f"Delivery failed for these addresses\n\n  {ANN}: no such user here\n\n{COPY}"),
    "for, in angle brackets": mail(f"The mail could not be delivered for <{ANN}>, because the user is unknown.\n"),
    "sentence": mail(f"I was unable to deliver your message to {ANN}. The reason: mailbox is full.\n"),
    "label recipient": mail(f"Delivery failed.\n\nReason: unknown\nRecipient: {ANN}\nSender: news@ivory.example\n"),
    "label to with name": mail(f'Delivery failed.\n\nTo: "Ann Example" <{ANN}>\nError: 550 user unknown\n'),
    "label original recipient": mail(f"Delivery failed\n\nOriginal-Recipient: rfc822;{ANN}\nReason: mailbox full\n"),
    "label final recipient, typed": mail(f"Delivery failed\n\nFinal Recipient: rfc822; {ANN}\n550 user unknown\n"),
    "label e-mail address": mail(f"The mail was undeliverable.\n\nE-mail address: {ANN}\nReason: unknown user\n"),
    "label user": mail(f"The mail was undeliverable.\n\nUser: {ANN}\nReason: no such user\n"),
    "label undelivered to": mail(f"Undelivered to: {ANN}\nBecause: the mailbox is full\n\n{COPY}"),
    "label failed addresses, list": mail(f"Delivery failed.\n\nFailed addresses:\n - {ANN} (user unknown)\n\n{COPY}"),
    "numbered list": mail(f"These recipients could not be reached:\n\n1. {ANN} - mailbox full\n\n{COPY}"),
    "comment form": mail(f"Delivery failed to:\n\n   {ANN} (Ann Example)\n   550 user unknown\n"),
    "square brackets": mail(f"Delivery failed:\n\n   [{ANN}] 550 user unknown\n"),
    "smtp brackets": mail(f"Delivery failed:\n\n   [SMTP:{ANN}]\n   The recipient was not found\n"),
    "session": mail(f"Error in the session, mail was not delivered\n\n>>> RCPT TO:<{ANN}>\n<<< 550 5.1.1 unknown\n"),
    "session with marks": mail(f"Delivery failed\n\nC: RCPT TO:<{ANN}>\nS: 550 5.1.1 user unknown\n"),
    "while talking": mail(f"Mail to {ANN} failed while talking to mx.example.com:\n550 user unknown\n"),
    "header": mail("Your mail could not be delivered: user unknown\n", f"X-Failed-Recipients: {ANN}"),
    "quoted-printable": mail(
        "Delivery failed to this recipi=\nent:\n\n  ann=40example.com\n\n550 user unknown =E2=80=93 sorry\n",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable",
    ),
    "base64": mail(
        b64encode(f"Delivery failed to {ANN}: user unknown\n".encode()).decode() + "\n",
        "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
    ),
    "html only": mail(HTML.format(to=ANN), "Content-Type: text/html; charset=utf-8"),
    "html with a mailto link": mail(
        HTML.format(to=f'<a href="mailto:{ANN}">Ann Example</a>'), "Content-Type: text/html; charset=utf-8"
    ),
    "html with entities": mail(HTML.format(to="&lt;ann&#64;example.com&gt;"), "Content-Type: text/html"),
    "japanese": mail(
        b64encode(JAPANESE.format(to=ANN).encode("iso-2022-jp")).decode() + "\n",
        "Content-Type: text/plain; charset=ISO-2022-JP", "Content-Transfer-Encoding: base64",
        subject="=?ISO-2022-JP?B?GyRCRXobKEI=?= Mail System Error - Returned Mail",
    ),
    "parts without types": parts(("", f"Your mail could not be delivered to\n\n{ANN}\n\nuser unknown\n"), ("", COPY)),
    "status part in a part": parts(
        ("Content-Type: text/plain", "see below"),
        ("Content-Type: message/delivery-status", STATUS.format(to=ANN)),
    ),
    "report as an attached mail": parts(
        ("Content-Type: text/plain", "The mail system has this report for you."),
        ("Content-Type: message/rfc822",
         mail(f"Your message could not be delivered.\n\n<{ANN}>: user unknown\n").decode()),
    ),
    "status report as an attached mail": parts(
        ("Content-Type: text/plain", "A delivery failure was reported to this system; the report is attached."),
        ("Content-Type: message/rfc822",
         'From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; boundary="q8"\n\n'
         f"--q8\nContent-Type: text/plain\n\nfailed\n--q8\nContent-Type: message/delivery-status\n\n"
         f"{STATUS.format(to=ANN)}\n--q8--\n"),
    ),
    "original only": mail(f"Your mail could not be delivered: mailbox full.\n\n--- Original message ---\n{COPY}"),
    "verp only": to_verp(f"Your mail could not be delivered: mailbox full.\n\n--- Original message ---\n{BLACKED_OUT}"),
    "verp and no returned mail": to_verp("Your mail could not be delivered: the mailbox is full.\n"),
    "german": mail(f"Ihre Nachricht konnte nicht zugestellt werden.\n\nEmpfänger: {ANN}\nGrund: unbekannt\n"),
    "french": mail(f"Votre message n'a pu être remis à :\n\n    {ANN}\n\nAdresse inconnue\n"),
    "spanish": mail(f"No se pudo entregar su mensaje.\n\nDestinatario: {ANN}\nMotivo: buzón lleno\n"),
    "italian": mail(f"Non è stato possibile consegnare il messaggio.\n\nDestinatario: {ANN}\n"),
    "portuguese": mail(f"Não foi possível entregar a mensagem.\n\nDestinatário: {ANN}\nCaixa cheia\n"),
    "russian": mail(f"Сообщение не может быть доставлено.\n\nПолучатель: {ANN}\nящик переполнен\n"),
    "chinese": mail(f"抱歉，您的邮件被退回\n\n收件人: {ANN}\n原因: 用户不存在\n", subject="系统退信"),
    "postmaster's table": mail(
        f"Message delivery failed.\n\n  Date    : Mon, 02 Feb 2026\n  From    : news@ivory.example\n"
        f"  To      : {ANN}\n  Subject : News\n  Reason  : user unknown\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_recipient_is_found_wherever_a_report_puts_it(name: str) -> None:
    assert [(each.kind, each.recipient) for each in parse_message(LAYOUTS[name])] == [("bounce", ANN)]

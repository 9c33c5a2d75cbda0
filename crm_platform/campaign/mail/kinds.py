"""What a mail is: a report of a mail system, a person's automatic reply, or something else.

Here: telling them apart by who writes, what the mail is called and how it begins. Not here: what it reports.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from crm_platform.campaign.mail.mime import Part
from crm_platform.campaign.mail.words import any_of, words
from crm_platform.sources.readers.mail_headers import Headers, decoded_words

FAILED_HEADERS = ("x-failed-recipients", "x-bounced-address")
_NULL_PATH = re.compile(r"\s*<?\s*>?\s*$|.*mailer-daemon", re.IGNORECASE)
_ANSWERED = re.compile(r"\s*(?:re|fwd?|aw|sv|wg|tr|rv|res|回复|转发)\s*(?:\[\d+\])?\s*[:：]", re.IGNORECASE)
_SIGNS_NEEDED = 2


def is_auto_reply(mail: Part) -> bool:
    """Whether it is an automatic reply by RFC 3834, by a header in use for it, or by its name."""
    headers = mail.headers
    if is_from_system(headers) or any(name in headers for name in FAILED_HEADERS):
        return bool(any_of("auto_reply_subjects").search(subject(headers))) and not _is_called_bounce(headers)
    if headers.get("auto-submitted").lower().strip().startswith("auto-replied"):
        return True
    named = ("x-autoreply", "x-autorespond", "x-vacation", "x-auto-response-from")
    return any(name in headers for name in named) or bool(any_of("auto_reply_subjects").search(subject(headers)))


def is_bounce(mail: Part, lines: Sequence[str], returns_mail: bool) -> bool:
    """Whether a mail without a status part reports that a mail was not delivered.

    Two signs are needed: a system that writes, a name, an opening, an empty return path, a header that names
    recipients, and one of them more than the opening and the path, unless it returns a mail (`returns_mail`). What a
    person answers or passes on is none.
    """
    headers = mail.headers
    from_system = is_from_system(headers)
    if not from_system and _ANSWERED.match(subject(headers)):
        return False
    names_failed = any(name in headers for name in FAILED_HEADERS)
    opens = bool(any_of("openings").search(" ".join(lines[:60])))
    if not (opens or names_failed):
        return from_system and _is_called_bounce(headers)
    has_null_path = "return-path" in headers and bool(_NULL_PATH.match(headers.get("return-path")))
    signs = (from_system, _is_called_bounce(headers), opens, has_null_path, names_failed)
    is_told = from_system or _is_called_bounce(headers) or names_failed or returns_mail
    return sum(signs) >= _SIGNS_NEEDED and is_told


def is_from_system(headers: Headers) -> bool:
    """Whether a mail system writes."""
    sender = decoded_words(headers.get("from")).strip()
    if sender in ("", "<>"):
        return "from" in headers or "return-path" in headers
    return bool(any_of("system_senders").search(sender[:500]))


def subject(headers: Headers) -> str:
    """The subject, decoded."""
    return decoded_words(headers.get("subject")[:2_000])


def agent(headers: Headers) -> str:
    """The program that wrote a report, where a rule asks for it."""
    told = " ".join(headers.get(name) for name in ("from", "subject", "x-mailer")).lower()
    return next(
        (name for name, signs in _agents() if any(sign in headers or sign in told for sign in signs)),
        "",
    )


def _is_called_bounce(headers: Headers) -> bool:
    return bool(any_of("bounce_subjects").search(subject(headers)))


@lru_cache(maxsize=1)
def _agents() -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(words().agents.items())

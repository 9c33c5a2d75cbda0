"""Reports in free text: who did not get the mail, and what is said of each.

Here: the part of a mail that is written for people, the recipients named in it and the lines that belong to each.
Not here: the words by which they are told (`free_text.yaml`), and the reason (`reasons.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from crm_platform.campaign.mail.addresses import ADDRESS, every_address, first_address, matching_form
from crm_platform.campaign.mail.mime import Part
from crm_platform.campaign.mail.original import ORIGINAL_TYPES
from crm_platform.campaign.mail.words import any_of, words

MAXIMUM_LINES = 1_500
MAXIMUM_LINE = 2_000
MAXIMUM_TEXT = 200_000
BLOCK_LINES = 40

# `c=gb;a= ;p=sheds;dda:SMTP=ann@example.com;`: a gateway of X.400 gives the address of the Internet last.
_OF_GATEWAY = r"(?:[a-z]{1,5}=[^;=@]{0,64}; ?){1,10}(?:dda:)?"
_ADDRESS_FIRST = re.compile(rf"[\s*•>\-]*(?i:{_OF_GATEWAY})?[<\"'(\[]{{0,2}}({ADDRESS.pattern})[>\"')\]]{{0,2}}(.*)$")
_ADDRESS_BESIDE = re.compile(rf"\s*<({ADDRESS.pattern})>")
_REFUSED_ADDRESS = re.compile(
    rf"\s*(?:(?:.{{0,60}}(?:Sent\s*)?(?:>>>|-->|\bC:)\s*)|In:\s+)RCPT TO:\s*<?({ADDRESS.pattern})"
    rf"|\s*(?:(?:Received\s*)?<<<\s*)?[45]\d\d[- ].{{0,60}}?<({ADDRESS.pattern})>",
    re.IGNORECASE,
)
# What any line has at which the returned mail begins: most lines need not be looked at more closely.
_ORIGINAL_HINTS = re.compile(
    r"copy|message|mail|header|^(?:received|return-path|x-original-to|delivered-to):", re.IGNORECASE
)
_LOCAL_NAME = re.compile(r"[ \t]+([A-Za-z0-9][\w.+-]{0,63})\s*$")
_QUOTED = re.compile(r"\s{0,3}>(?!>>)")
_NO_RECIPIENT = re.compile(r"^(?:postmaster|mailer-daemon|abuse)@")


@dataclass(frozen=True)
class ReportText:
    """The lines that a report has for people, and the lines after them, where the mail that came back begins."""

    lines: list[str]
    rest: list[str]


@dataclass(frozen=True)
class Named:
    """A recipient that a report names, and the lines that are about it."""

    recipient: str
    block: list[str]


def report_text(parts: Sequence[Part]) -> ReportText:
    """The text for people among the parts of a mail: its plain text, or its HTML where there is no plain text."""
    plain: list[str] = []
    markup: list[str] = []
    for part in parts:
        if part.content_type in ORIGINAL_TYPES:
            break
        if part.content_type == "text/html":
            markup += part.lines
        elif part.content_type.startswith("text/") or not part.content_type.startswith(
            ("message/", "image/", "application/", "audio/", "video/")
        ):
            plain += part.lines
    lines = plain if any(line.strip() for line in plain) else markup
    lines = _bounded(lines)
    begins, hints = any_of("original_begins"), _ORIGINAL_HINTS
    end = next((number for number, line in enumerate(lines) if hints.search(line) and begins.match(line)), len(lines))
    return ReportText([line for line in lines[:end] if not _QUOTED.match(line)], lines[end:])


def _bounded(lines: Sequence[str]) -> list[str]:
    """The lines, as many and as long as are ever looked at."""
    kept: list[str] = []
    room = MAXIMUM_TEXT
    for line in lines[:MAXIMUM_LINES]:
        kept.append(line[:MAXIMUM_LINE].rstrip())
        room -= len(kept[-1])
        if room < 0:
            break
    return kept


def recipients_named(lines: Sequence[str], known: Sequence[str], own: frozenset[str]) -> list[Named]:
    """The recipients of a report in free text, each with its lines.

    known: recipients that headers name, which are taken as they are; own: addresses of the sender, which are none
    unless nobody else is named.
    """
    if known:
        return _with_blocks(lines, _places_of(lines, known))
    for find in (_at_line_starts, _refused, _labelled, _mentioned):
        places = find(lines)
        others = {number: address for number, address in places.items() if address not in own}
        if others and find is _refused:
            return _with_lines_before(lines, others)
        if others or (places and find is _at_line_starts):
            return _with_blocks(lines, others or places)
    return []


def local_names(lines: Sequence[str]) -> list[str]:
    """Names without a domain, alone on indented lines below a line that ends with two dots: a server's own users."""
    found: list[str] = []
    is_listed = False
    for line in lines:
        match = _LOCAL_NAME.match(line) if is_listed else None
        if match:
            found.append(match.group(1).lower())
        elif line.strip():
            is_listed = line.rstrip().endswith(":")
    return found


def _at_line_starts(lines: Sequence[str]) -> dict[int, str]:
    """Lines that begin with an address, alone or with what is said of it: `<a@b>: 550 no such user`."""
    found: dict[int, str] = {}
    for number, line in enumerate(lines):
        match = _ADDRESS_FIRST.match(line) if "@" in line else None
        if match and not match.group(2).rstrip().endswith("wrote:"):
            beside = _ADDRESS_BESIDE.match(match.group(2))  # "a@b <c@d>:" a name that looks like an address
            found[number] = matching_form(beside.group(1) if beside else match.group(1))
    return _likely(found)


def _refused(lines: Sequence[str]) -> dict[int, str]:
    """Lines of an SMTP session in which a recipient is named or refused."""
    found: dict[int, str] = {}
    for number, line in enumerate(lines):
        match = _REFUSED_ADDRESS.match(line) if "@" in line else None
        if match:
            found[number] = matching_form(match.group(1) or match.group(2))
    return _likely(found)


def _labelled(lines: Sequence[str]) -> dict[int, str]:
    """Lines such as `Recipient: <a@b>`; a plain `To:` only where no better label stands."""
    found: dict[int, str] = {}
    weak: dict[int, str] = {}
    for number, line in enumerate(lines):
        match = _label().match(line) if "@" in line else None
        if match:
            is_weak = match.group("label").strip().lower() == "to"
            (weak if is_weak else found)[number] = matching_form(match.group("address"))
    return _likely(found) or _likely(weak)


def _mentioned(lines: Sequence[str]) -> dict[int, str]:
    """Addresses in sentences, but for those that a reader is to turn to; of several, those in sentences that speak of
    the failure, for others are often names that are alike."""
    contact, failure = any_of("contact_words"), any_of("openings")
    found = {
        number: first_address(line) for number, line in enumerate(lines) if "@" in line and not contact.search(line)
    }
    likely = _likely({number: address for number, address in found.items() if address})
    if len(likely) > 1:
        return {number: address for number, address in likely.items() if failure.search(lines[number])} or likely
    return likely


def _places_of(lines: Sequence[str], known: Sequence[str]) -> dict[int, str]:
    """The first line that names each known recipient; of one that no line names, a place after the end."""
    found: dict[int, str] = {}
    with_address = [(number, line.lower()) for number, line in enumerate(lines) if "@" in line]
    for offset, recipient in enumerate(known):
        places = (number for number, line in with_address if recipient in line and number not in found)
        found[next(places, len(lines) + offset)] = recipient
    return found


def _with_blocks(lines: Sequence[str], places: dict[int, str]) -> list[Named]:
    """Each recipient once, with the lines from its first to the next recipient's; one that is followed by another
    without a word between them shares the other's lines."""
    numbers = sorted(places)
    blocks: dict[str, list[str]] = {}
    shared: list[str] = []
    for number, end in reversed(list(zip(numbers, [*numbers[1:], len(lines)], strict=True))):
        block = [line for line in lines[number : min(end, number + BLOCK_LINES)] if line.strip()]
        says_nothing = len(block) == 1 and not _said_beside(block[0])
        shared = [*block, *shared[:BLOCK_LINES]] if says_nothing else block
        blocks[places[number]] = [*shared, *blocks.get(places[number], [])]
    ordered = dict.fromkeys(places[number] for number in numbers)
    return [Named(recipient, blocks[recipient]) for recipient in ordered]


def _with_lines_before(lines: Sequence[str], places: dict[int, str]) -> list[Named]:
    """Each recipient of a session that is shown, with the lines since the recipient before: a server's answer stands
    above the line that draws the conclusion. The last recipient has the rest as well."""
    last_place = {address: number for number, address in places.items()}
    named: list[Named] = []
    start = 0
    for address, number in sorted(last_place.items(), key=lambda item: item[1]):
        end = number + 1 if len(named) < len(last_place) - 1 else len(lines)
        of_recipient = [line for line in lines[start:end] if line.strip()]
        hosts = [place for place, line in enumerate(of_recipient) if "while talking to" in line.lower()]
        named.append(Named(address, of_recipient[hosts[-1] if hosts else 0 :][:BLOCK_LINES]))
        start = end
    return named


def _said_beside(line: str) -> bool:
    match = _ADDRESS_FIRST.match(line)
    return bool(match and re.search(r"[a-z]{3}", match.group(2).lower()))


def _likely(found: dict[int, str]) -> dict[int, str]:
    return {number: address for number, address in found.items() if not _NO_RECIPIENT.match(address)}


@lru_cache(maxsize=1)
def _label() -> re.Pattern[str]:
    labels = "|".join(words().recipient_labels)
    return re.compile(rf"\W*(?P<label>(?:{labels}))\s*:\s*[<\"'(]{{0,2}}(?P<address>{ADDRESS.pattern})", re.IGNORECASE)


def known_recipients(values: Sequence[str]) -> list[str]:
    """The addresses in headers such as X-Failed-Recipients."""
    return list(dict.fromkeys(address for value in values for address in every_address(value[:20_000])))

"""What a server answered: reply code (RFC 5321), enhanced status (RFC 3463), command and host, found in a report.

Here: reading them out of lines of text. Not here: what they mean (`reasons.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
CODE = re.compile(r"(?<![\d.:/=-])([45]\d\d)(?=[ :;'\"-]|$)(?!-?\d\d)(?! ?(?:bytes|days|hours|kb|mb)\b)")
_CODE_THEN_STATUS = re.compile(r"(?<![\d.])([245]\d\d)[- :#'\"<(]{1,4}([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_REPLY_LINE = re.compile(r"(?<![\w.:/-])[45]\d\d[- :]")
_CONTINUED = re.compile(
    r"\s*[245]\d\d-[245]\.\d{1,3}\.\d{1,3} ?|(?<=\s)[245]\d\d-(?=\S)|(?<=\s)[245]\d\d [245]\.\d{1,3}\.\d{1,3} "
)

# The commands, the words without one of which none of its signs is there, and the signs, in small letters.
_COMMANDS = (
    ("RCPT", ("rcpt", "recipient"), re.compile(
        r"(?:in reply to|after|following|like our|>>>|-->|in:|in) *rcpt|rcpt (?:to )?command|smtp:rcpt"
        r"|(?:sent|issued): *rcpt|\[rcpt_to\]|\(rcpt to\)|does not like recipient|rejected recipient"
        r"|response to \"?rcpt|recipient address rejected|rcpt to response|^\W*\d{3}[ -](?:\d\.\d\.\d )?rcpt to:")),
    ("MAIL", ("mail", "sender"), re.compile(
        r"(?:in reply to|after|following|like our|>>>|in:|in) *mail|mail from command|\[mail_from\]"
        r"|does not like sender|sender address rejected")),
    ("DATA", ("data", "i sent"), re.compile(
        r"(?:in reply to|after|following|like our final|>>>|in:|in) *(?:the )?(?:end of )?data"
        r"|\(data\)|\[data\]|after i sent the message|data command")),
    ("EHLO", ("helo", "ehlo", "my name"), re.compile(
        r"(?:in reply to|after|>>>) *(?:ehlo|helo)|my name was rejected")),
    ("CONN", ("initial", "refused to", "connected to"), re.compile(
        r"initial (?:connection|server greeting)|refused to\s+talk to me|connected to .{1,200} but")),
)  # fmt: skip
_NAME = r"(?:[a-z0-9_-]{1,63}\.){1,20}[a-z0-9-]{2,63}"
_HOST = re.compile(
    rf"\bhost:? +({_NAME})|while talking to +({_NAME})|(?<!\S)({_NAME})\.? ?\[[0-9a-f.:]{{3,45}}\]|\bby ({_NAME})\. \[",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reply:
    """What is known of the answer about one recipient; `text` is what the server or the reporter says."""

    text: str = ""
    status: str = ""
    code: str = ""
    command: str = ""
    host: str = ""


def status_in(text: str) -> str:
    """The enhanced status in a text: one that follows a reply code before any other, x.0.x only as a last resort."""
    after_code = [status for code, status in _CODE_THEN_STATUS.findall(text) if code[0] == status[0]]
    found: list[str] = after_code or STATUS.findall(text)
    told = [status for status in found if not tells_nothing(status)]
    return (told or found or [""])[0]


def tells_nothing(status: str) -> bool:
    """Whether a status is of subject 0 (RFC 3463: other or undefined), as Exchange's 5.0.350 for another's answer."""
    return status[1:3] == ".0"


def code_in(text: str) -> str:
    """The reply code in a text, one of refusal."""
    match = CODE.search(text)
    return match.group(1) if match else ""


def command_in(text: str) -> str:
    """The SMTP command that a text says was refused; that of the last one where a session is shown."""
    lowered = text.lower()
    asked = [(command, pattern) for command, hints, pattern in _COMMANDS if any(hint in lowered for hint in hints)]
    found = [(match.start(), command) for command, pattern in asked for match in (pattern.search(lowered),) if match]
    return min(found)[1] if found else ""


def host_in(text: str) -> str:
    """The host that answered, as a text names it."""
    match = _HOST.search(text)
    return next((group.lower() for group in match.groups() if group), "") if match else ""


def reply_line(lines: Sequence[str]) -> str:
    """The line, with those it goes on in, in which a server's refusal is quoted; nothing where there is none."""
    for number, line in enumerate(lines):
        quoted = _REPLY_LINE.search(line)
        if quoted and code_in(line[quoted.start() :]):
            continued = _continuation(lines[number + 1 : number + 21], line)
            return " ".join([line[quoted.start() :].strip(), *(each.strip() for each in continued)])
    return ""


def flattened(text: str) -> str:
    """A quoted refusal as one sentence: codes of continued lines and line ends taken out."""
    return " ".join(_CONTINUED.sub(" ", text).split())


def _continuation(lines: Sequence[str], first: str) -> list[str]:
    """The lines that go on with a quoted refusal: further reply lines of the same code, or indented ones."""
    indent = len(first) - len(first.lstrip())
    code = code_in(first)
    taken: list[str] = []
    for line in lines:
        same_code = code and re.match(rf"\s*(?:<<<\s*)?{code}[- ]", line)
        deeper = (
            line.strip() and len(line) - len(line.lstrip()) >= max(indent, 1) and not line.lstrip().startswith("<<<")
        )
        if not (same_code or deeper):
            break
        taken.append(line)
    return taken

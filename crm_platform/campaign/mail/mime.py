"""The structure of a mail, read as broken as real mails are.

Here: parts, transfer encodings and character sets, for any bytes, in bounded time. Not here: header fields
(`crm_platform/sources/readers/mail_headers.py`) and what a part says.
The standard library's parser is not used: it gives up on what is common in bounces,
such as parts without an empty line, boundaries that are not the declared ones, and unfolded headers.
"""

import binascii
import html
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from crm_platform.sources.readers.mail_headers import Headers, known_charset, read_fields, split_head

MAXIMUM_BYTES = 2 * 1024**2
"""What is looked at of one mail; reports stand at the beginning."""
MAXIMUM_DEPTH = 8
MAXIMUM_PARTS = 200

_MBOX_LINE = re.compile(r">?From [^\n]*\n")
_PARAMETER = re.compile(r";\s*([a-zA-Z0-9_*-]+)\s*=\s*(?:\"([^\"]*)\"|([^;\s]+))")
_SNIFFED_BOUNDARY = re.compile(r"^--([^\n]{2,200})\n(?=content-[a-z-]+:)", re.IGNORECASE | re.MULTILINE)
_BREAK = re.compile(r"<(?:br|/p|/tr|/div|/h\d|/li)\b[^<>]{0,500}>", re.IGNORECASE)
_CELL = re.compile(r"</t[dh]\b[^<>]{0,500}>", re.IGNORECASE)
_MAILTO = re.compile(r"<a\s[^<>]{0,500}?mailto:([^\s\"'?<>]{3,320})[^<>]{0,500}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"</?[a-z!][^<>]{0,2000}>", re.IGNORECASE)
_UNSEEN = (("<style", "</style"), ("<script", "</script"), ("<head", "</head"), ("<!--", "-->"))
# Text in these is not to be taken as its bytes say although they are ASCII.
_JAPANESE = "iso-2022-jp"
_NOT_ASCII = ("iso-2022", "utf-16", "utf-32", "hz")


@dataclass
class Part:
    """A mail or one of its parts: `headers`, `content_type` in small letters with its parameters, and the body as it
    came, each byte one character; `parts` are the parts of a multipart."""

    headers: Headers
    content_type: str
    parameters: Mapping[str, str]
    body: str
    parts: list["Part"] = field(default_factory=list)

    @cached_property
    def text(self) -> str:
        """The body with transfer encoding and character set undone, as far as they can be."""
        return _decoded(self.body, self.headers.get("content-transfer-encoding"), self.parameters.get("charset", ""))

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text; of HTML, those that a person sees."""
        text = seen_in_html(self.text) if self.content_type == "text/html" else self.text
        return text.split("\n")

    def leaves(self) -> Iterator["Part"]:
        """The parts that have no parts, in order; a mail within the mail is one of them."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


def read_mail(raw: bytes) -> Part:
    """Read the structure of a mail, whatever its line ends; nothing is ever refused."""
    text = raw[:MAXIMUM_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1").lstrip("\n")
    mbox_line = _MBOX_LINE.match(text)
    if mbox_line:
        text = text[mbox_line.end() :]
    return _read_part(text, 0, [MAXIMUM_PARTS])


def seen_in_html(text: str) -> str:
    """What a person sees of HTML, roughly: tags taken out, blocks as lines; of links the address if none is seen."""
    for begin, end in _UNSEEN:
        text = _without(text, begin, end)
    seen = _without_tags(text)
    return seen if "@" in seen else _without_tags(_MAILTO.sub(r" &lt;\1&gt; ", text))


def _without_tags(text: str) -> str:
    return html.unescape(_ANY_TAG.sub("", _CELL.sub(" ", _BREAK.sub("\n", text))))


def _without(text: str, begin: str, end: str) -> str:
    """A text without what stands between these marks; one that is never closed reaches to the end."""
    small = text.lower()
    kept: list[str] = []
    position = 0
    while (start := small.find(begin, position)) >= 0:
        kept.append(text[position:start])
        close = small.find(end, start)
        position = len(text) if close < 0 else close + len(end)
    return "".join([*kept, text[position:]])


def _read_part(text: str, depth: int, room: list[int]) -> Part:
    head, body = split_head(text)
    headers = read_fields(head)
    content_type, parameters = _content_type(headers.get("content-type"))
    part = Part(headers, content_type, parameters, body)
    if content_type.startswith("multipart/") and depth < MAXIMUM_DEPTH:
        for piece in _pieces(body, parameters.get("boundary", "")):
            room[0] -= 1
            if room[0] < 0:
                break
            part.parts.append(_read_part(piece, depth + 1, room))
    return part


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    kind, _, _ = value.partition(";")
    parameters = {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(value[:4000])}
    return kind.strip().lower() or "text/plain", parameters


def _pieces(body: str, boundary: str) -> list[str]:
    text = f"\n{body}"
    if not boundary or f"\n--{boundary}" not in text:
        sniffed = _SNIFFED_BOUNDARY.search(body)
        if sniffed is None:
            return []
        boundary = sniffed.group(1)
    pieces: list[str] = []
    for piece in text.split(f"\n--{boundary}")[1:]:
        if piece.startswith("--"):
            break
        rest_of_line, _, content = piece.partition("\n")
        if rest_of_line.strip():  # a longer boundary that begins alike: the inner one of a nested multipart
            if pieces:
                pieces[-1] += f"\n--{boundary}{piece}"
            continue
        pieces.append(content)
    return pieces


def _decoded(body: str, transfer_encoding: str, charset: str) -> str:
    encoding = transfer_encoding.strip().lower()
    if encoding == "quoted-printable":
        body = quopri.decodestring(body.encode("latin-1")).decode("latin-1").replace("\r\n", "\n")
    elif encoding == "base64":
        body = _from_base64(body)
    name = _JAPANESE if "\x1b$" in body else charset.strip().lower()
    if body.isascii() and not name.startswith(_NOT_ASCII):
        return body
    return _in_charset(body.encode("latin-1"), name)


def _from_base64(body: str) -> str:
    packed = re.sub(r"[^A-Za-z0-9+/]", "", body)
    try:
        unpacked = binascii.a2b_base64(packed[: len(packed) // 4 * 4] + _padded(packed[len(packed) // 4 * 4 :]))
    except binascii.Error:
        return body
    return unpacked.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("latin-1")


def _padded(rest: str) -> str:
    return f"{rest}{'=' * (4 - len(rest))}" if len(rest) > 1 else ""


def _in_charset(content: bytes, charset: str) -> str:
    """Bytes as text: UTF-8 where they are that, whatever is declared, else the declared set, else Latin-1."""
    if not charset.startswith(_NOT_ASCII) or not content.isascii():
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return content.decode(known_charset(charset), "replace")

"""Mail addresses in the text of reports.

Here: finding an address and giving it the form in which it is compared. Not here: whether it is the recipient's
(`free_text.py`, `notification.py`).
"""

import re

# An address begins where a word begins: tried at every letter, a long word would be read again and again.
_WIDE = "（）＜＞「」【】《》：；，。、！？"  # what stands beside an address where words are written without spaces
_LOCAL = rf"(?:\"[^\"\s@]{{1,64}}\"|(?<![^\s<>()\[\],;:\"@\\{_WIDE}])[^\s<>()\[\],;:\"@\\{_WIDE}]{{1,200}}+)"
# Two dots end a domain: some servers write `ann@example.org...User unknown`.
_LABEL = rf"[^\s<>()\[\],;:\"@\\'|`.{_WIDE}]{{1,253}}+"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL}){{0,30}}|\[[0-9A-Fa-f.:]{{3,60}}\])"
ADDRESS = re.compile(rf"{_LOCAL}@{_DOMAIN}")
_SOURCE_ROUTE = re.compile(r"^\s*<?@[^:\s]{1,500}:")
_UNICODE_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_TYPE = re.compile(r"^(?:mailto|smtp|rfc-?822)=", re.IGNORECASE)  # `dda:SMTP=ann@example.com`, as X.400 has it
_EDGES = "'`.*!?"


def first_address(text: str) -> str:
    """The first address in a text, in the form in which addresses are compared, or nothing."""
    match = ADDRESS.search(text)
    return matching_form(match.group()) if match else ""


def every_address(text: str) -> list[str]:
    """Every address in a text, in the form in which addresses are compared, each once."""
    return list(dict.fromkeys(matching_form(match) for match in ADDRESS.findall(text)))


def matching_form(address: str) -> str:
    """An address in small letters, without what the prose round it left on it."""
    local, _, domain = address.rpartition("@")
    return f"{_TYPE.sub('', local.lstrip(_EDGES))}@{domain.rstrip(_EDGES)}".lower()


def report_address(value: str) -> str:
    """The address of a report's field (RFC 3464, 6533): `rfc822; a@b`, `utf-8; \\x{E9}@b`, `<a@b>`, `a@b>`."""
    unescaped = _UNICODE_ESCAPE.sub(_character, value)
    return first_address(_SOURCE_ROUTE.sub("", unescaped.partition(";")[2] or unescaped))


def is_source_routed(value: str) -> bool:
    """Whether a report's field gives a route instead of an address (`rfc822;@relay:user@inner`)."""
    return bool(_SOURCE_ROUTE.match(value.partition(";")[2] or value))


def _character(match: re.Match[str]) -> str:
    number = int(match.group(1), 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number < 0xE000 else ""

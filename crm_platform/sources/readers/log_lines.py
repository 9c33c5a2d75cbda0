"""Parses lines of web server access logs into the columns of web_hits, one function for each layout of a line.

Sources of the layouts: Apache HTTP Server mod_log_config (common, combined, vhost_combined), nginx log module, Amazon
CloudFront standard logs, AWS Application Load Balancer access logs. Finding the layout of a file and reading it stands
in `access_log.py`; who made a hit, and what its query string means, is for the campaign stage.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

import polars as pl

WEB_HITS: dict[str, pl.DataType | type[pl.DataType]] = {
    "ip_address": pl.String,
    "remote_user": pl.String,
    "event_dt": pl.Datetime("us", "UTC"),
    "method": pl.String,
    "url": pl.String,
    "protocol": pl.String,
    "status": pl.Int64,
    "bytes_sent": pl.Int64,
    "referrer": pl.String,
    "user_agent": pl.String,
    "request_id": pl.String,
    "host": pl.String,
    "forwarded_for": pl.String,
}
"""The columns every layout yields; null where a layout has no such field."""

ANY_USER = r"(?P<remote_user>.+?)"
ONE_WORD_USER = r"(?P<remote_user>\S+)"
COMMON = (
    r"(?P<ip_address>\S+) \S+ " + ANY_USER + r" \[(?P<time>[^\]]+)\]"
    r' "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes_sent>\d+|-)'
)
REFERRER_AND_AGENT = r' "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<user_agent>(?:[^"\\]|\\.)*)"'
FORWARDED_FOR = r'(?: "(?P<forwarded_for>-|[0-9a-fA-F.:]+(?:, ?[0-9a-fA-F.:]+)*)")?'
MORE_FIELDS = r'(?: "(?:[^"\\]|\\.)*"| [^\s"]+)*'
PATTERNS = {
    "combined": rf"^{COMMON}{REFERRER_AND_AGENT}{FORWARDED_FOR}{MORE_FIELDS}\s*$",
    "vhost": rf"^(?P<host>\S+?)(?::\d+)? {COMMON}(?:{REFERRER_AND_AGENT}{FORWARDED_FOR}{MORE_FIELDS})?\s*$",
    "common": rf"^{COMMON}\s*$",
    "alb": (
        r"^(?:http|https|h2|grpcs|ws|wss) (?P<time>\S+) \S+ (?P<ip_address>\S+):\d+ \S+ \S+ \S+ \S+"
        r" (?P<status>\d{3}|-) \S+ (?:\d+|-) (?P<bytes_sent>\d+|-)"
        r' "(?P<request>(?:[^"\\]|\\.)*)" "(?P<user_agent>(?:[^"\\]|\\.)*)"'
        r' \S+ \S+ \S+ "(?P<request_id>[^"]*)".*$'
    ),
}
_VISIBLE = "[!-~]"
_PLAIN_TEXT = r"[ !#-\[\]-~]*"
_PLAIN_COMMON = (
    rf"(?P<ip_address>{_VISIBLE}+) {_VISIBLE}+ (?P<remote_user>{_VISIBLE}+) \[(?P<time>[0-9A-Za-z/:+ -]+)\]"
    r' "(?P<method>[A-Z][A-Z_-]*) (?P<url>[!#-\[\]-~]*) (?P<protocol>[A-Z]+/[0-9](?:\.[0-9])?)"'
    r" (?P<status>[0-9][0-9][0-9]) (?P<bytes_sent>[0-9]+|-)"
)
PLAIN_PATTERNS = {
    "combined": rf'^{_PLAIN_COMMON} "(?P<referrer>{_PLAIN_TEXT})" "(?P<user_agent>{_PLAIN_TEXT})"$',
    "common": f"^{_PLAIN_COMMON}$",
}
"""What nearly every line of a layout looks like: ASCII, nothing escaped, no further fields. At each character at most
one way goes on, which regular expressions are four times as fast at; what they find is what PATTERNS would find."""
REQUEST = r"^(?P<method>[A-Z][A-Z_-]*) (?P<url>.*?)(?: (?P<protocol>[A-Z]+/\d(?:\.\d)?))?$"
CLOUDFRONT_FIELDS = {
    "ip_address": "c-ip",
    "method": "cs-method",
    "protocol": "cs-protocol-version",
    "status": "sc-status",
    "bytes_sent": "sc-bytes",
    "referrer": "cs(Referer)",
    "user_agent": "cs(User-Agent)",
    "request_id": "x-edge-request-id",
    "host": "x-host-header",
    "forwarded_for": "x-forwarded-for",
}
JSON_KEYS = {
    "ip_address": ("remote_addr", "client_ip", "ip"),
    "remote_user": ("remote_user",),
    "event_dt": ("time_iso8601", "msec", "time_local", "timestamp", "@timestamp", "time"),
    "method": ("request_method", "method"),
    "url": ("request_uri", "uri", "url"),
    "protocol": ("server_protocol", "protocol"),
    "status": ("status",),
    "bytes_sent": ("body_bytes_sent", "bytes_sent"),
    "referrer": ("http_referer", "http_referrer", "referer", "referrer"),
    "user_agent": ("http_user_agent", "user_agent", "agent"),
    "request_id": ("request_id",),
    "host": ("host", "http_host", "server_name"),
    "forwarded_for": ("http_x_forwarded_for", "x_forwarded_for", "forwarded_for"),
}
"""Keys that nginx configurations commonly give, by column; `FileForm.keys` overrides them."""

ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)


def parse_lines(lines: pl.Series, dialect: str) -> pl.DataFrame:
    """The columns of WEB_HITS for lines of a layout in PATTERNS, row by row; `event_dt` is null where one fails."""
    if dialect not in PLAIN_PATTERNS:
        return _parsed_by(PATTERNS[dialect], lines)
    plain = _parsed_by(PLAIN_PATTERNS[dialect], lines)
    is_other = plain["event_dt"].is_null()
    if not is_other.any():
        return plain
    whole = pl.concat([plain.filter(~is_other), _parsed_by(PATTERNS[dialect], lines.filter(is_other))])
    places = pl.concat([(~is_other).arg_true(), is_other.arg_true()])
    return whole.select(pl.all().gather(places.arg_sort()))


def _parsed_by(pattern: str, lines: pl.Series) -> pl.DataFrame:
    fields = lines.str.extract_groups(pattern).struct.unnest()
    hits = _with_request(fields) if "request" in fields.columns else fields
    return _typed(hits.with_columns(_instants(hits["time"]).alias("event_dt")))


def parse_cloudfront(lines: pl.Series, fields: list[str]) -> pl.DataFrame:
    """The columns of WEB_HITS for the tab-separated lines of a CloudFront log, whose `#Fields` are given.

    Times are UTC. `event_dt` is null where a line has another number of fields or no valid time.
    """
    values = lines.str.strip_chars_end("\r\n").str.split("\t")
    is_whole = values.list.len() == len(fields)
    columns = {name: values.list.get(place, null_on_oob=True) for place, name in enumerate(fields)}
    blank = pl.Series([None], dtype=pl.String).new_from_index(0, lines.len())
    taken = {column: columns.get(name, blank) for column, name in CLOUDFRONT_FIELDS.items()}
    for column in ("referrer", "user_agent"):
        taken[column] = _mapped(taken[column], "%", lambda text: unquote(unquote(text)))
    stem, query = columns.get("cs-uri-stem", blank), columns.get("cs-uri-query", blank)
    moment = columns.get("date", blank) + " " + columns.get("time", blank)
    hits = pl.DataFrame({**taken, "stem": stem, "query": query, "event_dt": moment, "is_whole": is_whole})
    return _typed(
        hits.with_columns(
            pl.when(pl.col("query").is_null() | pl.col("query").eq("-"))
            .then("stem")
            .otherwise(pl.format("{}?{}", "stem", "query"))
            .alias("url"),
            pl.when("is_whole").then(pl.col("event_dt").str.to_datetime("%F %T", time_zone="UTC", strict=False)),
        )
    )


def parse_json_columns(texts: pl.DataFrame, keys: dict[str, str] | None) -> pl.DataFrame:
    """The columns of WEB_HITS from the keys of JSON lines (text columns); `event_dt` is null without a valid time.

    keys: column -> the server's key, in place of the common ones of JSON_KEYS.
    """
    chosen = {column: (keys[column],) if keys and column in keys else names for column, names in JSON_KEYS.items()}
    blank = pl.lit(None, pl.String)
    taken = texts.select(
        pl.coalesce([pl.col(name) for name in names if name in texts.columns] or [blank]).alias(column)
        for column, names in chosen.items()
    )
    request_key = (keys or {}).get("request", "request")
    if request_key in texts.columns:
        request = texts.select(request=pl.col(request_key)).pipe(_with_request)
        taken = taken.with_columns(
            pl.coalesce(name, request[name]).alias(name) for name in ("method", "url", "protocol")
        )
    return _typed(taken.with_columns(_instants(taken["event_dt"]).alias("event_dt")))


def _typed(hits: pl.DataFrame) -> pl.DataFrame:
    """All columns of WEB_HITS in order, `-` and empty text as null, numbers as numbers, escapes undone."""
    present = [name for name in WEB_HITS if name in hits.columns]
    texts = [name for name in present if hits.schema[name] == pl.String]
    hits = hits.with_columns(pl.when(pl.col(name).is_in(["-", ""]).not_()).then(pl.col(name)) for name in texts)
    hits = hits.with_columns(
        _mapped(hits[name], "\\", _unescaped) for name in texts if hits[name].str.contains("\\", literal=True).any()
    )
    absent = [pl.lit(None, dtype).alias(name) for name, dtype in WEB_HITS.items() if name not in present]
    return hits.with_columns(absent).select(pl.col(name).cast(dtype, strict=False) for name, dtype in WEB_HITS.items())


def _with_request(hits: pl.DataFrame) -> pl.DataFrame:
    """Method, URL and protocol of a request line; what is no request line (a scanner's bytes) is kept as the URL."""
    parts = hits["request"].str.extract_groups(REQUEST).struct.unnest()
    return hits.drop("request").with_columns(parts.with_columns(pl.coalesce("url", hits["request"]).alias("url")))


def _instants(texts: pl.Series) -> pl.Series:
    """UTC timestamps from `17/May/2015:10:05:03 +0000`, ISO 8601 with an offset, or seconds since 1970."""
    frame = pl.DataFrame({"text": texts})
    moment = pl.Datetime("us", "UTC")
    tries = [
        pl.col("text").str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", strict=False),
        pl.col("text").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False),
        (pl.col("text").cast(pl.Float64, strict=False) * 1_000_000).cast(pl.Int64, strict=False).cast(moment),
    ]
    found = pl.Series("event_dt", [], dtype=moment)
    for attempt in tries:
        tried = frame.select(attempt.cast(moment).alias("event_dt"))["event_dt"]
        found = tried if found.is_empty() else found.fill_null(tried)
        if found.null_count() == texts.null_count():
            break
    return found


def _mapped(texts: pl.Series, mark: str, change: Callable[[str], str]) -> pl.Series:
    """The texts, those that contain the mark changed; each distinct text is changed once."""
    distinct = texts.filter(texts.str.contains(mark, literal=True).fill_null(False)).unique().to_list()
    if not distinct:
        return texts
    return texts.replace(distinct, [change(text) for text in distinct])


def _unescaped(text: str) -> str:
    r"""Undo `\"`, `\\` and `\xNN`; the bytes written as `\xNN` are UTF-8 where they can be, else latin-1."""
    written = ESCAPE.sub(_escaped_character, text).encode("utf-8", "surrogateescape")
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        return written.decode("latin-1")


def _escaped_character(match: re.Match[str]) -> str:
    hexadecimal, character = match.groups()
    if hexadecimal is None:
        return {"n": "\n", "t": "\t", "r": "\r"}.get(character, character)
    value = int(hexadecimal, 16)
    return chr(value) if value < 0x80 else chr(0xDC00 + value)

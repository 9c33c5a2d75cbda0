"""Opens, clicks and unsubscriptions out of requests to the pixel, the redirecting page and that of List-Unsubscribe.

An open is a GET of the pixel answered 200, 206 or 304, a click a GET of the redirect answered by a redirection; HEAD is
kept beside them, as a machine's. A POST that is answered 2xx unsubscribes (RFC 8058); a GET of that page does nothing,
since scanners follow every link. Identifiers that we did not sign count for nothing and are counted. Here: what a
request says. Not here: reading logs (`sources/readers`), signing (`campaign/tracking`), who acted (`campaign/actors`).
"""

import ipaddress
from collections.abc import Callable, Sequence

import polars as pl

from crm_platform.campaign.access_logs.settings import TrackingSettings
from crm_platform.campaign.tracking.signatures import Keyring, Purpose, read_tokens

HIT = {
    "event_type": pl.String(),
    "campaign_id": pl.String(),
    "member_id": pl.String(),
    "link_id": pl.String(),
    "address": pl.String(),
    "rejected_reason": pl.String(),
}
"""The columns that a hit gains. `address` is the client's, not to be kept; `rejected_reason` is null for a hit that
counts."""
WRONG_METHOD, WRONG_STATUS = "wrong_method", "wrong_status"
NO_IDENTIFIER, FORGED_IDENTIFIER = "no_identifier", "forged_identifier"
IDENTIFIERS_DIFFER = "identifiers_of_different_mails"
_PATH = r"^(?:[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*)?([^?#]*)"
_PIXEL_STATUSES = (200, 206, 304)
_REDIRECT_STATUSES = (300, 301, 302, 303, 307, 308)
_DONE_STATUSES = tuple(range(200, 300))
_METHODS = ("GET", "HEAD")
_UNSUBSCRIBED = "unsubscribed"
_NEEDED: dict[str, tuple[str, ...]] = {
    "opened": ("member", "campaign"),
    "clicked": ("member", "campaign", "link"),
    _UNSUBSCRIBED: ("member", "campaign"),
}
_PARAMETERS: dict[Purpose, str] = {"member": "c", "campaign": "m", "link": "l"}


def tracked_hits(hits: pl.DataFrame, keyring: Keyring, settings: TrackingSettings) -> pl.DataFrame:
    """The hits of the pixel, the redirect and List-Unsubscribe, in their order, with the columns of HIT.

    hits: url, method, status, ip_address, forwarded_for and whatever else; requests for other pages are left out.
    """
    path = pl.col("url").str.extract(_PATH)
    kinds = {
        settings.pixel_path: "opened",
        settings.redirect_path: "clicked",
        settings.unsubscribe_path: _UNSUBSCRIBED,
    }
    asked = hits.with_columns(event_type=path.replace_strict(kinds, default=None, return_dtype=pl.String))
    is_asked_for = pl.col("event_type").ne(_UNSUBSCRIBED) | pl.col("method").eq("POST")
    asked = asked.filter(pl.col("event_type").is_not_null() & is_asked_for)
    tokens = asked.select(_parameter(name).alias(purpose) for purpose, name in _PARAMETERS.items())
    read = {purpose: read_tokens(tokens[purpose], purpose, keyring) for purpose in _PARAMETERS}
    # A link is signed with its campaign: `<campaign>/<link>`.
    link = read["link"].str.splitn("/", 2).struct.rename_fields(["campaign", "link"]).struct.unnest()
    return asked.with_columns(
        campaign_id=read["campaign"],
        member_id=read["member"],
        link_id=link["link"],
        address=client_addresses(asked["ip_address"], asked["forwarded_for"], settings.trusted_proxies),
        rejected_reason=_reasons(asked, tokens, pl.DataFrame(read), link["campaign"]),
    )


def _parameter(name: str) -> pl.Expr:
    return pl.col("url").str.extract(rf"[?&]{name}=([^&#]*)").str.replace_all("(?i)%2e", ".")


def _reasons(asked: pl.DataFrame, tokens: pl.DataFrame, read: pl.DataFrame, link_campaign: pl.Series) -> pl.Series:
    """Why a hit does not count, null where it does; the first that holds."""
    rows = pl.concat(
        [
            asked.select("event_type", "method", "status"),
            tokens.select(pl.all().name.prefix("given_")),
            read,
            link_campaign.to_frame("link_campaign"),
        ],
        how="horizontal",
    )
    is_opened, is_unsubscribed = (pl.col("event_type") == kind for kind in ("opened", _UNSUBSCRIBED))
    statuses = (
        pl.when(is_opened)
        .then(pl.col("status").is_in(_PIXEL_STATUSES))
        .when(is_unsubscribed)
        .then(pl.col("status").is_in(_DONE_STATUSES))
        .otherwise(pl.col("status").is_in(_REDIRECT_STATUSES))
    )
    is_right_method = is_unsubscribed | pl.col("method").is_in(_METHODS).fill_null(False)
    return rows.select(
        rejected_reason=pl.when(~is_right_method).then(pl.lit(WRONG_METHOD))
        .when(~statuses.fill_null(False)).then(pl.lit(WRONG_STATUS))
        .when(_any_needed(lambda purpose: pl.col(f"given_{purpose}").fill_null("") == "")).then(pl.lit(NO_IDENTIFIER))
        .when(_any_needed(lambda purpose: pl.col(purpose).is_null())).then(pl.lit(FORGED_IDENTIFIER))
        .when(~is_opened & (pl.col("link_campaign") != pl.col("campaign"))).then(pl.lit(IDENTIFIERS_DIFFER))
    )["rejected_reason"]  # fmt: skip


def _any_needed(is_amiss: Callable[[str], pl.Expr]) -> pl.Expr:
    """Whether anything is amiss with one of the identifiers that the kind of hit needs."""
    return pl.any_horizontal(
        (pl.col("event_type") == kind) & is_amiss(purpose) for kind, needed in _NEEDED.items() for purpose in needed
    )


def client_addresses(addresses: pl.Series, forwarded: pl.Series, trusted: Sequence[str]) -> pl.Series:
    """The client of each request: whom the last of our own proxies speaks for, else the address itself.

    X-Forwarded-For grows at its end, and anybody may send one: it is read from the end as far as our own proxies go.
    """
    if not trusted:
        return addresses
    networks = [ipaddress.ip_network(text) for text in trusted]
    pairs = pl.DataFrame({"address": addresses, "forwarded": forwarded})
    distinct = pairs.filter(pl.col("forwarded").is_not_null()).unique(maintain_order=True)
    clients = [_client(address, text, networks) for address, text in distinct.iter_rows()]
    told = distinct.with_columns(client=pl.Series(clients, dtype=pl.String))
    found = pairs.join(told, on=["address", "forwarded"], how="left", nulls_equal=True, maintain_order="left")
    return found.select(pl.coalesce("client", "address").alias("address"))["address"]


def _client(
    address: str | None, forwarded: str, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> str | None:
    client = address
    for earlier in reversed([part.strip() for part in forwarded.split(",")]):
        if client is None or not _is_within(client, trusted):
            break
        client = earlier
    return client


def _is_within(text: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)

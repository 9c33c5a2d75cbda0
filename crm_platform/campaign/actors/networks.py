"""From which known network a request came: `networks.yaml`, and ranges that a company adds.

Here: finding the network of addresses, all at once. Not here: what follows from it (`classify.py`).
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import polars as pl
from pydantic import Field, field_validator

from crm_platform.configuration import Declared
from crm_platform.yaml_text import read_yaml

_PACKAGE = "crm_platform.campaign.actors"
_IPV4 = r"^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$"


class Network(Declared):
    """A network with the class of those who act from it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Name, as it stands in the evidence.")
    acts: Literal["privacy_proxy", "machine"] = Field(description="As whom requests from there count.")
    ranges: tuple[str, ...] = Field(min_length=1, description="Its ranges in CIDR form.")

    @field_validator("ranges")
    @classmethod
    def _are_ranges(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        for text in ranges:
            ipaddress.ip_network(text)
        return ranges


@lru_cache(maxsize=1)
def known_networks() -> tuple[Network, ...]:
    """The networks as they stand in the package."""
    return tuple(
        Network.model_validate(each) for each in read_yaml(files(_PACKAGE).joinpath("networks.yaml").read_text("utf-8"))
    )


def network_of(addresses: pl.Series, networks: Sequence[Network]) -> pl.Series:
    """The name of the network of each address, null where none is known; of several the narrowest, then the last."""
    distinct = addresses.unique().drop_nulls()
    is_four = distinct.str.contains(_IPV4)
    found = pl.concat(
        [_of_version_4(distinct.filter(is_four), networks), _of_version_6(distinct.filter(~is_four), networks)]
    )
    named = addresses.to_frame("address").join(found, on="address", how="left", maintain_order="left")
    return named["network"].alias("network")


def _of_version_4(addresses: pl.Series, networks: Sequence[Network]) -> pl.DataFrame:
    parts = pl.DataFrame({"address": addresses}).with_columns(
        pl.col("address").str.extract_groups(_IPV4).struct.unnest().cast(pl.Int64)
    )
    numbered = parts.select(
        "address", number=((pl.col("1") * 256 + pl.col("2")) * 256 + pl.col("3")) * 256 + pl.col("4")
    ).sort("number")
    return (
        numbered.join_asof(_segments(networks), left_on="number", right_on="first", strategy="backward")
        .select("address", "network")
    )  # fmt: skip


def _segments(networks: Sequence[Network]) -> pl.DataFrame:
    """The whole of IPv4 cut where a range begins or ends: columns first (sorted), network (null between ranges)."""
    ranges = sorted(
        (
            (network.prefixlen, int(network.network_address), int(network.broadcast_address) + 1, each.name)
            for each in networks
            for network in map(ipaddress.ip_network, each.ranges)
            if network.version == 4
        ),
        key=lambda found: found[0],
    )
    edges = sorted({0, *(edge for _, first, end, _ in ranges for edge in (first, end))})
    # A few hundred ranges: the last that covers an edge is the narrowest.
    names = [next((name for _, first, end, name in reversed(ranges) if first <= edge < end), None) for edge in edges]
    return pl.DataFrame({"first": edges, "network": names}, schema={"first": pl.Int64, "network": pl.String})


def _of_version_6(addresses: pl.Series, networks: Sequence[Network]) -> pl.DataFrame:
    """A loop over the distinct addresses that are no IPv4: few, as people's come from few prefixes."""
    ranges = [
        (network, each.name)
        for each in networks
        for network in map(ipaddress.ip_network, each.ranges)
        if network.version == 6
    ]
    ranges.sort(key=lambda found: -found[0].prefixlen)
    names = [_name_of(text, ranges) for text in addresses]
    return pl.DataFrame({"address": addresses, "network": names}, schema={"address": pl.String, "network": pl.String})


def _name_of(text: str, ranges: Sequence[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]]) -> str | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return next((name for network, name in ranges if address in network), None)

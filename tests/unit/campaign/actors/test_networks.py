"""The network of an address, against the standard library's own reading of ranges."""

import ipaddress

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crm_platform.campaign.actors.networks import Network, known_networks, network_of

PREFIXES = st.tuples(st.integers(0, 2**32 - 1), st.integers(4, 32)).map(
    lambda drawn: str(ipaddress.ip_network(drawn, strict=False))
)


@given(st.lists(PREFIXES, min_size=1, max_size=8, unique=True), st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_the_narrowest_range_of_all_names_an_address(ranges: list[str], numbers: list[int]) -> None:
    networks = [Network(name=f"n{place}", acts="machine", ranges=(text,)) for place, text in enumerate(ranges)]
    parsed = [ipaddress.ip_network(text) for text in ranges]
    edges = [int(each.network_address) for each in parsed] + [int(each.broadcast_address) for each in parsed]
    addresses = [ipaddress.IPv4Address(number) for number in [*numbers, *edges]]
    found = network_of(pl.Series([str(address) for address in addresses], dtype=pl.String), networks).to_list()
    for address, name in zip(addresses, found, strict=True):
        within = [(each.prefixlen, f"n{place}") for place, each in enumerate(parsed) if address in each]
        assert name == (max(within)[1] if within else None)


def test_addresses_of_version_6_and_texts_that_are_none() -> None:
    given_ones = pl.Series(["2a00:1450:4::1", "2001:db8::1", "nonsense", None, "999.1.1.1", "17.1.2.3"])
    assert network_of(given_ones, known_networks()).to_list() == ["google_image_proxy", None, None, None, None, "apple"]

"""IPv6 on Ethernet: groups and their MACs, the header, and the checksum as others reckon it."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet6 import IPv6
from scapy.utils import checksum

from l2announcer.wire import ipv6


@pytest.mark.parametrize(
    ("address", "group", "mac"),
    [
        # RFC 4291 section 2.7.1 has this example
        ("4037::01:800:200e:8c6c", "ff02::1:ff0e:8c6c", "33:33:ff:0e:8c:6c"),
        ("fd00::1", "ff02::1:ff00:1", "33:33:ff:00:00:01"),
    ],
)
def test_the_group_of_an_address_and_its_mac(address: str, group: str, mac: str) -> None:
    found = ipv6.solicited_node_group(IPv6Address(address).packed)

    assert IPv6Address(found) == IPv6Address(group)
    assert ipv6.is_solicited_node_group(found)
    assert ipv6.group_mac(found).hex(":") == mac


@given(st.ip_addresses(v=6))
def test_a_group_is_what_ipaddress_calls_multicast(address: IPv6Address) -> None:
    assert ipv6.is_group(address.packed) is address.is_multicast


addresses = st.ip_addresses(v=6)
octets = st.integers(0, 255)


@given(addresses, addresses, st.integers(0, 65535), octets, octets)
def test_scapy_writes_the_same_header(
    source: IPv6Address,
    destination: IPv6Address,
    payload_bytes: int,
    next_header: int,
    hop_limit: int,
) -> None:
    theirs = IPv6(
        src=str(source), dst=str(destination), plen=payload_bytes, nh=next_header, hlim=hop_limit
    )

    header = ipv6.header(
        source=source.packed,
        destination=destination.packed,
        payload_bytes=payload_bytes,
        next_header=next_header,
        hop_limit=hop_limit,
    )
    assert header == bytes(theirs)
    assert len(header) == ipv6.HEADER_BYTES


@given(addresses, addresses, octets, st.binary(min_size=2, max_size=100))
def test_the_checksum_is_that_of_the_pseudo_header_and_the_payload(
    source: IPv6Address, destination: IPv6Address, next_header: int, payload: bytes
) -> None:
    payload = payload[: len(payload) // 2 * 2]
    pseudo_header = (
        source.packed
        + destination.packed
        + len(payload).to_bytes(4, "big")
        + next_header.to_bytes(4, "big")
    )

    assert ipv6.checksum(
        source=source.packed,
        destination=destination.packed,
        next_header=next_header,
        payload=payload,
    ) == checksum(pseudo_header + payload)


def test_words_are_added_in_ones_complement() -> None:
    """RFC 1071 section 3 has this example, whose sum is ddf2."""
    assert ipv6.words_sum(bytes.fromhex("0001 f203 f4f5 f6f7")) == 0xDDF2

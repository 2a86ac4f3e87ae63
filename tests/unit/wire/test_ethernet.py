"""Ethernet: headers, padding, and which addresses can be a station's."""

from __future__ import annotations

import pytest

from l2announcer.wire import ethernet


def test_a_header_is_destination_source_and_type() -> None:
    header = ethernet.header(destination=b"\x01" * 6, source=b"\x02" * 6, ethertype=0x0806)

    assert header.hex(" ") == "01 01 01 01 01 01 02 02 02 02 02 02 08 06"
    assert len(header) == ethernet.HEADER_BYTES


@pytest.mark.parametrize(("length", "padded"), [(0, 60), (42, 60), (60, 60), (61, 61)])
def test_padding_reaches_the_minimum_and_shortens_nothing(length: int, padded: int) -> None:
    assert ethernet.padded(b"\x07" * length) == b"\x07" * length + bytes(padded - length)


@pytest.mark.parametrize(
    ("mac", "expected"),
    [
        (bytes.fromhex("0242ac130003"), True),
        (bytes.fromhex("0142ac130003"), False),
        (ethernet.BROADCAST, False),
        (ethernet.UNSPECIFIED, False),
        (b"", False),
        (b"\x02" * 5, False),
        (b"\x02" * 20, False),
    ],
)
def test_one_station_has_six_bytes_no_group_bit_and_not_only_zeros(
    mac: bytes, *, expected: bool
) -> None:
    assert ethernet.names_one_station(mac) is expected

"""Ranges of addresses, as integers: parsed from a pool's blocks, and what is still free in them.

A range of any size costs what is given away in it, never its size.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from l2announcer.core.model import Block, IPAddress

PARSED = 16_384  # the same few thousand texts are looked at again with every view of a Service
RESERVING_SIZE = 3  # a block needs a middle before its first and last address can be kept out


class Family(Enum):
    """An IP family; the value is its name in a Service's ipFamilies."""

    V4 = "IPv4"
    V6 = "IPv6"


_FAMILIES = {4: Family.V4, 6: Family.V6}


def family(address: IPAddress) -> Family:
    return _FAMILIES[address.version]


@lru_cache(maxsize=PARSED)
def parse_address(text: str) -> IPAddress | None:
    """Parse an address as the API server would; None for anything else, zones included."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return None
    return address


@dataclass(frozen=True, slots=True)
class Range:
    """The addresses from first to last, both included. `reserved` are never given."""

    family: Family
    first: int
    last: int
    reserved: frozenset[int] = frozenset()

    def __contains__(self, address: IPAddress) -> bool:
        return family(address) is self.family and self.first <= int(address) <= self.last

    def __str__(self) -> str:
        return f"{self.address(self.first)} to {self.address(self.last)}"

    @property
    def size(self) -> int:
        return self.last - self.first + 1

    def address(self, number: int) -> IPAddress:
        return IPv4Address(number) if self.family is Family.V4 else IPv6Address(number)

    def overlaps(self, other: Range) -> bool:
        return self.family is other.family and self.first <= other.last and other.first <= self.last


def parse_block(block: Block, *, first_last: bool) -> Range | str:
    """One block of a pool, or a sentence that says why it cannot be used.

    A cidr wins over start and stop, and its host bits are ignored; a start alone is one address.
    Without `first_last` the first and last address of a cidr of more than two are reserved.
    """
    if block.cidr:
        return _parse_cidr(block.cidr, first_last=first_last)
    if not block.start:
        return "it has neither a cidr nor a start; give one of them"
    start = parse_address(block.start)
    if start is None:
        return f"start {block.start!r} is not an IP address"
    stop = parse_address(block.stop) if block.stop else start
    if stop is None:
        return f"stop {block.stop!r} is not an IP address"
    if family(start) is not family(stop):
        return f"start {start} and stop {stop} are of different IP families"
    if int(start) > int(stop):
        return f"start {start} is after stop {stop}; exchange them"
    return Range(family(start), int(start), int(stop))


def _parse_cidr(cidr: str, *, first_last: bool) -> Range | str:
    address, slash, length = cidr.partition("/")
    wrong = f"cidr {cidr!r} is not of the form address/prefix-length, such as 10.0.10.0/24"
    if not slash or parse_address(address) is None or not (length.isascii() and length.isdigit()):
        return wrong
    try:
        network = ip_network(cidr, strict=False)
    except ValueError:
        return wrong
    first, last = int(network.network_address), int(network.broadcast_address)
    ends = frozenset({first, last})
    reserve = not first_last and last - first + 1 >= RESERVING_SIZE
    return Range(family(network.network_address), first, last, ends if reserve else frozenset())


class FreeList:
    """What is free in a range, as spans in ascending order; `available` counts it exactly."""

    def __init__(self, span: Range) -> None:
        self.range = span
        self.available = span.size
        self._firsts = [span.first]
        self._lasts = [span.last]
        for number in span.reserved:
            self._take(number)

    @property
    def used(self) -> int:
        """How many are not free, the reserved ones included."""
        return self.range.size - self.available

    def lowest(self) -> IPAddress | None:
        """Return the lowest free address; None when all are taken."""
        return self.range.address(self._firsts[0]) if self._firsts else None

    def take(self, address: IPAddress) -> None:
        """Mark as not free; without effect when it is not in the range, or not free already."""
        if address in self.range:
            self._take(int(address))

    def give_back(self, address: IPAddress) -> None:
        """Mark as free; without effect when it is not in the range, reserved, or free already."""
        number = int(address)
        if address not in self.range or number in self.range.reserved:
            return
        at = bisect_right(self._firsts, number)
        if at and number <= self._lasts[at - 1]:
            return
        self.available += 1
        joins_left = at > 0 and self._lasts[at - 1] == number - 1
        joins_right = at < len(self._firsts) and self._firsts[at] == number + 1
        if joins_left and joins_right:
            self._lasts[at - 1] = self._lasts.pop(at)
            del self._firsts[at]
        elif joins_left:
            self._lasts[at - 1] = number
        elif joins_right:
            self._firsts[at] = number
        else:
            self._firsts.insert(at, number)
            self._lasts.insert(at, number)

    def _take(self, number: int) -> None:
        at = bisect_right(self._firsts, number) - 1
        if at < 0 or number > self._lasts[at]:
            return
        self.available -= 1
        first, last = self._firsts[at], self._lasts[at]
        if first == last:
            del self._firsts[at], self._lasts[at]
        elif number == first:
            self._firsts[at] = number + 1
        elif number == last:
            self._lasts[at] = number - 1
        else:
            self._lasts[at] = number - 1
            self._firsts.insert(at + 1, number + 1)
            self._lasts.insert(at + 1, last)

"""Socket filters as data: classic BPF that lets only ARP about given addresses through.

The rule that a program of `arp_filter` computes: a frame passes if it is whole ARP for IPv4 on
Ethernet, is meant for this station, carries no VLAN (a tag with number 0 only sets a priority,
IEEE 802.1Q section 9.6), and its sender address is one of ours (somebody's claim), or it is a
request whose target is. Of a frame in a VLAN that has no interface here, Linux takes the tag off
before a socket for one protocol sees it, and marks it as meant for another host.

The addresses are cut into runs of neighbours. The bounds of all runs make a balanced tree of
comparisons; the program holds it twice, for the sender and for the target. It is written from its
end to its beginning, since classic BPF only jumps forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

from l2announcer.wire.arp import (
    FRAME_BYTES,
    HARDWARE_ETHERNET,
    LENGTHS,
    PROTOCOL_IPV4,
    Operation,
)
from l2announcer.wire.ethernet import ETHERTYPE_ARP, MINIMUM_BYTES

MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS: the kernel takes no longer program."""
FEWEST_INSTRUCTIONS = 64
"""A limit below this could not even hold one run."""

# linux/bpf_common.h, linux/filter.h: the instructions used here.
LOAD_WORD = 0x20
LOAD_HALF = 0x28
LOAD_LENGTH = 0x80
JUMP = 0x05
JUMP_EQUAL = 0x15
JUMP_AT_LEAST = 0x35
JUMP_BITS = 0x45
RETURN = 0x06

# SKF_AD_OFF and what lies there: facts about the frame that are not in its bytes.
_AUXILIARY = 0x1_0000_0000 - 0x1000
PACKET_TYPE = _AUXILIARY + 4
VLAN_TAG = _AUXILIARY + 44
VLAN_TAG_PRESENT = _AUXILIARY + 48
PACKET_OTHERHOST = 3
_VLAN_NUMBER_BITS = 0x0FFF

_FARTHEST = 255
_INSTRUCTION = Struct("=HBBI")


class Instruction(NamedTuple):
    """struct sock_filter: `jump_true` and `jump_false` count the instructions skipped."""

    code: int
    jump_true: int
    jump_false: int
    k: int


Program = tuple[Instruction, ...]

REJECT_ALL: Program = (Instruction(RETURN, 0, 0, 0),)


def packed(program: Program) -> bytes:
    """The program as an array of struct sock_filter."""
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in program)


def arp_filter(addresses: Iterable[bytes], limit: int = MOST_INSTRUCTIONS) -> Program:
    """The program for addresses of four bytes, in at most `limit` instructions (at least 64).

    Where there are too many runs, those with the least between them are taken for one: more
    passes then, never less.
    """
    runs = _runs(addresses)
    if not runs:
        return REJECT_ALL
    most = min(len(runs), limit // 4)
    while len(program := _program(_joined(runs, most))) > limit:
        most = most * limit // len(program)
    return program


Run = tuple[int, int]


def _runs(addresses: Iterable[bytes]) -> list[Run]:
    """Maximal runs of neighbours, as (first, last), in order."""
    runs: list[Run] = []
    for address in sorted(set(addresses)):
        number = int.from_bytes(address, "big")
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def _joined(runs: Sequence[Run], most: int) -> list[Run]:
    """At most `most` runs that cover the given ones, joined across the smallest gaps."""
    by_gap = sorted(range(1, len(runs)), key=lambda i: runs[i - 1][1] - runs[i][0])
    cuts = [0, *sorted(by_gap[: most - 1]), len(runs)]
    return [(runs[start][0], runs[stop - 1][1]) for start, stop in pairwise(cuts)]


def _program(runs: Sequence[Run]) -> Program:
    bounds = [bound for first, last in runs for bound in (first, last + 1) if bound < 1 << 32]
    code = _BackwardCode()
    accept = code.emit(RETURN, k=MINIMUM_BYTES)
    reject = code.emit(RETURN, k=0)
    code.tree(bounds, inside=accept, outside=reject)
    code.emit(LOAD_WORD, k=38)
    code.branch(JUMP_EQUAL, Operation.REQUEST, true=code.last, false=reject)
    other = code.emit(LOAD_HALF, k=20)
    code.tree(bounds, inside=accept, outside=other)
    code.emit(LOAD_WORD, k=28)
    for load, offset, value in (
        (LOAD_HALF, 18, LENGTHS),
        (LOAD_WORD, 14, HARDWARE_ETHERNET << 16 | PROTOCOL_IPV4),
        (LOAD_HALF, 12, ETHERTYPE_ARP),
    ):
        code.branch(JUMP_EQUAL, value, true=code.last, false=reject)
        code.emit(load, k=offset)
    untagged = code.last
    code.branch(JUMP_BITS, _VLAN_NUMBER_BITS, true=reject, false=untagged)
    code.emit(LOAD_WORD, k=VLAN_TAG)
    code.branch(JUMP_EQUAL, 0, true=untagged, false=code.last)
    code.emit(LOAD_WORD, k=VLAN_TAG_PRESENT)
    code.branch(JUMP_EQUAL, PACKET_OTHERHOST, true=reject, false=code.last)
    code.emit(LOAD_WORD, k=PACKET_TYPE)
    code.branch(JUMP_AT_LEAST, FRAME_BYTES, true=code.last, false=reject)
    code.emit(LOAD_LENGTH, k=0)
    return code.program()


class _BackwardCode:
    """A program in the making. Places count from its end, so they hold while it grows."""

    def __init__(self) -> None:
        self._code: list[Instruction] = []
        self._nearest: dict[int, int] = {}

    @property
    def last(self) -> int:
        """The place of what was written last, which comes next when the program runs."""
        return len(self._code) - 1

    def program(self) -> Program:
        return tuple(reversed(self._code))

    def emit(self, code: int, jump_true: int = 0, jump_false: int = 0, *, k: int) -> int:
        self._code.append(Instruction(code, jump_true, jump_false, k))
        return self.last

    def branch(self, code: int, k: int, *, true: int, false: int) -> int:
        """A comparison that goes on at one of two places, however far they are."""
        true, false = self._near(true), self._near(false)
        return self.emit(code, self.last - true, self.last - false, k=k)

    def tree(self, bounds: Sequence[int], *, inside: int, outside: int) -> int:
        """Does the loaded word lie inside a run? Every bound changes the answer."""
        ends = (outside, inside)

        def subtree(low: int, high: int) -> int:
            if low == high:
                return ends[low % 2]
            middle = (low + high) // 2
            above = subtree(middle + 1, high)
            below = subtree(low, middle)
            return self.branch(JUMP_AT_LEAST, bounds[middle], true=above, false=below)

        return subtree(0, len(bounds))

    def _near(self, place: int) -> int:
        """The place itself, or a jump to it that is within a comparison's reach.

        One less than the reach, since the other branch may need such a jump as well.
        """
        nearest = self._nearest.get(place, place)
        if self.last - nearest >= _FARTHEST:
            nearest = self.emit(JUMP, k=self.last - place)
            self._nearest[place] = nearest
        return nearest

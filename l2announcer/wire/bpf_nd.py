"""The socket filter for Neighbour Discovery about given addresses.

The rule that the program computes, besides what is common (wire.bpf): a frame passes if it is an
ICMPv6 message right behind an IPv6 header, with the hop limit of the own link, and is a
solicitation or an advertisement whose target is one of ours, or a solicitation that one of ours
sends (somebody's claim). What is inside of it is for wire.ndp to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from l2announcer.wire.bpf import (
    JUMP_AT_LEAST,
    JUMP_EQUAL,
    LOAD_HALF,
    MOST_INSTRUCTIONS,
    RETURN,
    BackwardCode,
    Program,
    fitted,
)
from l2announcer.wire.ethernet import ETHERTYPE_IPV6
from l2announcer.wire.ipv6 import MOST_BYTES
from l2announcer.wire.ndp import (
    FRAME_BYTES,
    NEXT_AND_HOPS,
    SENDER,
    TARGET,
    Kind,
)

_ADDRESS_WORDS = 4
_VERSION_6 = 0x6000
_VERSION_7 = 0x7000


def nd_filter(addresses: Iterable[bytes], limit: int = MOST_INSTRUCTIONS) -> Program:
    """The program for addresses of sixteen bytes, in at most `limit` instructions."""
    return fitted(addresses, limit, _program)


def _program(bounds: Sequence[int]) -> Program:
    code = BackwardCode()
    accept = code.emit(RETURN, k=MOST_BYTES)
    reject = code.emit(RETURN, k=0)

    def one_of_ours(at: int, otherwise: int) -> int:
        return code.lookup(bounds, at=at, words=_ADDRESS_WORDS, inside=accept, outside=otherwise)

    sent = one_of_ours(SENDER.start, reject)
    code.branch(JUMP_EQUAL, Kind.SOLICITATION, true=sent, false=reject)
    kind = code.emit(LOAD_HALF, k=54)
    about_ours = one_of_ours(TARGET.start, kind)
    code.branch(JUMP_EQUAL, Kind.ADVERTISEMENT, true=about_ours, false=reject)
    code.branch(JUMP_EQUAL, Kind.SOLICITATION, true=about_ours, false=code.last)
    code.emit(LOAD_HALF, k=54)
    code.demand(LOAD_HALF, 20, NEXT_AND_HOPS, reject=reject)
    code.branch(JUMP_AT_LEAST, _VERSION_7, true=reject, false=code.last)
    code.branch(JUMP_AT_LEAST, _VERSION_6, true=code.last, false=reject)
    code.emit(LOAD_HALF, k=14)
    code.demand(LOAD_HALF, 12, ETHERTYPE_IPV6, reject=reject)
    return code.begin(FRAME_BYTES, reject=reject)

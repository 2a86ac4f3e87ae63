"""The socket filter for ARP about given addresses.

The rule that the program computes, besides what is common (wire.bpf): a frame passes if it is whole
ARP for IPv4 on Ethernet, and its sender address is one of ours (somebody's claim), or it is a
request whose target is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from l2announcer.wire.arp import (
    FRAME_BYTES,
    HARDWARE_ETHERNET,
    LENGTHS,
    PROTOCOL_IPV4,
    Operation,
)
from l2announcer.wire.bpf import (
    JUMP_EQUAL,
    LOAD_HALF,
    LOAD_WORD,
    MOST_INSTRUCTIONS,
    RETURN,
    BackwardCode,
    Program,
    fitted,
)
from l2announcer.wire.ethernet import ETHERTYPE_ARP, MINIMUM_BYTES

_ADDRESS_WORDS = 1


def arp_filter(addresses: Iterable[bytes], limit: int = MOST_INSTRUCTIONS) -> Program:
    """The program for addresses of four bytes, in at most `limit` instructions."""
    return fitted(addresses, limit, _program)


def _program(bounds: Sequence[int]) -> Program:
    code = BackwardCode()
    accept = code.emit(RETURN, k=MINIMUM_BYTES)
    reject = code.emit(RETURN, k=0)
    about_ours = code.lookup(bounds, at=38, words=_ADDRESS_WORDS, inside=accept, outside=reject)
    code.branch(JUMP_EQUAL, Operation.REQUEST, true=about_ours, false=reject)
    operation = code.emit(LOAD_HALF, k=20)
    sent = code.lookup(bounds, at=28, words=_ADDRESS_WORDS, inside=accept, outside=operation)
    code.branch(JUMP_EQUAL, LENGTHS, true=sent, false=reject)
    code.emit(LOAD_HALF, k=18)
    code.demand(LOAD_WORD, 14, HARDWARE_ETHERNET << 16 | PROTOCOL_IPV4, reject=reject)
    code.demand(LOAD_HALF, 12, ETHERTYPE_ARP, reject=reject)
    return code.begin(FRAME_BYTES, reject=reject)

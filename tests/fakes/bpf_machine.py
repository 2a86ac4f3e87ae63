"""A machine that runs classic BPF as the kernel does, for programs that wire.bpf writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from l2announcer.wire.bpf import (
    JUMP,
    JUMP_AT_LEAST,
    JUMP_BITS,
    JUMP_EQUAL,
    LOAD_HALF,
    LOAD_LENGTH,
    LOAD_WORD,
    MOST_INSTRUCTIONS,
    PACKET_OTHERHOST,
    PACKET_TYPE,
    RETURN,
    VLAN_TAG,
    VLAN_TAG_PRESENT,
    Program,
)


class RefusedProgramError(Exception):
    """The kernel would not take the program (bpf_check_classic in net/core/filter.c)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How many bytes of the frame pass, none if it's dropped, and after how many steps."""

    passed: int
    steps: int


def check(program: Program) -> None:
    """Raise as the kernel refuses: too long, a jump past the end, an end that is no return."""
    if not 0 < len(program) <= MOST_INSTRUCTIONS:
        raise RefusedProgramError(f"{len(program)} instructions")
    for place, (code, jump_true, jump_false, k) in enumerate(program):
        farthest = k if code == JUMP else max(jump_true, jump_false)
        if not (0 <= jump_true <= 255 and 0 <= jump_false <= 255 and 0 <= k < 1 << 32):
            raise RefusedProgramError(f"instruction {place} does not fit its fields")
        if code != RETURN and place + 1 + farthest >= len(program):
            raise RefusedProgramError(f"instruction {place} leaves the program")
    if program[-1].code != RETURN:
        raise RefusedProgramError("the last instruction does not return")


_TAKEN: dict[int, Callable[[int, int], bool]] = {
    JUMP_EQUAL: lambda loaded, k: loaded == k,
    JUMP_AT_LEAST: lambda loaded, k: loaded >= k,
    JUMP_BITS: lambda loaded, k: bool(loaded & k),
}
_SIZES = {LOAD_WORD: 4, LOAD_HALF: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A frame as a socket gets it, with what the kernel knows besides its bytes."""

    frame: bytes
    vlan_tag: int | None = None
    for_other_host: bool = False


def run(program: Program, arrival: Arrival) -> Verdict:
    """Run a checked program; a load past the end of the frame drops it."""
    loaded = 0
    place = 0
    for steps in range(1, len(program) + 1):
        code, jump_true, jump_false, k = program[place]
        place += 1
        if code == RETURN:
            return Verdict(passed=k, steps=steps)
        if code == JUMP:
            place += k
        elif code in _TAKEN:
            place += jump_true if _TAKEN[code](loaded, k) else jump_false
        else:
            value = _load(code, k, arrival)
            if value is None:
                return Verdict(passed=0, steps=steps)
            loaded = value
    raise RefusedProgramError("jumps only go forward: no program runs longer than it is")


def _load(code: int, k: int, arrival: Arrival) -> int | None:
    if code == LOAD_LENGTH:
        return len(arrival.frame)
    auxiliary = {
        PACKET_TYPE: PACKET_OTHERHOST if arrival.for_other_host else 0,
        VLAN_TAG_PRESENT: int(arrival.vlan_tag is not None),
        VLAN_TAG: arrival.vlan_tag or 0,
    }
    if code == LOAD_WORD and k in auxiliary:
        return auxiliary[k]
    part = arrival.frame[k : k + _SIZES[code]]
    return int.from_bytes(part, "big") if len(part) == _SIZES[code] else None

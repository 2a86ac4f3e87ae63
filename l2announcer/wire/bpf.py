"""Socket filters as data: classic BPF.

A program is written from its end to its beginning, since it only jumps forward.

What the programs of wire.bpf_arp and wire.bpf_nd have in common:
- The frame is long enough and meant for this station, and carries no VLAN (a tag with number 0 only
  sets a priority, IEEE 802.1Q section 9.6). Of a frame in a VLAN that has no interface here, Linux
  takes the tag off before a socket for one protocol sees it, and marks it as meant for another
  host.
- Addresses are cut into runs of neighbours. For each word of an address, the bounds of the runs
  that agree in all words before it make a balanced tree of comparisons.
- Where there are too many runs for the room that there is, those with the least between them are
  taken for one: more passes then, never less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from struct import Struct
from typing import NamedTuple

MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS: the kernel takes no longer program."""
FEWEST_INSTRUCTIONS = 128
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
_WORD_BITS = 32
_WORD_BYTES = 4
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


def fitted(
    addresses: Iterable[bytes], limit: int, write: Callable[[Sequence[int]], Program]
) -> Program:
    """What `write` makes of the bounds of the addresses, in at most `limit` instructions.

    The addresses are of one length, and `limit` is at least FEWEST_INSTRUCTIONS. A number belongs
    to the runs when it reaches an odd number of bounds.
    """
    runs = _runs(addresses)
    if not runs:
        return REJECT_ALL
    most = min(len(runs), limit // 4)
    while len(program := write(_bounds(_joined(runs, most)))) > limit:
        most = most * limit // len(program)
    return program


Run = tuple[int, int]


def _runs(addresses: Iterable[bytes]) -> list[Run]:
    """Maximal runs of neighbours, each from its first number to before its last, in order."""
    runs: list[Run] = []
    for address in sorted(set(addresses)):
        number = int.from_bytes(address, "big")
        if runs and runs[-1][1] == number:
            runs[-1] = (runs[-1][0], number + 1)
        else:
            runs.append((number, number + 1))
    return runs


def _joined(runs: Sequence[Run], most: int) -> list[Run]:
    """At most `most` runs that cover the given ones, joined across the smallest gaps."""
    by_gap = sorted(range(1, len(runs)), key=lambda i: runs[i - 1][1] - runs[i][0])
    cuts = [0, *sorted(by_gap[: most - 1]), len(runs)]
    return [(runs[start][0], runs[stop - 1][1]) for start, stop in pairwise(cuts)]


def _bounds(runs: Iterable[Run]) -> list[int]:
    return [bound for run in runs for bound in run]


class BackwardCode:
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

    def demand(self, load: int, at: int, value: int, *, reject: int) -> None:
        """Go on with what was written last if what is loaded equals a value."""
        self.branch(JUMP_EQUAL, value, true=self.last, false=reject)
        self.emit(load, k=at)

    def lookup(
        self, bounds: Iterable[int], *, at: int, words: int, inside: int, outside: int
    ) -> int:
        """Does the number of so many words at an offset lie inside a run? Returns its place."""
        within = [bound for bound in bounds if bound < 1 << _WORD_BITS * words]
        return self._lookup(within, at, words, (outside, inside))

    def begin(self, fewest_bytes: int, *, reject: int) -> Program:
        """The beginning of every program: length, recipient, VLAN. Returns the whole."""
        untagged = self.last
        self.branch(JUMP_BITS, _VLAN_NUMBER_BITS, true=reject, false=untagged)
        self.emit(LOAD_WORD, k=VLAN_TAG)
        self.branch(JUMP_EQUAL, 0, true=untagged, false=self.last)
        self.emit(LOAD_WORD, k=VLAN_TAG_PRESENT)
        self.branch(JUMP_EQUAL, PACKET_OTHERHOST, true=reject, false=self.last)
        self.emit(LOAD_WORD, k=PACKET_TYPE)
        self.branch(JUMP_AT_LEAST, fewest_bytes, true=self.last, false=reject)
        self.emit(LOAD_LENGTH, k=0)
        return self.program()

    def _lookup(self, bounds: Sequence[int], at: int, words: int, ends: tuple[int, int]) -> int:
        """Go on at `ends[0]` when an even number of bounds is reached, else at `ends[1]`."""
        shift = _WORD_BITS * (words - 1)
        pieces = _Pieces(ends[0])
        reached = 0
        for word, group in groupby(bounds, key=lambda bound: bound >> shift):
            rests = [bound - (word << shift) for bound in group]
            after = word
            if rests != [0]:  # of this very word, the words behind it decide
                order = ends if reached % 2 == 0 else (ends[1], ends[0])
                pieces.cut(word, self._lookup(rests, at + _WORD_BYTES, words - 1, order))
                after = word + 1
            reached += len(rests)
            pieces.cut(after, ends[reached % 2])
        if len(pieces.list) == 1:
            return pieces.list[0].place
        self._tree(pieces.list)
        return self.emit(LOAD_WORD, k=at)

    def _tree(self, pieces: Sequence[Piece]) -> int:
        if len(pieces) == 1:
            return pieces[0].place
        if len(pieces) == 3:
            below, one, above = pieces
            if below.place == above.place and above.first == one.first + 1:
                return self.branch(JUMP_EQUAL, one.first, true=one.place, false=below.place)
        middle = len(pieces) // 2
        upper = self._tree(pieces[middle:])
        lower = self._tree(pieces[:middle])
        return self.branch(JUMP_AT_LEAST, pieces[middle].first, true=upper, false=lower)

    def _near(self, place: int) -> int:
        """The place itself, or a jump to it that is within a comparison's reach.

        One less than the reach, since the other branch may need such a jump as well.
        """
        nearest = self._nearest.get(place, place)
        if self.last - nearest >= _FARTHEST:
            nearest = self.emit(JUMP, k=self.last - place)
            self._nearest[place] = nearest
        return nearest


class Piece(NamedTuple):
    """From this word on, until the next piece begins, the program goes on at a place."""

    first: int
    place: int


class _Pieces:
    """All words, cut into pieces; cuts are made in order."""

    def __init__(self, place: int) -> None:
        self.list = [Piece(0, place)]

    def cut(self, word: int, place: int) -> None:
        """Go on at a place from a word on; a later cut at the same word replaces this one."""
        if self.list[-1].first == word:
            self.list.pop()
        if word < 1 << _WORD_BITS and (not self.list or self.list[-1].place != place):
            self.list.append(Piece(word, place))

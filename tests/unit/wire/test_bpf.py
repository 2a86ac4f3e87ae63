"""Programs as data: how they are packed, and what a lookup of long numbers comes to."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from l2announcer.wire import bpf
from tests.fakes import bpf_machine
from tests.fakes.bpf_machine import Arrival


def test_a_packed_program_is_an_array_of_sock_filter() -> None:
    program = (bpf.Instruction(bpf.JUMP_EQUAL, 1, 2, 0x0806), bpf.Instruction(bpf.RETURN, 0, 0, 60))
    expected = b"".join(
        code.to_bytes(2, byteorder) + bytes([jt, jf]) + k.to_bytes(4, byteorder)
        for byteorder in [sys.byteorder]
        for code, jt, jf, k in program
    )

    assert bpf.packed(program) == expected


WORDS = 3
# Words that differ little, so that bounds share their beginnings and meet both ends.
words = st.sampled_from([0, 1, 2, 3, (1 << 32) - 2, (1 << 32) - 1])
numbers = st.lists(words, min_size=WORDS, max_size=WORDS).map(
    lambda parts: sum(part << 32 * place for place, part in enumerate(parts))
)


@given(st.sets(numbers, min_size=1, max_size=40).map(sorted), numbers)
def test_a_number_is_inside_when_it_reaches_an_odd_number_of_bounds(
    bounds: Sequence[int], number: int
) -> None:
    code = bpf.BackwardCode()
    inside = code.emit(bpf.RETURN, k=1)
    outside = code.emit(bpf.RETURN, k=0)
    begin = code.lookup(bounds, at=0, words=WORDS, inside=inside, outside=outside)
    code.emit(bpf.JUMP, k=code.last - begin)
    program = code.program()

    bpf_machine.check(program)
    arrival = Arrival(frame=number.to_bytes(4 * WORDS, "big"))
    reached = sum(number >= bound for bound in bounds)
    assert bpf_machine.run(program, arrival).passed == reached % 2

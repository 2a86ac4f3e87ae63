"""What is called a gap, and what too many answers."""

from __future__ import annotations

import pytest

from tests.bench.failover.answers import Answers, superfluous
from tests.bench.failover.asker import Kind, Record

A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"


def claims(who: str) -> list[Record]:
    """An answer of one or another every second."""
    macs = {"a": A, "b": B, "c": C}
    return [Record(Kind.ANSWERED, 0, at, float(at), macs[each]) for at, each in enumerate(who)]


def heard(unanswered: set[int], count: int = 100) -> Answers:
    """A request every hundredth of a second, each but some answered after a thousandth."""
    answers = Answers()
    for number in range(count):
        answers.asked.append(Record(Kind.ASKED, 0, number, number / 100, C))
        if number not in unanswered:
            answers.claims.append(Record(Kind.ANSWERED, 0, number, number / 100 + 0.001, A))
    return answers


@pytest.mark.parametrize(
    ("who", "changes", "expected"),
    [
        ("", 0, 0),
        ("aaaa", 0, 0),
        ("aaabbb", 1, 0),
        ("aaabbb", 0, 3),
        ("aaabbabbb", 1, 1),  # one late frame of a's
        ("aaababababbb", 1, 3),  # an overlap, each asked thing answered by both
        ("aaabbbaaa", 2, 0),  # there and back
        ("aaabbbaaa", 1, 3),
        ("aabbcc", 2, 0),
        ("aabbcc", 1, 2),
    ],
)
def test_superfluous_is_what_keeps_each_from_answering_in_one_piece(
    who: str, changes: int, expected: int
) -> None:
    assert superfluous(claims(who), changes) == expected


def test_a_gap_is_from_the_last_answer_to_the_next() -> None:
    assert heard({30, 31, 32}).longest_gap(0, 1) == pytest.approx((0.291, 0.331))


def test_the_longest_gap_is_told() -> None:
    assert heard({10, 30, 31, 70}).longest_gap(0, 1) == pytest.approx((0.291, 0.321))


def test_where_every_request_was_answered_there_is_no_gap() -> None:
    answers = heard(set())
    # nobody asked for a while
    del answers.asked[40:60]
    del answers.claims[40:60]
    assert answers.longest_gap(0, 1) == (0, 0)


def test_a_gap_without_an_end_lasts_to_the_end() -> None:
    assert heard(set(range(50, 100))).longest_gap(0, 1.5) == pytest.approx((0.491, 1.5))


def test_an_answer_to_another_request_of_the_same_number_does_not_count() -> None:
    answers = heard({30})
    answers.claims.append(Record(Kind.ANSWERED, 0, 30, 32.0, A))
    assert answers.longest_gap(0, 1) == pytest.approx((0.291, 0.311))

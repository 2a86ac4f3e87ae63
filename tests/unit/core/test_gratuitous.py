"""An announcement is repeated a few times at growing intervals; missed ones are not made up."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf

from l2announcer.core.answers import Grant
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.gratuitous import (
    BATCH_SECONDS,
    FRAMES_PER_BATCH,
    Pacing,
    Repeats,
    Schedule,
)
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure


def test_at_once_and_after_one_two_and_four_seconds() -> None:
    repeats = Repeats(Schedule(), 100.0)
    sent = []
    while repeats.due_at < inf:
        now = repeats.due_at
        assert repeats.take_due(now)
        assert not repeats.take_due(now)
        sent.append(now)
    assert sent == [100.0, 101.0, 102.0, 104.0]


def test_not_before_its_time() -> None:
    repeats = Repeats(Schedule(), 100.0)
    assert not repeats.take_due(99.999)
    assert repeats.due_at == 100.0


def test_several_that_were_missed_count_as_one() -> None:
    repeats = Repeats(Schedule(), 100.0)
    assert repeats.take_due(103.0)
    assert not repeats.take_due(103.0)
    assert repeats.due_at == 104.0
    assert repeats.take_due(1000.0)
    assert repeats.due_at == inf
    assert not repeats.take_due(2000.0)


def test_a_refresh_goes_on_for_ever_from_the_last_one() -> None:
    repeats = Repeats(Schedule(after_seconds=(0.0, 1.0), refresh_seconds=60.0), 100.0)
    assert repeats.take_due(101.0)
    assert repeats.due_at == 161.0
    assert repeats.take_due(500.0)
    assert repeats.due_at == 560.0


def test_it_can_begin_anew() -> None:
    repeats = Repeats(Schedule(), 100.0)
    assert repeats.take_due(1000.0)
    repeats.begin(2000.0)
    assert repeats.take_due(2000.0)
    assert repeats.due_at == 2001.0


def frames(count: int, message: Message = Message.ANNOUNCE, until: float = inf) -> list[Gratuitous]:
    addresses = (ip_address(0x0A000000 + number) for number in range(count))
    tenure = Tenure(until)
    return [Gratuitous(Announcement(address, "eth0"), message, tenure) for address in addresses]


def test_many_go_out_in_batches_and_none_is_lost() -> None:
    pacing = Pacing()
    many = frames(3 * FRAMES_PER_BATCH)
    sent = pacing.take(many, 0.0)
    assert len(sent) == FRAMES_PER_BATCH
    assert pacing.take([], BATCH_SECONDS / 2) == []
    while pacing.next_at < inf:
        sent += pacing.take([], pacing.next_at)
    assert sorted(sent, key=lambda frame: frame.announcement) == many


def test_the_latest_take_over_goes_first_and_probes_never_wait() -> None:
    pacing = Pacing()
    pacing.take(frames(2 * FRAMES_PER_BATCH), 0.0)
    (latest,) = frames(1)
    (probe,) = frames(1, Message.PROBE)
    assert pacing.take([latest, probe], BATCH_SECONDS / 2) == [probe]
    assert pacing.take([], BATCH_SECONDS)[0] is latest


def test_what_lost_its_tenure_while_it_waited_is_not_sent() -> None:
    pacing = Pacing()
    pacing.take(frames(2 * FRAMES_PER_BATCH, until=BATCH_SECONDS), 0.0)
    assert pacing.take([], BATCH_SECONDS) == []
    assert pacing.next_at == inf


def test_what_is_granted_no_more_is_not_announced_from_the_queue() -> None:
    pacing = Pacing()
    waiting = frames(FRAMES_PER_BATCH + 2)
    pacing.take(waiting, 0.0)
    left = [Grant(frame.announcement, frame.tenure) for frame in waiting[:2]]
    pacing.keep(left, left[1:])
    assert pacing.take([], BATCH_SECONDS) == [waiting[1]]

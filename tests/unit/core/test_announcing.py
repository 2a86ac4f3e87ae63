"""One tenure of one Service: what is sent, answered and watched, in which order."""

from __future__ import annotations

from ipaddress import ip_address
from math import inf

from l2announcer.core.announcing import READ_RETRY_SECONDS, Announcing
from l2announcer.core.comeback import Comeback
from l2announcer.core.effects import Effects, Message
from l2announcer.core.facts import Claimed
from l2announcer.core.first_answer import PROBE_WAIT_SECONDS, SILENCES, FirstAnswer
from l2announcer.core.gratuitous import Schedule
from l2announcer.core.model import Announcement
from l2announcer.core.tenure import Tenure

ONE = Announcement(ip_address("192.0.2.1"), "eth0")
TWO = Announcement(ip_address("192.0.2.1"), "eth1")
MAC = b"\2\0\0\0\0\1"
CLAIM = Claimed(ONE.address, MAC, "eth0")
LATER = 10.0
PAUSE = 1.0


def begun(*, in_use: bool = False, refresh_seconds: float = 0.0) -> Announcing:
    schedule = Schedule(after_seconds=(0.0, 1.0), refresh_seconds=refresh_seconds)
    checks = FirstAnswer(announce_in_use=in_use)
    announcing = Announcing(Tenure(inf), checks, schedule, Comeback(lambda _: PAUSE))
    announcing.want([ONE, TWO])
    return announcing


def sent(announcing: Announcing, now: float, renewed_at: float = -inf) -> list[tuple[str, str]]:
    out = Effects()
    announcing.poll(now, renewed_at, out)
    return [(frame.message.value, frame.announcement.interface) for frame in out.frames]


def started() -> Announcing:
    """Past its first answers, and past the announcements of its take-over."""
    announcing = begun()
    sent(announcing, 0.0)
    assert announcing.take_read(0.0)
    announcing.read(answered=True, now=0.0)
    sent(announcing, PROBE_WAIT_SECONDS)
    sent(announcing, 5.0)
    return announcing


def test_probe_then_announce_then_repeat() -> None:
    announcing = begun()
    assert sent(announcing, 0.0) == [("probe", "eth0"), ("probe", "eth1")]
    assert announcing.take_read(0.0)
    assert announcing.answered == []
    assert announcing.watched == [ONE, TWO]
    announcing.read(answered=True, now=0.001)
    assert sent(announcing, PROBE_WAIT_SECONDS) == [("announce", "eth0"), ("announce", "eth1")]
    assert announcing.answered == [ONE, TWO]
    assert announcing.watched == []
    assert announcing.wake_at == PROBE_WAIT_SECONDS + 1.0
    assert len(sent(announcing, announcing.wake_at)) == 2
    assert announcing.wake_at == inf


def test_an_unanswered_read_is_tried_again_after_a_while() -> None:
    announcing = begun()
    assert announcing.take_read(0.0)
    assert not announcing.take_read(0.1)
    announcing.read(answered=False, now=1.0)
    assert not announcing.take_read(1.0 + READ_RETRY_SECONDS - 0.01)
    assert announcing.wake_at <= 1.0 + READ_RETRY_SECONDS
    assert announcing.take_read(1.0 + READ_RETRY_SECONDS)
    sent(announcing, 5.0)
    assert announcing.wake_at > 5.0, "an instant that is past wakes nobody"


def test_a_newcomer_during_the_read_of_a_doubt_waits_for_its_end_without_haste() -> None:
    announcing = begun()
    announcing.want([TWO])
    sent(announcing, 0.0)
    assert announcing.take_read(0.0)
    announcing.read(answered=True, now=0.0)
    sent(announcing, PROBE_WAIT_SECONDS)
    announcing.claimed(Claimed(TWO.address, MAC, TWO.interface), LATER)
    assert announcing.take_read(LATER)
    announcing.want([ONE, TWO])
    for now in (LATER + 1, LATER + 2):  # probed, and found silent
        sent(announcing, now)
        assert not announcing.take_read(now)
        assert announcing.wake_at > now
    announcing.read(answered=True, now=LATER + 3)
    assert announcing.take_read(LATER + 3)


def test_another_end_of_a_link_is_announced_anew_there_alone() -> None:
    announcing = started()
    announcing.announce_again({"eth1"}, LATER)
    assert sent(announcing, LATER) == [("announce", "eth1")]
    assert announcing.wake_at == LATER + 1.0


def test_a_doubt_silences_and_what_is_settled_is_announced_again() -> None:
    announcing = started()
    announcing.claimed(CLAIM, LATER)
    assert announcing.answered == [TWO]
    assert announcing.watched == [ONE]
    assert announcing.in_doubt
    assert announcing.take_read(LATER)
    announcing.read(answered=True, now=LATER)
    assert sent(announcing, LATER + 0.01, renewed_at=LATER + 0.005) == [("announce", "eth0")]
    assert announcing.answered == [ONE, TWO]
    assert announcing.conflicts == {ONE: MAC.hex(":")}


def test_what_another_host_has_is_not_announced_until_it_is_gone() -> None:
    announcing = begun()
    sent(announcing, 0.0)
    announcing.take_read(0.0)
    announcing.read(answered=True, now=0.0)
    announcing.claimed(CLAIM, 0.001)
    assert sent(announcing, PROBE_WAIT_SECONDS) == [("announce", "eth1")]
    assert announcing.in_use == {ONE: MAC.hex(":")}
    assert announcing.answered == [TWO]
    found: list[tuple[str, str]] = []
    for _ in range(4 * SILENCES):
        found += sent(announcing, announcing.wake_at)
        if ("announce", "eth0") in found:
            break
    assert found.count((Message.PROBE.value, "eth0")) == SILENCES
    assert ("announce", "eth0") in found


def test_a_setting_announces_what_another_host_has_and_reports_it() -> None:
    announcing = begun(in_use=True)
    sent(announcing, 0.0)
    announcing.take_read(0.0)
    announcing.read(answered=True, now=0.0)
    announcing.claimed(CLAIM, 0.001)
    assert sent(announcing, PROBE_WAIT_SECONDS) == [("announce", "eth0"), ("announce", "eth1")]
    assert announcing.conflicts == {ONE: MAC.hex(":")}
    announcing.conflicts.clear()
    sent(announcing, LATER)
    assert announcing.conflicts == {}, "it may be gone by now; if not, it says so itself"


def test_what_was_in_doubt_when_it_began_to_hold_over_is_asked_for_anew_afterwards() -> None:
    announcing = started()
    announcing.claimed(CLAIM, LATER)
    sent(announcing, LATER)
    assert announcing.answered == [TWO]
    (tenure,) = announcing.tenure.parts
    tenure.hold_over(inf)
    sent(announcing, LATER + 0.1)
    assert announcing.answered == [TWO]
    tenure.void()
    tenure.confirm(inf, None)
    assert sent(announcing, LATER + 0.2, renewed_at=LATER + 0.15) == [("probe", "eth0")]
    assert announcing.answered == [TWO]
    assert announcing.take_read(LATER + 0.2)

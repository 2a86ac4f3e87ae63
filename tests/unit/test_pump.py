"""One step: facts in first, silence out first, and nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from l2announcer.core.announcer import Announcer
from l2announcer.core.answers import AnswerTable
from l2announcer.core.effects import Call, Event, Gratuitous, LeaseWrite, Message, Transition
from l2announcer.core.facts import Fact, LeaseWritten, Resign, Seen, ServiceRead
from l2announcer.core.lease import decode
from l2announcer.core.model import Key, Kind, Policy, Service, Span
from l2announcer.pump import step
from tests.scenarios.driver import NODE, Driver

BLUE = Key("default", "blue")
LEASE = "cilium-l2announce-default-blue"
WALL = 1_764_000_000.0
SERVICE = Service(key=BLUE, uid="u", resource_version="900", external_ips=("172.19.0.240",))


@dataclass
class Notes:
    """A world that notes what was done to it, in order."""

    done: list[object] = field(default_factory=list)

    def install(self, table: AnswerTable) -> None:
        self.done.append(table)

    def watch_endpoints(self, span: Span) -> None:
        self.done.append(span)

    def send(self, frames: Sequence[Gratuitous]) -> None:
        self.done += frames

    def start(self, call: Call) -> None:
        self.done.append(call)

    def record(self, event: Event) -> None:
        self.done.append(event)

    def log(self, transition: Transition) -> None:
        self.done.append(transition)


class Pump:
    """Steps a core whose node would announce one Service."""

    def __init__(self) -> None:
        driver = Driver()
        driver.warm()
        driver.see(Policy(key=Key("", "p"), external_ips=True))
        self.announcer: Announcer = driver.announcer
        self.now = driver.now
        self.wake_at = 0.0
        self.told: list[object] = []  # everything so far

    def step(self, *facts: Fact) -> list[object]:
        world = Notes()
        self.wake_at = step(self.announcer, facts, world, now=self.now, wall=WALL)
        self.told += world.done
        return world.done

    def win(self) -> None:
        """Take the Lease, read the Service, probe, and announce."""
        done = self.step(Seen(Kind.SERVICE, SERVICE))
        (write,) = [call for call in done if isinstance(call, LeaseWrite)]
        stored = {**write.body, "metadata": {**write.body["metadata"], "resourceVersion": "901"}}
        self.step(LeaseWritten(decode(stored)), ServiceRead(BLUE, SERVICE))
        self.step(ServiceRead(BLUE, SERVICE))
        while not any(contest.grants for contest in self.announcer.contests.values()):
            self.now = self.wake_at
            self.step()


@pytest.fixture
def pump() -> Pump:
    return Pump()


def test_a_fact_is_taken_in_before_the_effects_are_asked_for(pump: Pump) -> None:
    done = pump.step(Seen(Kind.SERVICE, SERVICE))
    (write,) = [call for call in done if isinstance(call, LeaseWrite)]
    assert write.name == LEASE
    assert write.body["spec"]["holderIdentity"] == NODE


def test_a_tenure_counts_from_the_instant_of_the_step(pump: Pump) -> None:
    taken_at = pump.now
    pump.win()
    assert pump.announcer.contests[LEASE].elector.tenure.until == pytest.approx(taken_at + 13.5)


def test_a_step_without_need_does_nothing(pump: Pump) -> None:
    pump.win()
    pump.step()
    assert pump.step() == []
    assert pump.wake_at > pump.now


def test_silence_is_installed_before_the_release_leaves(pump: Pump) -> None:
    pump.win()
    done = pump.step(Resign())
    tables = [number for number, each in enumerate(done) if isinstance(each, AnswerTable)]
    releases = [number for number, each in enumerate(done) if isinstance(each, LeaseWrite)]
    assert len(tables) == 1
    assert releases
    assert tables[0] < min(releases)
    table = done[tables[0]]
    assert isinstance(table, AnswerTable)
    assert table.places == {}


def test_answers_are_given_before_they_are_announced_and_all_of_it_is_told(pump: Pump) -> None:
    pump.win()
    told = pump.told
    announced = [
        number
        for number, each in enumerate(told)
        if isinstance(each, Gratuitous) and each.message is Message.ANNOUNCE
    ]
    tables = [number for number, each in enumerate(told) if isinstance(each, AnswerTable)]
    assert tables[-1] < announced[0]
    assert any(isinstance(each, Event) and each.reason == "Announced" for each in told)
    assert [each.what for each in told if isinstance(each, Transition)][-1] == "announcing"

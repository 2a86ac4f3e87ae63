"""The responder: answers at once what the answer table says, and tells the core of claims.

Rule of this file: nothing waits for the kernel. A socket that is needed no more is closed in a
thread of its own, since a release, or a hand-over, comes right after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address

from l2announcer.core.answers import AnswerTable, Place, PlaceAnswers, WireProtocol, protocol_of
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Fact, Listens, Overheard
from l2announcer.core.model import Ear, IPAddress
from l2announcer.core.outcome import Outcome
from l2announcer.lan.claims import ClaimLimit
from l2announcer.lan.groups import JoinedGroups, why_disabled
from l2announcer.lan.packets import PacketSocket
from l2announcer.wire import arp, ndp
from l2announcer.wire.ipv6 import solicited_node_group

ANSWERED = "answered"
PROBED = "probed"
ANNOUNCED = "announced"
CLAIMED = "claimed"
CLAIM_REPEATED = "claim_repeated"
OPEN_FAILED = "open_failed"
NO_SOCKET = "no_socket"
"""Reasons besides those of Outcome and PacketSocket. By ARP, an announcement is two frames."""

_NAMES = {WireProtocol.ARP: "ARP", WireProtocol.ND: "Neighbour Discovery"}


@dataclass(slots=True, kw_only=True)
class _Port:
    """One open place: what is answered there now, its socket, its groups, and its counts."""

    answers: PlaceAnswers
    socket: PacketSocket
    groups: JoinedGroups
    joined_for: frozenset[bytes] = frozenset()
    counts: Counter[str]


class Responder:
    """Answers at all places of the answer table that was installed last.

    `post` takes facts. Should a tenure be void when it returns, the next frame is compared with
    that. `now` is in seconds on CLOCK_BOOTTIME. Install, send and close where the loop runs.
    """

    def __init__(self, *, post: Callable[[Fact], None], now: Callable[[], float]) -> None:
        self._post = post
        self._now = now
        self._ports: dict[Place, _Port] = {}
        self._counts: dict[tuple[str, WireProtocol], Counter[str]] = {}
        self._limit = ClaimLimit()
        self._overheard: set[Overheard] = set()  # told since the table was installed
        self._closing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="closing")
        self._closing.submit(int)  # has its thread started: later, that would be waited for
        self.troubles: dict[str, str] = {}
        """Interfaces where the last install failed, each with a sentence that says why."""
        self._deaf: dict[Ear, str] = {}  # found out by the install under way
        self._listens = Listens(frozenset(), {})

    def install(self, table: AnswerTable) -> None:
        """Converge sockets, filters and groups on the table; may be repeated, with the same too.

        What fails at one place is in `troubles`, and changes nothing at the others, those of the
        same interface included. MissingRightError when no packet socket may be opened at all.
        """
        for place, port in list(self._ports.items()):
            answers = table.places.get(place)
            renamed = answers is not None and answers.link.name != port.answers.link.name
            if answers is None or renamed or not port.socket.bound():
                self._retire(place)
        named = {(each.link.name, place.protocol) for place, each in table.places.items()}
        self._counts = {key: self._counts.get(key, Counter()) for key in named}
        self._limit.forget_until(self._now())
        self._overheard.clear()
        self.troubles = {}
        for place, answers in table.places.items():
            try:
                self._converge(place, answers)
            except OSError as error:
                self._in_trouble(place, answers.link.name, error.strerror or str(error))
        self._tell()

    def send(self, frames: Iterable[Gratuitous]) -> None:
        """Send at once what is unrequested; an announcement only while its tenure is valid.

        What cannot be sent is counted, and it's for the core to repeat it.
        """
        ports = {
            (port.answers.link.name, place.protocol): port for place, port in self._ports.items()
        }
        for gratuitous in frames:
            address, name = gratuitous.announcement
            key = name, protocol_of(address)
            if key in ports:
                self._send_one(ports[key], gratuitous)
            else:
                self._counts.setdefault(key, Counter())[NO_SOCKET] += 1

    def counters(self) -> Iterator[tuple[str, WireProtocol, str, int]]:
        """Interface, protocol, reason, and how often since a table first named the two."""
        for (name, protocol), counts in self._counts.items():
            for reason, count in counts.items():
                yield name, protocol, reason, count

    def close(self) -> None:
        """Fall silent, and return when every socket is closed."""
        for place in list(self._ports):
            self._retire(place)
        self._closing.shutdown()

    def _retire(self, place: Place) -> None:
        port = self._ports.pop(place)
        port.socket.stop()
        port.groups.close()
        self._closing.submit(port.socket.close)

    def _converge(self, place: Place, answers: PlaceAnswers) -> None:
        name, nd = answers.link.name, place.protocol is WireProtocol.ND
        port = self._ports.get(place)
        if nd and (why := why_disabled(name)):
            if port is not None:
                self._retire(place)
            self._in_trouble(place, name, why)
            return
        if port is None:
            port = self._open(place, answers)
        port.answers = answers
        if port.socket.admitted != answers.addresses:
            port.socket.admit(answers.addresses)
        if nd and port.joined_for != answers.addresses:
            port.groups.set({solicited_node_group(address) for address in answers.addresses})
            port.joined_for = answers.addresses

    def _open(self, place: Place, answers: PlaceAnswers) -> _Port:
        counts = self._counts[answers.link.name, place.protocol]

        def readable() -> None:
            self._drain(self._ports[place])

        opened = PacketSocket(
            index=place.interface,
            protocol=place.protocol,
            admitted=answers.addresses,
            readable=readable,
            counts=counts,
        )
        groups = JoinedGroups(place.interface)
        port = _Port(answers=answers, socket=opened, groups=groups, counts=counts)
        self._ports[place] = port
        return port

    def _in_trouble(self, place: Place, name: str, why: str) -> None:
        self._counts[name, place.protocol][OPEN_FAILED] += 1
        why = f"cannot listen for {_NAMES[place.protocol]}: {why}"
        if place not in self._ports:  # where one is open something less failed
            self._deaf[_ear(place)] = why
        sentence = f"interface {name}: {why}"
        known = self.troubles.get(name)
        self.troubles[name] = f"{known}; {sentence}" if known else sentence

    def _tell(self) -> None:
        """Say where it is listened, and where it can't be."""
        listens = Listens(frozenset(map(_ear, self._ports)), self._deaf)
        if self._deaf or listens != self._listens:
            self._post(listens)
        self._listens, self._deaf = listens, {}

    def _drain(self, port: _Port) -> None:
        """Answer what has arrived. The clock is read for every frame: a stall may lie between."""
        counts, now, send = port.counts, self._now, port.socket.send
        answer, claim = port.answers.answer, port.answers.claim
        give_way = port.answers.give_way
        answered = 0
        for frame in port.socket.frames():
            outcome = answer(frame, now())
            if not isinstance(outcome, bytes):
                counts[outcome.value] += 1
            elif send(outcome):
                answered += 1
            claimed = claim(frame)
            if claimed is None:
                continue
            if isinstance(claimed, Overheard):
                if claimed not in self._overheard:
                    self._overheard.add(claimed)
                    self._post(claimed)
                continue
            give_way(claimed)
            if self._limit.admits(claimed, now()):
                counts[CLAIMED] += 1
                self._post(claimed)
            else:
                counts[CLAIM_REPEATED] += 1
        counts[ANSWERED] += answered

    def _send_one(self, port: _Port, gratuitous: Gratuitous) -> None:
        mac, address = port.answers.link.mac, gratuitous.announcement.address
        match gratuitous.message:
            case Message.PROBE:
                if port.socket.send(_probe(mac, address)):
                    port.counts[PROBED] += 1
            case Message.ANNOUNCE:
                for frame in _announcements(mac, address):
                    if not gratuitous.tenure.announces(self._now()):
                        port.counts[Outcome.NO_TENURE.value] += 1
                    elif port.socket.send(frame):
                        port.counts[ANNOUNCED] += 1


def _ear(place: Place) -> Ear:
    return Ear(place.interface, 4 if place.protocol is WireProtocol.ARP else 6)


def _probe(mac: bytes, address: IPAddress) -> bytes:
    if isinstance(address, IPv4Address):
        return arp.probe(mac=mac, address=address)
    return ndp.probe(mac=mac, address=address)


def _announcements(mac: bytes, address: IPAddress) -> tuple[bytes, ...]:
    if isinstance(address, IPv4Address):
        request = arp.announcement(mac=mac, address=address)
        return request, arp.announcement_as_reply(mac=mac, address=address)
    return (ndp.announcement(mac=mac, address=address),)

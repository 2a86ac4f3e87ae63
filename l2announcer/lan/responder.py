"""The responder: answers at once what the answer table says, and tells the core of claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from l2announcer.core.answers import AnswerTable, InterfaceAnswers, Outcome
from l2announcer.core.effects import Gratuitous, Message
from l2announcer.core.facts import Fact
from l2announcer.lan.claims import ClaimLimit
from l2announcer.lan.packets import PacketSocket
from l2announcer.wire import arp

ANSWERED = "answered"
PROBED = "probed"
ANNOUNCED = "announced"
CLAIMED = "claimed"
CLAIM_REPEATED = "claim_repeated"
OPEN_FAILED = "open_failed"
NO_SOCKET = "no_socket"
"""Reasons besides those of Outcome and PacketSocket. An announcement is two frames."""


@dataclass(slots=True, kw_only=True)
class _Port:
    """One open interface: what is answered there now, its socket, and its counts."""

    answers: InterfaceAnswers
    socket: PacketSocket
    counts: Counter[str]


class Responder:
    """Answers on all interfaces of the answer table that was installed last.

    `post` takes facts, and may void a tenure before it returns: the next frame is compared with
    it. `now` is in seconds on CLOCK_BOOTTIME. Install, send and close where the loop runs.
    """

    def __init__(self, *, post: Callable[[Fact], None], now: Callable[[], float]) -> None:
        self._post = post
        self._now = now
        self._ports: dict[int, _Port] = {}
        self._counts: dict[str, Counter[str]] = {}
        self._limit = ClaimLimit()
        self.troubles: dict[str, str] = {}
        """Interfaces where the last install failed, each with a sentence that says why."""

    def install(self, table: AnswerTable) -> None:
        """Converge sockets and filters on the table; may be repeated, with the same table too.

        What fails on one interface is in `troubles`, and changes nothing on the others.
        MissingRightError when no packet socket may be opened at all.
        """
        for index, port in list(self._ports.items()):
            answers = table.interfaces.get(index)
            renamed = answers is not None and answers.link.name != port.answers.link.name
            if answers is None or renamed or not port.socket.bound():
                port.socket.close()
                del self._ports[index]
        names = {answers.link.name for answers in table.interfaces.values()}
        self._counts = {name: self._counts.get(name, Counter()) for name in names}
        self._limit.forget_until(self._now())
        self.troubles = {}
        for index, answers in table.interfaces.items():
            try:
                self._converge(index, answers)
            except OSError as error:
                name = answers.link.name
                self._counts[name][OPEN_FAILED] += 1
                self.troubles[name] = (
                    f"interface {name}: cannot listen for ARP: {error.strerror or error}"
                )

    def send(self, frames: Iterable[Gratuitous]) -> None:
        """Send at once what is unrequested; an announcement only while its tenure is valid.

        What cannot be sent is counted, and it's for the core to repeat it.
        """
        ports = {port.answers.link.name: port for port in self._ports.values()}
        for gratuitous in frames:
            address, name = gratuitous.announcement
            port = ports.get(name)
            if port is None:
                self._counts.setdefault(name, Counter())[NO_SOCKET] += 1
            elif isinstance(address, IPv4Address):
                self._send_one(port, address, gratuitous)

    def counters(self) -> Iterator[tuple[str, str, int]]:
        """Interface, reason, and how often since the interface was first named by a table."""
        for name, counts in self._counts.items():
            for reason, count in counts.items():
                yield name, reason, count

    def close(self) -> None:
        """Fall silent: close every socket."""
        while self._ports:
            _, port = self._ports.popitem()
            port.socket.close()

    def _converge(self, index: int, answers: InterfaceAnswers) -> None:
        port = self._ports.get(index)
        if port is None:
            counts = self._counts[answers.link.name]

            def readable() -> None:
                self._drain(self._ports[index])

            opened = PacketSocket(
                index=index, admitted=answers.addresses, readable=readable, counts=counts
            )
            self._ports[index] = _Port(answers=answers, socket=opened, counts=counts)
            return
        port.answers = answers
        if port.socket.admitted != answers.addresses:
            port.socket.admit(answers.addresses)

    def _drain(self, port: _Port) -> None:
        """Answer what has arrived. The clock is read for every frame: a stall may lie between."""
        counts, now, send = port.counts, self._now, port.socket.send
        answer, claim = port.answers.answer, port.answers.claim
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
            if self._limit.admits(claimed, now()):
                counts[CLAIMED] += 1
                self._post(claimed)
            else:
                counts[CLAIM_REPEATED] += 1
        counts[ANSWERED] += answered

    def _send_one(self, port: _Port, address: IPv4Address, gratuitous: Gratuitous) -> None:
        mac = port.answers.link.mac
        match gratuitous.message:
            case Message.PROBE:
                if port.socket.send(arp.probe(mac=mac, address=address)):
                    port.counts[PROBED] += 1
            case Message.ANNOUNCE:
                for build in (arp.announcement, arp.announcement_as_reply):
                    frame = build(mac=mac, address=address)
                    if not gratuitous.tenure.valid(self._now()):
                        port.counts[Outcome.NO_TENURE.value] += 1
                    elif port.socket.send(frame):
                        port.counts[ANNOUNCED] += 1

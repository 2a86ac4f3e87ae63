"""The interfaces of this node, from the kernel's routing socket into one fact per change.

The socket is a plain one on the event loop, since pyroute2's own do not run on uvloop; pyroute2
builds and parses the messages (rtnetlink(7)).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing

from l2announcer.core.facts import Fact, Links
from l2announcer.core.model import Link
from l2announcer.lan.messages import (
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_NOARP,
    IFF_UP,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_LINK,
    MarshalRtnl,
    ifinfmsg,
)

_ARPHRD_ETHER = 1
_RTEXT_FILTER_SKIP_STATS = 1 << 3
# The kernel fills at most 32 KiB per message of a dump (NLMSG_GOODSIZE of a patient reader).
_RECEIVE_BYTES = 1 << 16
# Room for some hundred events that arrive while the loop is busy; more cost one dump.
_BUFFER_BYTES = 1 << 20


async def watch_links(post: Callable[[Fact], None]) -> None:
    """Post all interfaces, once the first list is complete, and again at every change.

    Runs until cancelled. OSError when the kernel refuses the socket or the list.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    with closing(_open()) as source:
        table = _Table(source)
        table.ask()
        loop.add_reader(source, readable.set)
        try:
            posted: tuple[Link, ...] | None = None
            while True:
                await readable.wait()
                readable.clear()
                if not table.read():  # uvloop hears no more of a socket that had an error
                    loop.remove_reader(source)
                    loop.add_reader(source, readable.set)
                links = table.links()
                if links is not None and links != posted:
                    posted = links
                    post(Links(links))
        finally:
            loop.remove_reader(source)


def _open() -> socket.socket:
    flags = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    source = socket.socket(socket.AF_NETLINK, flags, socket.NETLINK_ROUTE)
    try:
        source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        source.bind((0, RTMGRP_LINK | RTMGRP_IPV6_IFADDR))
    except BaseException:
        source.close()
        raise
    return source


class _Table:
    """The links by index: a dump, kept up by events, which come in order on the same socket."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._marshal = MarshalRtnl()
        self._sequence = 0
        self._links: dict[int, Link] = {}
        self._complete = False
        # While a dump runs: what it, and every event since its start, has named.
        self._dumped: dict[int, Link] | None = None
        self._stale = False
        self._lost = False

    def links(self) -> tuple[Link, ...] | None:
        """All links in the order of their indexes; None before the first dump has ended."""
        if not self._complete:
            return None
        return tuple(link for _, link in sorted(self._links.items()))

    def ask(self) -> None:
        """Begin a dump; while one runs, the kernel would refuse a second: that follows it."""
        if self._dumped is not None:
            self._stale = True
            return
        self._sequence += 1
        self._dumped = {}
        self._stale = False
        self._send(NLM_F_DUMP, 0)

    def _send(self, flags: int, index: int) -> None:
        """Ask for all links, or for one: its answer has the number of an event."""
        request = ifinfmsg()
        request["index"] = index
        request["header"]["type"] = RTM_GETLINK
        request["header"]["flags"] = NLM_F_REQUEST | flags
        request["header"]["sequence_number"] = self._sequence if flags else 0
        request["attrs"] = [("IFLA_EXT_MASK", _RTEXT_FILTER_SKIP_STATS)]
        request.encode()
        self._source.sendto(request.data, (0, 0))

    def read(self) -> bool:
        """Take in everything that waits on the socket; False when there was more, but it's lost."""
        self._lost = False
        for data in self._datagrams():
            for message in self._marshal.parse(data):
                self._take(message)
        return not self._lost

    def _datagrams(self) -> Iterator[bytes]:
        while True:
            try:
                data, (sender, _) = self._source.recvfrom(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._lost = True
                self.ask()  # only a whole list tells what the lost events were
                continue
            if sender == 0:  # the kernel; another process may send to us too
                yield data

    def _take(self, message: ifinfmsg) -> None:
        header = message["header"]
        kind = header["type"]
        if header["sequence_number"] == self._sequence and self._dumped is not None:
            self._stale = self._stale or bool(header["flags"] & NLM_F_DUMP_INTR)
            if kind == NLMSG_DONE:
                self._finish(self._dumped)
                return
            if kind == NLMSG_ERROR:
                number = abs(message["error"])
                raise OSError(number, f"list of interfaces: {os.strerror(number)}")
        if kind in {RTM_NEWADDR, RTM_DELADDR}:
            # That IPv6 was switched off or on is told by its addresses alone.
            self._send(0, message["index"])
            return
        if kind not in {RTM_NEWLINK, RTM_DELLINK} or not _tells_all(message):
            return
        index: int = message["index"]
        if kind == RTM_NEWLINK:
            self._links[index] = link = _link(message)
            if self._dumped is not None:
                self._dumped[index] = link
        else:
            self._links.pop(index, None)
            if self._dumped is not None:
                self._dumped.pop(index, None)

    def _finish(self, dumped: dict[int, Link]) -> None:
        self._dumped = None
        if self._stale:
            self.ask()
            return
        self._links = dumped
        self._complete = True


def _tells_all(message: ifinfmsg) -> bool:
    """Is this about the link as a whole?

    A bridge reports its ports coming and going as links of its own family, and a wireless driver
    its scans as links without attributes; neither says anything about the link itself.
    """
    return message["family"] == socket.AF_UNSPEC and message.get_attr("IFLA_WIRELESS") is None


def _ipv6(message: ifinfmsg) -> bool:
    """Does the kernel speak IPv6 there? Without the module, or where it is switched off, no."""
    families = message.get_attr("IFLA_AF_SPEC")
    details = families.get_attr("AF_INET6") if families is not None else None
    settings = details.get_attr("IFLA_INET6_CONF") if details is not None else None
    return settings is not None and not settings["disable_ipv6"]


def _active_port(message: ifinfmsg) -> int:
    """The port that a bond in active-backup mode uses now; 0 for other links."""
    info = message.get_attr("IFLA_LINKINFO")
    data = info.get_attr("IFLA_INFO_DATA") if info is not None else None
    get_attr = getattr(data, "get_attr", None)  # absent where the kind's data is not understood
    return (get_attr("IFLA_BOND_ACTIVE_SLAVE") or 0) if get_attr is not None else 0


def _link(message: ifinfmsg) -> Link:
    flags: int = message["flags"]
    mac = message.get_attr("IFLA_ADDRESS") or ""
    return Link(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME"),
        mac=bytes.fromhex(mac.replace(":", "")),
        up=bool(flags & IFF_UP),
        carrier=bool(flags & IFF_LOWER_UP),
        ethernet=message["ifi_type"] == _ARPHRD_ETHER and not flags & IFF_NOARP,
        loopback=bool(flags & IFF_LOOPBACK),
        master=message.get_attr("IFLA_MASTER") or 0,
        active_port=_active_port(message),
        ipv6=_ipv6(message),
    )

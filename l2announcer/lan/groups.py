"""IPv6 groups of one interface, joined as the kernel's own are (RFC 3493 section 5.2).

So the card lets their frames in, and a switch that listens to MLD forwards them (RFC 3810). Joining
needs no right, and no address on the interface.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Set as AbstractSet
from pathlib import Path

_MEMBERSHIP = struct.Struct("@16sI")  # struct ipv6_mreq
_ROOM_IS_SHORT = frozenset({errno.ENOMEM, errno.ENOBUFS})


class JoinedGroups:
    """The groups that are joined on the interface with an index, until closed.

    They are bound to this very interface: one that is made anew, even under the same index, asks
    for another object.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._sockets: list[socket.socket] = []
        self._homes: dict[bytes, socket.socket] = {}

    def set(self, groups: AbstractSet[bytes]) -> None:
        """Join and leave until exactly these are joined; OSError when one can't be joined.

        The others are joined even so.
        """
        for group in self._homes.keys() - groups:
            home = self._homes.pop(group)
            self._option(home, socket.IPV6_LEAVE_GROUP, group)
        failure: OSError | None = None
        for group in groups - self._homes.keys():
            try:
                self._homes[group] = self._join(group)
            except OSError as error:
                failure = error
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Leave them all."""
        self._homes = {}
        while self._sockets:
            self._sockets.pop().close()

    def _join(self, group: bytes) -> socket.socket:
        """A socket holds as many as net.core.optmem_max has room for: some hundreds, at least."""
        if self._sockets:
            try:
                self._option(self._sockets[-1], socket.IPV6_JOIN_GROUP, group)
            except OSError as error:
                if error.errno not in _ROOM_IS_SHORT:
                    raise
            else:
                return self._sockets[-1]
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._sockets.append(opened)
        self._option(opened, socket.IPV6_JOIN_GROUP, group)
        return opened

    def _option(self, home: socket.socket, option: int, group: bytes) -> None:
        home.setsockopt(socket.IPPROTO_IPV6, option, _MEMBERSHIP.pack(group, self._index))


def why_disabled(interface: str) -> str:
    """Why the kernel takes no part in IPv6 on an interface, and the cure; empty when it does.

    What is announced there would lead nowhere: the packets that follow are dropped.
    """
    if not socket.has_ipv6 or not Path("/proc/sys/net/ipv6").is_dir():
        return "the kernel has no IPv6; boot it without ipv6.disable=1"
    sysctl = f"net/ipv6/conf/{interface}/disable_ipv6"
    try:
        disabled = Path("/proc/sys", sysctl).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""  # the interface went, or has just got this name: opening it will tell
    return f"IPv6 is disabled there; enable it: sysctl -w {sysctl}=0" if disabled != "0" else ""

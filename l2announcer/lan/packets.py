"""Packet sockets: raw Ethernet frames of one interface, filtered in the kernel (packet(7)).

The only user of AF_PACKET. A socket hears nothing before its filter is set and never blocks; bound
to one protocol, it never hears what this node sends through the same interface. It is bound to the
interface by index, which no renaming, and no new interface of the same name, can mistake.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from itertools import repeat
from typing import NamedTuple

from l2announcer.core.answers import WireProtocol
from l2announcer.wire import bpf, ipv6
from l2announcer.wire.bpf_arp import arp_filter
from l2announcer.wire.bpf_nd import nd_filter
from l2announcer.wire.ethernet import ETHERTYPE_ARP, ETHERTYPE_IPV6, MINIMUM_BYTES

MOST_FRAMES_PER_WAKE_UP = 64
"""What is left comes with the next turn of the loop, after the tasks that wait for it."""

# asm-generic/socket.h: the socket module does not name it.
_SO_ATTACH_FILTER = 26


class _Traffic(NamedTuple):
    """What a socket for one protocol hears: its Ethernet type, and how much of each frame."""

    ethertype: int
    most_bytes: int
    program: Callable[[AbstractSet[bytes], int], bpf.Program]


_TRAFFIC: Mapping[WireProtocol, _Traffic] = {
    WireProtocol.ARP: _Traffic(ETHERTYPE_ARP, MINIMUM_BYTES, arp_filter),
    WireProtocol.ND: _Traffic(ETHERTYPE_IPV6, ipv6.MOST_BYTES, nd_filter),
}

# What the kernel takes depends on its net.core.optmem_max: 20 KiB before Linux 6.7.
_FILTER_LIMITS = (bpf.MOST_INSTRUCTIONS, 1024, 256, bpf.FEWEST_INSTRUCTIONS)

_FAULTS = {
    errno.ENETDOWN: "down",
    errno.ENXIO: "gone",
    errno.ENODEV: "gone",
    errno.ENOBUFS: "no_buffers",
    errno.EAGAIN: "no_buffers",
}

_libc = ctypes.CDLL(None, use_errno=True)


class MissingRightError(Exception):
    """The process may not open packet sockets."""

    def __init__(self) -> None:
        super().__init__(
            "cannot open a packet socket: the right CAP_NET_RAW is missing; give it with"
            " AmbientCapabilities=CAP_NET_RAW in the systemd unit,"
            ' securityContext.capabilities.add: ["NET_RAW"] in the Pod, or run as root'
        )


def require_rights() -> None:
    """Raise MissingRightError now, rather than when the first address is to be answered."""
    _opened().close()


class PacketSocket:
    """One protocol on one interface. Must be made, and stopped, where an event loop runs.

    `admitted` are the addresses, as bytes, about which the filter lets frames through;
    `readable` is called by the loop whenever there are frames. What goes wrong on the way is
    counted in `counts` by a reason: `receive_…` or `send_…` and one of down, gone, no_buffers,
    failed. Raises MissingRightError, and OSError if the interface is gone or resources are short.
    """

    def __init__(
        self,
        *,
        index: int,
        protocol: WireProtocol,
        admitted: AbstractSet[bytes],
        readable: Callable[[], None],
        counts: Counter[str],
    ) -> None:
        self._traffic = _TRAFFIC[protocol]
        self._counts = counts
        self._readable = readable
        self._loop = asyncio.get_running_loop()
        self._socket = _opened()
        try:
            self._socket.setblocking(False)
            self.admit(admitted)
            _bind(self._socket, index, self._traffic.ethertype)
            self._listen()
        except BaseException:
            self._socket.close()
            raise

    def admit(self, addresses: AbstractSet[bytes]) -> None:
        """Swap the filter, in one step, for one that lets frames about these addresses through.

        Frames that the former filter let in may still be waiting. OSError leaves that in force.
        """
        for limit in _FILTER_LIMITS:
            try:
                _attach(self._socket, self._traffic.program(addresses, limit))
            except OSError as error:
                if error.errno != errno.ENOMEM or limit == _FILTER_LIMITS[-1]:
                    raise
            else:
                break
        self.admitted = addresses

    def bound(self) -> bool:
        """Does the socket still hear its interface? Once that was removed, it never will again."""
        return bool(self._socket.getsockname()[0])

    def frames(self) -> list[bytes]:
        """What has arrived, cut behind what is read: as many as one wake-up may take."""
        frames: list[bytes] = []
        most_bytes = self._traffic.most_bytes
        try:
            # what came before the error stays in; a loop of our own costs more than the look-up
            frames.extend(map(self._socket.recv, repeat(most_bytes, MOST_FRAMES_PER_WAKE_UP)))
        except BlockingIOError:
            pass
        except OSError as error:
            self._count("receive", error)
        return frames

    def send(self, frame: bytes) -> bool:
        """Send at once; False when it could not be."""
        try:
            self._socket.send(frame)
        except OSError as error:
            self._count("send", error)
            return False
        return True

    def stop(self) -> None:
        """Hear nothing any more."""
        self._loop.remove_reader(self._socket.fileno())

    def close(self) -> None:
        """Give it back to the kernel, once it was stopped; in any thread.

        It blocks until no processor can still be delivering a frame: 8 to 20 ms were measured.
        """
        self._socket.close()

    def _listen(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _count(self, doing: str, error: OSError) -> None:
        """Count what went wrong and, unless it was closed, listen anew: uvloop stops at an error.

        An interface that goes down is such an error, told once to whoever comes first, and the
        same socket hears on when the interface is up again.
        """
        self._counts[f"{doing}_{_FAULTS.get(error.errno or 0, 'failed')}"] += 1
        descriptor = self._socket.fileno()
        if descriptor >= 0:
            self._loop.remove_reader(descriptor)
            self._listen()


def _opened() -> socket.socket:
    """A packet socket that hears nothing yet: protocol 0 is no protocol."""
    try:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError:
        raise MissingRightError from None


def _attach(opened: socket.socket, program: bpf.Program) -> None:
    instructions = ctypes.create_string_buffer(bpf.packed(program))
    # struct sock_fprog
    described = struct.pack("@HP", len(program), ctypes.addressof(instructions))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)


def _bind(opened: socket.socket, index: int, ethertype: int) -> None:
    """bind(2), which the socket module offers by name only. The protocol is what starts it."""
    # struct sockaddr_ll; only the protocol is in network order
    address = struct.pack(
        "@HHiHBB8s", socket.AF_PACKET, socket.htons(ethertype), index, 0, 0, 0, b""
    )
    if _libc.bind(opened.fileno(), address, len(address)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

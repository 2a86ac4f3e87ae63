"""Bytes from a routing socket to messages."""
# ruff: noqa: PYI021 - every file of the project says what it is for

from collections.abc import Iterator

from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

class MarshalRtnl:
    # The class of a message depends on its type; those of links are ifinfmsg.
    def parse(self, data: bytes) -> Iterator[ifinfmsg]: ...

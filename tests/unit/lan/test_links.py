"""Messages that look like news about a link and are none: rare ones that no lab can provoke."""

from __future__ import annotations

import errno
import socket

import pytest

from l2announcer.core.model import Link
from l2announcer.lan.links import _Table
from l2announcer.lan.messages import NLMSG_ERROR, RTM_DELLINK, RTM_NEWLINK, MarshalRtnl, ifinfmsg

AF_BRIDGE = 7
ETH0 = Link(index=7, name="eth0")
ACTIVE_PORT = ("IFLA_BOND_ACTIVE_SLAVE", 4)


def _table() -> _Table:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as source:
        table = _Table(source)
    table._links = {ETH0.index: ETH0}
    table._complete = True
    return table


def _message(kind: int, family: int = socket.AF_UNSPEC, **attributes: str) -> ifinfmsg:
    message = ifinfmsg()
    message["header"]["type"] = kind
    message["header"]["flags"] = 0
    message["header"]["sequence_number"] = 0
    message["index"] = ETH0.index
    message["family"] = family
    message["attrs"] = [(f"IFLA_{name}", value) for name, value in attributes.items()]
    return message


def test_a_link_that_is_gone_is_dropped() -> None:
    table = _table()
    table._take(_message(RTM_DELLINK))
    assert table.links() == ()


def test_a_port_that_left_its_bridge_is_still_a_link() -> None:
    table = _table()
    table._take(_message(RTM_DELLINK, AF_BRIDGE))
    assert table.links() == (ETH0,)


def test_a_wireless_scan_says_nothing_about_the_link() -> None:
    table = _table()
    table._take(_message(RTM_NEWLINK, IFNAME="wlan0", WIRELESS="00"))
    assert table.links() == (ETH0,)


def test_a_list_that_the_kernel_refuses_is_an_error_with_its_reason() -> None:
    table = _table()
    table._dumped = {}
    message = _message(NLMSG_ERROR)
    message["error"] = -errno.EPERM
    with pytest.raises(PermissionError, match="list of interfaces: Operation not permitted"):
        table._take(message)


def test_a_bond_tells_its_active_port() -> None:
    message = _message(RTM_NEWLINK, IFNAME="bond0")
    details = [("IFLA_INFO_KIND", "bond"), ("IFLA_INFO_DATA", {"attrs": [ACTIVE_PORT]})]
    message["attrs"].append(("IFLA_LINKINFO", {"attrs": details}))
    message["header"]["length"] = 0
    message.encode()
    (decoded,) = MarshalRtnl().parse(bytes(message.data))
    table = _table()
    table._take(decoded)
    (link,) = table.links() or ()
    assert (link.name, link.active_port) == ("bond0", 4)

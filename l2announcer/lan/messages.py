"""pyroute2's messages of rtnetlink(7), imported without the rest of it.

Importing the package, or any module of it, runs `pyroute2/__init__.py`, which loads its sockets, a
database and much else: 8 MB of memory and a good part of the start-up time, for what we don't use.
So an empty package is registered under its name first: the modules below are then found on the same
paths as ever, and nothing else is loaded.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType


def _empty_package() -> None:
    spec = find_spec("pyroute2")  # finds it, does not import it
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("pyroute2 is not installed", name="pyroute2")
    package = ModuleType("pyroute2")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["pyroute2"] = package


if "pyroute2" not in sys.modules:
    _empty_package()

from pyroute2.netlink import (  # noqa: E402  see above
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
)
from pyroute2.netlink.rtnl import (  # noqa: E402  see above
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_GETLINK,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_LINK,
)
from pyroute2.netlink.rtnl.ifinfmsg import (  # noqa: E402  see above
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_NOARP,
    IFF_UP,
    ifinfmsg,
)
from pyroute2.netlink.rtnl.marshal import MarshalRtnl  # noqa: E402  see above

__all__ = [
    "IFF_LOOPBACK",
    "IFF_LOWER_UP",
    "IFF_NOARP",
    "IFF_UP",
    "NLMSG_DONE",
    "NLMSG_ERROR",
    "NLM_F_DUMP",
    "NLM_F_DUMP_INTR",
    "NLM_F_REQUEST",
    "RTMGRP_IPV6_IFADDR",
    "RTMGRP_LINK",
    "RTM_DELADDR",
    "RTM_DELLINK",
    "RTM_GETLINK",
    "RTM_NEWADDR",
    "RTM_NEWLINK",
    "MarshalRtnl",
    "ifinfmsg",
]

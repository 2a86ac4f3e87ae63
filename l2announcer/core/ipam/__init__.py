"""LB IPAM: which address each Service has, decided by the node that is the controller."""

from l2announcer.core.ipam.ipam import Ipam
from l2announcer.core.ipam.ranges import Family
from l2announcer.core.ipam.requests import Scope

__all__ = ["Family", "Ipam", "Scope"]

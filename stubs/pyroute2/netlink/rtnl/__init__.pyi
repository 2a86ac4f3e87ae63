"""Numbers of linux/rtnetlink.h."""
# ruff: noqa: PYI021 - every file of the project says what it is for

RTMGRP_LINK: int
RTMGRP_IPV6_IFADDR: int
RTM_NEWADDR: int
RTM_DELADDR: int
RTM_NEWLINK: int
RTM_DELLINK: int
RTM_GETLINK: int

"""Numbers of linux/rtnetlink.h."""
# ruff: noqa: PYI021 - every file of the project says what it is for

RTMGRP_LINK: int
RTM_NEWLINK: int
RTM_DELLINK: int
RTM_GETLINK: int

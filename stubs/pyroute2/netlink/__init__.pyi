"""Numbers of linux/netlink.h."""
# ruff: noqa: PYI021 - every file of the project says what it is for

NLMSG_ERROR: int
NLMSG_DONE: int
NLM_F_REQUEST: int
NLM_F_DUMP: int
NLM_F_DUMP_INTR: int

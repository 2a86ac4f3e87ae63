"""struct ifinfomsg with its attributes, and the flags of linux/if.h."""
# ruff: noqa: PYI021 - every file of the project says what it is for

from typing import Any

IFF_UP: int
IFF_LOOPBACK: int
IFF_NOARP: int
IFF_LOWER_UP: int

class ifinfmsg:  # noqa: N801 - the library's own name
    data: bytearray
    def __getitem__(self, field: str) -> Any: ...  # noqa: ANN401 - as the kernel has it
    def __setitem__(self, field: str, value: object) -> None: ...
    def get_attr(self, name: str) -> Any: ...  # noqa: ANN401 - None when absent
    def encode(self) -> None: ...

"""Where the kernel takes no part in IPv6, there is a sentence with the cure."""

from __future__ import annotations

import socket

import pytest

from l2announcer.lan.groups import why_disabled


def test_a_kernel_without_ipv6_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_ipv6", False)

    assert why_disabled("lo") == "the kernel has no IPv6; boot it without ipv6.disable=1"


def test_an_interface_that_is_gone_is_no_reason() -> None:
    if why_disabled("lo"):
        pytest.skip(f"IPv6 is disabled on lo here: {why_disabled('lo')}")
    assert why_disabled("no-such-link") == ""

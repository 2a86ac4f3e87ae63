"""Facts are levels: plain values that are equal when they say the same, and never change."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields, is_dataclass
from ipaddress import ip_address
from typing import get_args

import pytest

from l2announcer.core import facts
from l2announcer.core.facts import Claimed, Fact, Gone, LeaseRefused, Refusal
from l2announcer.core.model import Key, Kind


def test_every_fact_of_the_module_is_one_that_the_core_must_take() -> None:
    defined = {
        found
        for found in vars(facts).values()
        if isinstance(found, type) and is_dataclass(found) and found.__module__ == facts.__name__
    }
    assert defined == set(get_args(Fact))


def test_two_that_say_the_same_are_equal_and_usable_as_keys() -> None:
    one, other = (Gone(Kind.SERVICE, Key("default", "app1"), "5") for _ in range(2))
    assert {one} == {other}


def test_nobody_can_change_what_was_said() -> None:
    claim = Claimed(ip_address("172.19.0.240"), b"\2\0\0\0\0\1", "eth0")
    for field in fields(claim):
        with pytest.raises(FrozenInstanceError):
            setattr(claim, field.name, None)


def test_an_unknown_outcome_is_told_apart_from_every_refusal() -> None:
    outcomes = {LeaseRefused("l", why) for why in Refusal}
    assert len(outcomes) == len(Refusal)

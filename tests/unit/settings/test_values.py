"""Values as text: durations as Go writes them, addresses to listen on, switches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l2announcer.settings.values import DURATION, LISTEN, SWITCH, ListenAddress


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15.0),
        ("200ms", 0.2),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("1ns", 1e-9),
        ("0", 0.0),
        ("2", 2.0),
        ("2.5", 2.5),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert DURATION.parse(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "1 s", "1d", "1s30", "nan", "inf", "1e3", ".", ".s", "٣s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # load() writes the sentence
        DURATION.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(15.0, "15s"), (0.2, "200ms"), (90.0, "1m30s"), (3600.0, "1h"), (0.0, "0s"), (100.0, "1m40s")],
)
def test_durations_are_written_as_people_do(seconds: float, text: str) -> None:
    assert DURATION.show(seconds) == text


@given(st.integers(min_value=0, max_value=10**9).map(lambda micros: micros / 10**6))
def test_a_written_duration_reads_back(seconds: float) -> None:
    assert DURATION.parse(DURATION.show(seconds)) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":9480", ListenAddress(None, 9480)),
        ("127.0.0.1:9480", ListenAddress("127.0.0.1", 9480)),
        ("localhost:1", ListenAddress("localhost", 1)),
        ("[::1]:9480", ListenAddress("::1", 9480)),
        ("[fe80::1%eth0]:80", ListenAddress("fe80::1%eth0", 80)),
    ],
)
def test_addresses_to_listen_on(text: str, address: ListenAddress) -> None:
    assert LISTEN.parse(text) == address
    assert LISTEN.show(address) == text


@pytest.mark.parametrize("text", ["9480", ":", ":0", ":65536", "::1:80", "[::1]", "a b:1", "[]:1"])
def test_no_addresses_to_listen_on(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # load() writes the sentence
        LISTEN.parse(text)


def test_switches() -> None:
    assert [SWITCH.parse(text) for text in ("true", "Yes", "on", "1")] == [True] * 4
    assert [SWITCH.parse(text) for text in ("false", "no", "OFF", "0")] == [False] * 4

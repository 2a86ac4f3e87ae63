"""Rules between settings: which times of a Lease fit together."""

from __future__ import annotations

import pytest

from l2announcer.settings import File, Settings, WrongSettingsError, load


def with_times(duration: str, deadline: str, retry: str) -> Settings:
    return load(
        flags={
            "lease_duration": duration,
            "lease_renew_deadline": deadline,
            "lease_retry_period": retry,
        },
        environ={},
        file=None,
        host_name="n",
    )


@pytest.mark.parametrize(
    "times", [("15s", "5s", "2s"), ("3s", "2s", "1s"), ("10s", "4.5s", "4s"), ("60", "15s", "5s")]
)
def test_times_that_fit(times: tuple[str, str, str]) -> None:
    assert with_times(*times).lease_duration >= 3


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (("0s", "2s", "1s"), "leaseDuration 0s (--lease-duration) is not a whole number"),
        (("3.5s", "2s", "1s"), "leaseDuration 3.5s (--lease-duration) is not a whole number"),
        (("3s", "1.5s", "200ms"), "leaseRetryPeriod 200ms (--lease-retry-period) is less than 1s"),
        (("5s", "5s", "2s"), "leaseRenewDeadline 5s (--lease-renew-deadline) is not shorter than"),
        (("15s", "2s", "2s"), "leaseRetryPeriod 2s (--lease-retry-period) is not shorter than"),
        (("3s", "2.5s", "2s"), "leaseRetryPeriod 2s (--lease-retry-period) is too long for"),
        (("10s", "5s", "4.5s"), "leaseRetryPeriod 4.5s (--lease-retry-period) is too long for"),
    ],
)
def test_times_that_do_not_fit(times: tuple[str, str, str], words: str) -> None:
    with pytest.raises(WrongSettingsError) as caught:
        with_times(*times)
    assert caught.value.problems[0].startswith(words)


def test_a_broken_rule_names_where_both_values_stand() -> None:
    with pytest.raises(WrongSettingsError) as caught:
        load(
            flags={},
            environ={"L2ANNOUNCER_LEASE_RETRY_PERIOD": "1s"},
            file=File("l2.yaml", "leaseDuration: 4s"),
            host_name="n",
        )
    assert caught.value.problems == (
        (
            "leaseRenewDeadline 5s (the default) is not shorter than leaseDuration 4s"
            " (l2.yaml:1: leaseDuration): a renewal must end before the Lease does"
        ),
    )


def test_a_port_needs_its_host() -> None:
    with pytest.raises(WrongSettingsError, match="without k8sServiceHost"):
        load(flags={"k8s_service_port": "6443"}, environ={}, file=None, host_name="n")

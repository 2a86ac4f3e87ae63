"""Rules that settings must keep, alone and together; each broken one is a sentence for the user.

1. leaseDuration is whole seconds, since a Lease stores an integer; at least one second.
2. leaseRetryPeriod is at least 1s: other clients of a Lease compare renewals in whole seconds and
   would not see two within one second as two.
3. leaseRetryPeriod < leaseRenewDeadline < leaseDuration: an attempt can be repeated within a
   renewal, and a renewal ends before the Lease does.
4. The right to answer ends a tenth of leaseDuration before the Lease, for clocks that run at
   different rates. Two renewals fit before that, so that one of them may fail.
5. k8sServicePort needs k8sServiceHost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from l2announcer.core.terms import TENURE_SHARE
from l2announcer.settings.options import OPTIONS, Settings

LEAST_RENEWALS = 2

_BY_NAME = {option.name: option for option in OPTIONS}


def broken(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """One sentence for each broken rule; `origins` says where a field's value stands."""
    yield from _lease_times(settings, origins)
    yield from _api_server(settings, origins)


def _lease_times(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    def words(name: str) -> str:
        return _words(name, settings, origins)

    duration = settings.lease_duration
    if duration < 1 or duration % 1:
        yield (
            f"{words('lease_duration')} is not a whole number of seconds of at least 1s:"
            " a Lease stores whole seconds"
        )
    if settings.lease_retry_period < 1:
        yield (
            f"{words('lease_retry_period')} is less than 1s: other clients of a Lease compare"
            " renewals in whole seconds, and would miss some"
        )
    if settings.lease_renew_deadline >= duration:
        yield (
            f"{words('lease_renew_deadline')} is not shorter than {words('lease_duration')}:"
            " a renewal must end before the Lease does"
        )
    if settings.lease_retry_period >= settings.lease_renew_deadline:
        yield (
            f"{words('lease_retry_period')} is not shorter than {words('lease_renew_deadline')}:"
            " a failed attempt could not be repeated"
        )
    elif LEAST_RENEWALS * settings.lease_retry_period >= TENURE_SHARE * duration:
        yield (
            f"{words('lease_retry_period')} is too long for {words('lease_duration')}:"
            f" {LEAST_RENEWALS} renewals must fit into nine tenths of a Lease, so that one of them"
            " may fail"
        )


def _api_server(settings: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    if settings.k8s_service_port and not settings.k8s_service_host:
        yield (
            f"{_words('k8s_service_port', settings, origins)} has no effect without"
            " k8sServiceHost: set both or neither"
        )


def _words(name: str, settings: Settings, origins: Mapping[str, str]) -> str:
    option = _BY_NAME[name]
    value = option.show(getattr(settings, name))
    return f"{option.key} {value} ({origins.get(name, 'the default')})"

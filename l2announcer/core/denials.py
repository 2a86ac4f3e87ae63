"""Tells those who name something in vain, once each: an Event by the one node that is controller.

The same denials are found on every node (core.claims), and each says so in its reasons.
"""

from __future__ import annotations

from collections.abc import Iterable

from l2announcer.core.claims import NOTHING, Claim, Claims, Denial
from l2announcer.core.effects import Effects, Event, Transition
from l2announcer.core.model import Key, Kind, Service
from l2announcer.core.views import View

Told = dict[Claim, Denial]


class Denials:
    """What was told of `claims` since this node became controller."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims
        self._told: dict[Key, Told] | None = None

    def poll(
        self, changed: Iterable[Key], services: View[Service], out: Effects, *, tells: bool
    ) -> None:
        """Add what is to be told of these; who only now becomes controller tells of all."""
        if not tells:
            self._told = None
            return
        if self._told is None:
            self._told, changed = {}, list(self._claims.denied)
        news = (key for key in changed if key in self._claims.denied or key in self._told)
        for key in sorted(news):
            denied, service = self._claims.denied.get(key, NOTHING), services.get(key)
            told = self._told.pop(key, {})
            if service is None or not denied:
                continue
            self._told[key] = dict(denied)
            for claim, denial in denied.items():
                if told.get(claim) != denial:
                    _tell(service, claim, denial.sentence(claim), out)


def _tell(service: Service, claim: Claim, sentence: str, out: Effects) -> None:
    what = "Lease" if isinstance(claim, str) else "Address"
    out.events.append(
        Event(Kind.SERVICE, service.key, service.uid, f"{what}Denied", sentence, warning=True)
    )
    keys = {"service": str(service.key)}
    out.transitions.append(Transition(f"{what.lower()} denied", sentence, keys, warning=True))

"""One resource of the API as facts: list, then watch from there, for ever.

1. Nothing is watched without the resourceVersion of a list or of a later event.
2. A list is consistent (no resourceVersion asked for), and becomes a fact when its last page is in:
   until then, and through every failure, what was known stays in force.
3. A watch that its server ended in order is resumed from the last version seen; 410 leads to a
   fresh list, never to a gap. So does a connection that broke off, was silent or refused: the
   server may be back by now with a store that was restored to an older state, in which a watch from
   a later version hears nothing, and nobody tells.
4. An object that cannot be read keeps its last good version in force, and is reported once.
5. A custom resource that is not installed is an empty list, asked for again every few seconds.
   Where it had objects before, two answers in a row must say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from enum import Enum
from math import inf

import structlog

from l2announcer.core.facts import Fact, Gone, Listed, Object, Seen
from l2announcer.core.model import Key, newer
from l2announcer.kube import errors
from l2announcer.kube.client import Client
from l2announcer.kube.decode import Problem
from l2announcer.kube.envelopes import Change, WatchEvent, event
from l2announcer.kube.lists import read_all
from l2announcer.kube.pace import Backoff, Pace
from l2announcer.kube.resources import Resource

log = structlog.get_logger(__name__)


class State(Enum):
    """Where a reflector is."""

    LISTING = "listing"
    WATCHING = "watching"
    WAITING = "waiting"  # after a failure, before the next attempt
    ABSENT = "absent"  # the server does not know the resource: its CRD is not installed


BUSY = 429  # it's there, and asks for patience
SHORT_WATCH_SECONDS = 1.0  # one that ends sooner, without an event, counts as a failure


class Reflector:
    """Turns one resource into Listed, Seen and Gone facts.

    `listed` is true once the kind was listed, or found absent. `last_confirmed_at` (on the scale of
    `now`) is when a list, an event or a bookmark last showed that this view is current. `problem`
    says why it is not read right now, or is empty; `brief` is that without where the API server is
    and who we are to it. `problems` are the objects that cannot be read. `group_version` is the one
    that is served.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        post: Callable[[Fact], None],
        now: Callable[[], float],
        chance: Callable[[], float],
        pace: Pace,
    ) -> None:
        self.resource = resource
        self.state = State.LISTING
        self.listed = False
        self.last_confirmed_at = -inf
        self.problem = ""
        self.brief = ""
        self.problems: dict[Key, Problem] = {}
        self.group_version = resource.group_versions[-1]
        self._client = client
        self._post = post
        self._now = now
        self._chance = chance
        self._pace = pace
        self._objects: dict[Key, Object] = {}  # the last good version of each
        self._version = ""  # where to watch from; empty: list first
        self._latest = ""  # the version of all that was read so far
        self._resuming = False  # was it watched from since it was listed?
        self._backoff = Backoff(pace, chance)
        self._delay_seconds = 0.0
        self._absences = 0

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self.step()

    async def step(self) -> None:
        """Do what the state says, and go to the next state."""
        match self.state:
            case State.LISTING:
                self.state = await self._list()
            case State.WATCHING:
                self.state = await self._watch()
            case State.WAITING:
                await asyncio.sleep(self._delay_seconds)
                self.state = State.WATCHING if self._version else State.LISTING
            case State.ABSENT:
                await asyncio.sleep(self._pace.absent_seconds)
                self.state = State.LISTING

    async def _list(self) -> State:
        began_at = self._now()
        try:
            version, found = await self._read()
        except errors.Missing as error:
            return self._absent() if self.resource.custom else self._failed("list", error)
        except (errors.ApiError, *errors.MALFORMED) as error:
            return self._failed("list", error)
        self.last_confirmed_at = max(self.last_confirmed_at, began_at)
        self._reads_again()
        self._absences = 0
        restored = self._went_back(version, found)
        if restored:
            log.warning(
                "the API server's store went back to an older state; what it says now counts",
                kind=self.resource.plural,
            )
        self._version = self._latest = version
        self._resuming = False
        self._sort(found, restored=restored)
        return State.WATCHING

    def _went_back(self, version: str, found: dict[Key, Object | Problem]) -> bool:
        """Is a list older than what was known, as a whole or in one object?"""
        if self._latest and newer(self._latest, version):
            return True
        return any(
            not isinstance(decoded, Problem)
            and (known := self._objects.get(key)) is not None
            and newer(known.resource_version, decoded.resource_version)
            for key, decoded in found.items()
        )

    def _sort(self, found: dict[Key, Object | Problem], *, restored: bool) -> None:
        """Rule 4 for a whole list. What was known of another history says nothing."""
        good: dict[Key, Object] = {}
        bad: dict[Key, Problem] = {}
        for key, decoded in found.items():
            if not isinstance(decoded, Problem):
                good[key] = decoded
                continue
            self._report(decoded)
            bad[key] = decoded
            if key in self._objects and not restored:
                good[key] = self._objects[key]
        self.problems = bad
        self._replace(good, self._version, restored=restored)

    async def _read(self) -> tuple[str, dict[Key, Object | Problem]]:
        """The whole list, at the preferred version among those that are served."""
        *preferred, last = self.resource.group_versions
        for group_version in preferred:
            try:
                read = await read_all(self._client, self.resource, group_version, self._pace)
            except errors.Missing:
                continue
            self.group_version = group_version
            return read
        self.group_version = last
        return await read_all(self._client, self.resource, last, self._pace)

    async def _watch(self) -> State:
        pace, began_at = self._pace, self._now()
        resuming, self._resuming = self._resuming, True
        query = {
            **self.resource.query,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            # Spread, so that what started at one moment does not come back at one moment.
            "timeoutSeconds": str(round(pace.watch_seconds * (1 + self._chance()))),
        }
        lines = self._client.stream(
            self.resource.collection(self.group_version),
            query,
            resource=self.resource.plural,
            idle_seconds=pace.idle_seconds,
        )
        try:
            async with aclosing(lines):
                async for line in lines:
                    if not line:  # the server has accepted the watch
                        self._reads_again()
                        continue
                    self._take(event(self.resource.kind, line, prefixes=self.resource.prefixes))
                    self._backoff.reset()
        except (errors.ApiError, *errors.MALFORMED) as error:
            if resuming and isinstance(error, errors.Gone):
                # An outage is over, and a restarted server has forgotten our version. One that
                # refuses what it has just listed is spared.
                self._backoff.reset()
            if isinstance(error, errors.Unavailable) and error.code != BUSY:
                self._version = ""  # rule 3: the server was away
            return self._broken(error, began_at)
        if not self._lasted(began_at):
            return self._wait()
        self._backoff.reset()
        return State.WATCHING

    def _broken(self, error: Exception, began_at: float) -> State:
        """A watch did not begin, or did not end as it was asked to."""
        if not isinstance(error, errors.Unavailable | errors.Denied):
            self._version = ""  # gone, missing, or not understood: list afresh
        if isinstance(error, errors.Gone | errors.Missing):
            log.info("the watch has to begin afresh", kind=self.resource.plural, why=str(error))
            return self._wait()
        if self._lasted(began_at):
            self._backoff.reset()
            return self._wait()
        return self._failed("watch", error)

    def _lasted(self, began_at: float) -> bool:
        return self._now() - began_at >= SHORT_WATCH_SECONDS

    def _take(self, seen: WatchEvent) -> None:
        """Turn one event into a fact."""
        kind = self.resource.kind
        self.last_confirmed_at = self._now()
        self._version = self._latest = seen.version or self._version
        if isinstance(seen.object, Problem):
            self._report(seen.object)
            self.problems[seen.key] = seen.object
        elif seen.object is not None:
            self.problems.pop(seen.key, None)
            self._objects[seen.key] = seen.object
            self._post(Seen(kind, seen.object))
        elif seen.change is Change.DELETED:
            self.problems.pop(seen.key, None)
            if self._objects.pop(seen.key, None) is not None:
                self._post(Gone(kind, seen.key, seen.version))

    def _absent(self) -> State:
        """Rule 5."""
        kind, plural = self.resource.api_kind, self.resource.plural
        self._version = ""
        self._absences += 1
        self.last_confirmed_at = self._now()
        sentence = (
            f"the CRD {plural}.{self.group_version.partition('/')[0]} is not installed:"
            " kubectl apply -f config/crds; waiting for it"
        )
        if self.problem != sentence:
            log.warning(sentence, kind=kind)
            self.problem = sentence
        if not self.listed or (self._objects and self._absences > 1):
            self.problems = {}
            self._replace({}, "")
        return State.ABSENT

    def _replace(self, objects: dict[Key, Object], version: str, *, restored: bool = False) -> None:
        self._objects = objects
        self.listed = True
        self._post(Listed(self.resource.kind, tuple(objects.values()), version, restored))

    def _failed(self, verb: str, error: Exception) -> State:
        """Say why, once, and wait."""
        sentence = self._sentence(verb, error)
        if sentence != self.problem:
            log.warning("cannot read from the API server", kind=self.resource.plural, why=sentence)
        self.problem, self.brief = sentence, self._briefly(verb, error)
        return self._wait(getattr(error, "retry_after_seconds", 0.0))

    def _wait(self, asked_seconds: float = 0.0) -> State:
        self._delay_seconds = max(asked_seconds, self._backoff.take())
        return State.WAITING

    def _sentence(self, verb: str, error: Exception) -> str:
        """The whole, for who may know where the API server is."""
        if isinstance(error, errors.Denied):
            return f"{self._briefly(verb, error)} ({error})"
        return str(error)

    def _briefly(self, verb: str, error: Exception) -> str:
        resource = self.resource
        scope = f"in namespace {resource.namespace}" if resource.namespace else "in the cluster"
        match error:
            case errors.Denied(code=401):
                return "the API server does not accept our credentials"
            case errors.Denied():
                return (
                    f"not permitted to {verb} {resource.plural} {scope}:"
                    " kubectl apply -f config/rbac.yaml, and run under its service account"
                )
            case errors.Unavailable():
                return "the API server does not answer; the log says more"
            case _:
                return f"the API server was asked to {verb} {resource.plural}; the log says more"

    def _reads_again(self) -> None:
        if self.problem:
            log.info("reads from the API server again", kind=self.resource.plural)
        self.problem = self.brief = ""

    def _report(self, problem: Problem) -> None:
        if self.problems.get(problem.key) != problem:
            log.warning(
                "an object cannot be read; its last good version counts", why=problem.sentence
            )

"""The answer table: for each interface, what is answered there, and while whose tenure lasts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from l2announcer.core.model import Announcement, Link
from l2announcer.core.tenure import Tenure


@dataclass(frozen=True, slots=True)
class Grant:
    """This node answers for the announcement while its tenure is valid."""

    announcement: Announcement
    tenure: Tenure


class AnswerTable:
    """All grants by interface, and the addresses whose claims we want to hear of besides."""

    def __init__(
        self, grants: Iterable[Grant], watched: Iterable[Announcement], links: Iterable[Link]
    ) -> None:
        self.grants = tuple(grants)
        self.watched = tuple(watched)
        self.links = tuple(links)

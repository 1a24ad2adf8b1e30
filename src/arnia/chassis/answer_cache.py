"""Answers of other services that are kept while they are fresh, and asked after by their ETag when they are not.

A private cache in the sense of RFC 9111, of one process. What was read on behalf of a user is kept apart by their
token: nobody ever sees what another was shown.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from arnia.chassis.transports import Incoming

__all__ = ["AnswerCache", "Kept"]

OK: Final = 200
MOST_BYTES: Final = 65_536
"""A larger answer is not kept: a thousand of them are what a process may hold."""
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer and until when it is fresh, by the cache's clock."""

    answer: Incoming
    fresh_until: float

    @property
    def etag(self) -> str | None:
        """Its entity tag."""
        return self.answer.headers.get("etag")


class AnswerCache:
    """Keeps the answers that were used last."""

    def __init__(self, *, entries: int = 1_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: OrderedDict[tuple[str, str], Kept] = OrderedDict()
        self._entries = entries
        self._clock = clock

    def find(self, target: str, whose: str) -> Kept | None:
        """Return what is kept of `target`, fresh or not."""
        kept = self._kept.get((target, whose))
        if kept is not None:
            self._kept.move_to_end((target, whose))
        return kept

    def is_fresh(self, kept: Kept) -> bool:
        """Whether `kept` may be used as it is."""
        return self._clock() < kept.fresh_until

    def keep(self, target: str, whose: str, answer: Incoming, good_enough: float | None) -> None:
        """Keep a 200 that may be kept; `good_enough` seconds are the consumer's own word on its age."""
        seconds = _lifetime(answer.headers, good_enough)
        useless = seconds <= 0 and "etag" not in answer.headers
        if answer.status != OK or useless or len(answer.body) > MOST_BYTES or _forbidden(answer.headers):
            self._kept.pop((target, whose), None)
            return
        self._kept[target, whose] = Kept(answer, self._clock() + seconds)
        self._kept.move_to_end((target, whose))
        if len(self._kept) > self._entries:
            self._kept.popitem(last=False)

    def renew(self, target: str, whose: str, kept: Kept, told: Incoming, good_enough: float | None) -> Incoming:
        """Return the kept answer, which a 304 has just said is still right (RFC 9111, 4.3.4)."""
        renewed = kept.answer._replace(headers={**kept.answer.headers, **told.headers})
        self.keep(target, whose, renewed, good_enough)
        return renewed

    def drop(self, path: str) -> None:
        """Forget what is kept of `path`: it was written to (RFC 9111, 4.4)."""
        for key in [key for key in self._kept if key[0].partition("?")[0] == path]:
            del self._kept[key]


def _forbidden(headers: Mapping[str, str]) -> bool:
    return "no-store" in headers.get("cache-control", "").lower()


def _lifetime(headers: Mapping[str, str], good_enough: float | None) -> float:
    if good_enough is not None:
        return good_enough
    control = headers.get("cache-control", "").lower()
    found = _MAX_AGE.search(control)
    if found is None or "no-cache" in control:
        return 0.0
    age = headers.get("age", "0")
    return int(found.group(1)) - (int(age) if age.isascii() and age.isdigit() else 0)

"""A client that looks at deliveries through the backend for frontends: what is partial says so, and nothing fails."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from tests.ecosystem.garden import Answer
from tests.faults.asking import AGAIN, Asker
from tests.faults.books import View

__all__ = ["Viewer"]

FACES: Final = ("web", "mobile")


class Viewer:
    """Looks at views.

    Attributes:
        answers: How many there were of each kind: `whole`, `partial`, `lost`, or another status.
    """

    def __init__(self, asker: Asker, ordered: Sequence[str]) -> None:
        """Look at those of `ordered`, which grows meanwhile."""
        self.answers: Counter[str] = Counter()
        self._asker = asker
        self._ordered = ordered

    def look(self, draw: random.Random) -> None:
        """Look once at a page, or at one delivery."""
        path = f"/bff/{draw.choice(FACES)}/deliveries"
        if self._ordered and draw.random() < 0.5:
            path = f"{path}/{draw.choice(self._ordered)}"
        answer = self._asker.ask_once("GET", path, b"", {})
        if answer is None:
            self.answers["lost"] += 1
        elif answer.status == 200:
            self.answers["partial" if answer.json().get("missing") else "whole"] += 1
            if not _is_marked(answer):
                self._asker.faults.append(answer)
        else:
            self.answers[str(answer.status)] += 1
            if answer.status not in AGAIN:
                self._asker.faults.append(answer)

    def read(self, deliveries: Iterable[str]) -> list[View]:
        """Return how each of `deliveries` is shown now."""
        asked = [(face, delivery) for delivery in deliveries for face in FACES]
        return [
            _view(face, one, self._asker.ask_once("GET", f"/bff/{face}/deliveries/{one}", b"", {}))
            for face, one in asked
        ]


def _view(face: str, delivery: str, answer: Answer | None) -> View:
    shown = answer.json() if answer is not None and answer.status == 200 else {"missing": "everything"}
    return View(face, UUID(delivery), whole=not shown.get("missing"), carried=shown.get("drone") is not None)


def _is_marked(answer: Answer) -> bool:
    """Tell whether a view that lacks a part is one that nobody keeps, and a whole one is one that can be asked for."""
    kept = "etag" in answer.headers and "no-store" not in answer.headers.get("cache-control", "")
    return kept is not bool(answer.json().get("missing"))

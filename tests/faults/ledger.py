"""What a client was told, written down outside of the system: it is believed, and nothing else is."""

import json
import threading
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

__all__ = ["Batch", "Change", "Kind", "Ledger", "Outcome", "read_batches", "read_ledger"]


class Kind(StrEnum):
    """What is changed."""

    CREATE = "create"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What the client knows of a change."""

    OK = "ok"
    FAIL = "fail"
    """It was refused: it has no effect."""
    UNKNOWN = "unknown"
    """It was asked for, and nobody said what came of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change that a client asked for, however often it had to ask.

    Attributes:
        mark: What the client wrote into it, and into nothing else: by it the effects are found.
        kind: What it changes.
        outcome: What the client was told.
        delivery: Which one; empty where a create was never answered.
    """

    mark: str
    kind: Kind
    outcome: Outcome
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Positions that a client sent at once, however often it had to.

    Attributes:
        number: What each of them carries, and nothing else: by it they are found.
        positions: How many they are.
        outcome: What the client was told.
    """

    number: int
    positions: int
    outcome: Outcome


class Ledger:
    """A file to which every question and every answer is appended at once, by any thread.

    Attributes:
        acknowledged: How many changes were.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.acknowledged = 0

    def invoke(self, mark: str, kind: Kind) -> None:
        """Note that a change is about to be asked for."""
        self._write({"phase": "invoke", "mark": mark, "kind": kind})

    def end(self, change: Change) -> None:
        """Note what came of it."""
        self._write({"phase": "end", **asdict(change)})
        with self._lock:
            self.acknowledged += change.outcome is Outcome.OK

    def send(self, number: int, positions: int) -> None:
        """Note that positions are about to be sent."""
        self._write({"phase": "send", "number": number, "positions": positions})

    def sent(self, batch: Batch) -> None:
        """Note what came of them."""
        self._write({"phase": "sent", **asdict(batch)})

    def note(self, **what: object) -> None:
        """Note something that is no change: a fault, for whoever reads the file."""
        self._write({"phase": "note", **what})

    def close(self) -> None:
        """Write nothing more."""
        self._file.close()

    def _write(self, line: dict[str, object]) -> None:
        with self._lock:
            self._file.write(json.dumps({"at": round(time.monotonic() - self._begun, 3), **line}) + "\n")


def read_ledger(path: Path) -> list[Change]:
    """Return every change that was asked for; one whose end is not written is unknown."""
    found: dict[str, Change] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        match line:
            case {"phase": "invoke", "mark": mark, "kind": kind}:
                found[mark] = Change(mark, Kind(kind), Outcome.UNKNOWN)
            case {"phase": "end", "mark": mark, "kind": kind, "outcome": outcome, "delivery": delivery}:
                found[mark] = Change(mark, Kind(kind), Outcome(outcome), delivery)
            case _:
                pass
    return list(found.values())


def read_batches(path: Path) -> list[Batch]:
    """Return all positions that were sent; of those whose end is not written nobody knows."""
    found: dict[int, Batch] = {}
    for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        match line:
            case {"phase": "send", "number": number, "positions": positions}:
                found[number] = Batch(number, positions, Outcome.UNKNOWN)
            case {"phase": "sent", "number": number, "positions": positions, "outcome": outcome}:
                found[number] = Batch(number, positions, Outcome(outcome))
            case _:
                pass
    return list(found.values())

"""The clients of the fault run are judged: what they may be answered passes, and what nobody may get is kept."""

import json
import random
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.ecosystem.garden import Answer
from tests.faults.asking import Asker
from tests.faults.flights import FEW, Flights
from tests.faults.ledger import Batch, Ledger, Outcome, read_batches
from tests.faults.views import Viewer
from typing_extensions import override

KEPT = {"etag": '"a"', "cache-control": "private, no-cache"}
UNKEPT = {"cache-control": "no-store"}
WHOLE, PARTIAL = b"{}", b'{"missing": ["drone"]}'


class Answered(Asker):
    """A client that is answered what a test gives; None is a lost connection."""

    def __init__(self, *answers: Answer | None) -> None:
        super().__init__(0, str)
        self._answers = iter(answers)

    @override
    def ask_once(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer | None:
        """Return the next answer."""
        return next(self._answers)


@pytest.mark.parametrize(
    ("answer", "kind", "wrong"),
    [
        (Answer(200, KEPT, WHOLE), "whole", False),
        (Answer(200, UNKEPT, PARTIAL), "partial", False),
        (Answer(200, KEPT, PARTIAL), "partial", True),
        (Answer(200, UNKEPT, WHOLE), "whole", True),
        (Answer(503, {}, b""), "503", False),
        (Answer(500, {}, b""), "500", True),
        (Answer(404, {}, b""), "404", True),
        (None, "lost", False),
    ],
)
def test_a_view_is_whole_or_says_that_it_is_not(answer: Answer | None, kind: str, wrong: bool) -> None:  # noqa: FBT001 - one of a table
    """A view may lack a part, and then nobody keeps it; no failure is answered but that somebody is away."""
    asker = Answered(answer)
    viewer = Viewer(asker, [])
    viewer.look(random.Random(1))  # noqa: S311 - the same at each run, no secret
    assert (dict(viewer.answers), bool(asker.faults)) == ({kind: 1}, wrong)


def taken(count: int) -> Answer:
    """Return the answer to so many positions."""
    return Answer(202, {}, json.dumps({"accepted": count}).encode())


@pytest.mark.parametrize(
    ("answers", "outcome", "wrong"),
    [
        ((taken(FEW),), Outcome.OK, False),
        ((None, taken(FEW)), Outcome.OK, False),
        ((Answer(503, {}, b""), taken(FEW)), Outcome.OK, False),
        ((taken(FEW - 1),), Outcome.UNKNOWN, True),
        ((Answer(422, {}, b""),), Outcome.FAIL, True),
        ((None, Answer(422, {}, b"")), Outcome.UNKNOWN, True),
        ((Answer(500, {}, b""),), Outcome.UNKNOWN, True),
    ],
)
def test_positions_count_when_all_are_taken(
    answers: tuple[Answer | None, ...],
    outcome: Outcome,
    wrong: bool,  # noqa: FBT001 - one of a table
    tmp_path: Path,
) -> None:
    """A batch is sent again until it is answered, and acknowledged when all of it is taken; no refusal is right."""
    path = tmp_path / "ledger.jsonl"
    ledger, asker = Ledger(path), Answered(*answers)
    Flights(asker, ledger).send(random.Random(1))  # noqa: S311 - the same at each run, no secret
    ledger.close()
    assert (read_batches(path), bool(asker.faults)) == ([Batch(1, FEW, outcome)], wrong)

"""Readiness: whether requests should come here."""

from dataclasses import dataclass
from typing import cast

import orjson
import pytest
from starlette.requests import Request
from tests.unit.chassis_http.sample_service import Settings

from arnia.chassis.context import Runtime
from arnia.chassis.database import Database
from arnia.chassis.health import Health
from arnia.errors import Unavailable

REQUEST = Request({"type": "http", "headers": []})


@dataclass
class Stand:
    """A database as readiness sees it."""

    answers: bool
    waiting: int = 0

    async def ping(self) -> None:
        """Answer, or not."""
        if not self.answers:
            raise Unavailable


def runtime(database: Stand | None, *, started: bool = True, draining: bool = False) -> Runtime:
    """Return a process in some state."""
    given = None if database is None else cast("Database", database)
    settings = Settings.model_validate({"port": 1})
    made = Runtime(service="sample", version="1", settings=settings, database=given)
    made.started, made.draining = started, draining
    return made


@pytest.mark.parametrize(
    ("database", "told"),
    [
        (None, {}),
        (Stand(answers=True), {"database": "answers"}),
        (Stand(answers=False, waiting=3), {"database": "busy"}),
    ],
)
async def test_ready_with_what_it_depends_on(database: Stand | None, told: dict[str, str]) -> None:
    """Ready without dependencies, with one that answers, and with one that is busy with our own requests."""
    answer = await Health(runtime(database)).ready(REQUEST)
    assert orjson.loads(answer.body)["dependencies"] == told


@pytest.mark.parametrize(
    "process",
    [
        runtime(Stand(answers=False)),
        runtime(Stand(answers=True), draining=True),
        runtime(None, started=False),
    ],
)
async def test_not_ready_without_it_while_stopping_and_before_the_start(process: Runtime) -> None:
    """Not ready when the database does not answer, while draining, and before the start is over."""
    with pytest.raises(Unavailable):
        await Health(process).ready(REQUEST)

"""One suite for whatever keeps assignments: the dictionary and PostgreSQL pass the same tests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest

from arnia.chassis.database import Database
from arnia.chassis.session import Session
from arnia.chassis.uuids import uuid7
from arnia.testing.repositories import Repository, RepositoryConformance, UnitOfWork, remembered, transactional
from scheduler.models.assignments import Assignment, Status
from scheduler.repositories.assignments import Filters, Place, Sort
from scheduler.repositories.memory import MemoryAssignments
from scheduler.repositories.sql import SqlAssignments

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)


class Assignments(RepositoryConformance[Assignment]):
    """What the suite of repositories has to know about assignments."""

    test_remove = None  # type: ignore[assignment]  # the row of an assignment stays: it names the last reservation

    def make(self, serial: int) -> Assignment:
        """Return a new assignment; several share a moment, and each is as far as another."""
        made = Assignment.request(uuid7(), 1000 + serial, uuid4(), NOW + timedelta(seconds=serial // 3))
        steps = (made, made.grant(uuid4(), NOW), made.refuse("scheduler-no-drone-fits", NOW), made.release(NOW))
        return steps[serial % 4]

    def change(self, entity: Assignment) -> Assignment:
        """Return the assignment as it is requested anew."""
        return entity.again(entity.weight_grams + 1, uuid4(), LATER)

    def identity(self, entity: Assignment) -> UUID:
        """Return its identity."""
        return entity.id

    def place(self, entity: Assignment, sort: Sort) -> Place:
        """Return where it stands."""
        return Place.of(entity)

    def sorts(self) -> Mapping[Sort, Callable[[Assignment], object]]:
        """Return every order."""
        return dict.fromkeys(Sort, lambda one: (one.created_at, one.id))

    def filters(self) -> Sequence[tuple[Filters, Callable[[Assignment], bool]]]:
        """Return no filter, and each state."""
        return [
            (Filters(), lambda one: True),
            (Filters(status=Status.RESERVED), lambda one: one.status is Status.RESERVED),
            (Filters(status=Status.RELEASED), lambda one: False),
        ]

    async def test_what_is_released_is_listed_only_by_name(self, unit: UnitOfWork) -> None:
        """A listing without filter shows none that was released; it can be asked for."""
        gone = self.make(0).release(NOW).released(LATER)
        async with unit() as repository:
            await repository.add(gone)
        async with unit() as repository:
            assert gone not in await repository.find(Filters(), Sort.CREATED_AT, None, 1000)
            assert gone in await repository.find(Filters(status=Status.RELEASED), Sort.CREATED_AT, None, 1000)


class TestMemoryAssignments(Assignments):
    """The dictionary."""

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Open the dictionary."""
        return remembered(cast("Repository[Assignment]", MemoryAssignments()))


class TestSqlAssignments(Assignments):
    """PostgreSQL."""

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Open a transaction."""
        return transactional(database, cast("Callable[[Session], Repository[Assignment]]", SqlAssignments))

"""One suite for whatever keeps assignments: the dictionary and PostgreSQL pass the same tests."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, cast
from uuid import UUID, uuid4

import pytest

from arnia.chassis.database import Database
from arnia.chassis.session import Session
from arnia.chassis.traces import Trace, continue_trace
from arnia.chassis.uuids import uuid7
from arnia.testing.repositories import Repository, RepositoryConformance, UnitOfWork, remembered, transactional
from scheduler.models.assignments import Assignment, Status
from scheduler.repositories.assignments import AssignmentRepository, Filters, Place, Sort
from scheduler.repositories.memory import MemoryAssignments
from scheduler.repositories.sql import SqlAssignments

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)

Traced: TypeAlias = Callable[[Trace | None], AbstractAsyncContextManager[AssignmentRepository]]
"""Opens a unit of work somewhere in a trace, or in none."""


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

    async def test_a_claim_is_in_the_trace_of_what_is_claimed(self, traced: Traced) -> None:
        """Whoever goes on does so below whoever wanted it last, with the same flags and state; or nobody told."""
        untold, wanted = self.make(0), self.make(4)
        first, last = (continue_trace(b"00-%032x-%016x-01" % (n, n), b"vendor=%d" % n) for n in (7, 8))
        async with traced(None) as repository:
            await repository.add(untold)
        async with traced(first) as repository:
            await repository.add(wanted)
            claims = [one.trace for one in await repository.claim(1000, 0.0) if one.assignment == wanted]
        async with traced(last) as repository:
            await repository.save(self.change(wanted))
        async with traced(None) as repository:
            found = {one.assignment.id: one.trace for one in await repository.claim(1000, 0.0)}
        assert found[untold.id] is None
        for below, above in ((claims[0], first), (found[wanted.id], last)):
            assert below is not None
            assert (below.trace_id, below.parent_id, below.flags) == (above.trace_id, above.span_id, above.flags)
            assert (below.span_id != above.span_id, below.tracestate) == (True, above.tracestate)


class TestMemoryAssignments(Assignments):
    """The dictionary."""

    @pytest.fixture
    def traced(self) -> Traced:
        """Open the dictionary somewhere in a trace."""
        kept = MemoryAssignments()

        @asynccontextmanager
        async def unit(trace: Trace | None) -> AsyncIterator[AssignmentRepository]:
            kept.trace = trace
            yield kept

        return unit

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Open the dictionary."""
        return remembered(cast("Repository[Assignment]", MemoryAssignments()))


class TestSqlAssignments(Assignments):
    """PostgreSQL."""

    @pytest.fixture
    def traced(self, database: Database) -> Traced:
        """Open a transaction somewhere in a trace."""

        @asynccontextmanager
        async def unit(trace: Trace | None) -> AsyncIterator[AssignmentRepository]:
            async with database.session(read_only=False, trace=trace) as session:
                yield SqlAssignments(session)

        return unit

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Open a transaction."""
        return transactional(database, cast("Callable[[Session], Repository[Assignment]]", SqlAssignments))

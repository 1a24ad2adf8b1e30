"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from arnia.chassis.preconditions import Precondition, row_etag
from arnia.chassis.transactions import CurrentTransactions
from arnia.errors import InvalidContent, Violation
from scheduler.models.assignments import Assignment
from scheduler.repositories.assignments import Work
from scheduler.repositories.drones import DroneClient, RemoteFleet
from scheduler.repositories.fleet import Fleet
from scheduler.repositories.sql import SqlAssignments
from scheduler.services.assignments import AssignmentService, Guard


async def fleet(drones: Annotated[DroneClient, Depends(DroneClient.current)]) -> Fleet:
    """Return the fleet, asked with the deadline and in the trace of this request."""
    return RemoteFleet(drones)


async def assignment_service(
    transactions: CurrentTransactions, fleet: Annotated[Fleet, Depends(fleet)]
) -> AssignmentService:
    """Return the use cases, each step of which is a transaction of its own."""

    @asynccontextmanager
    async def unit() -> AsyncIterator[Work]:
        async with transactions() as session:
            yield Work(SqlAssignments(session), session)

    return AssignmentService(unit, fleet)


async def guard(precondition: Precondition) -> Guard:
    """Return what holds the present assignment against the entity tags that the caller sent."""
    return lambda assignment: precondition.check(None if assignment is None else etag(assignment))


Assignments = Annotated[AssignmentService, Depends(assignment_service)]
CurrentGuard = Annotated[Guard, Depends(guard)]


def etag(assignment: Assignment) -> str:
    """Return the entity tag of an assignment."""
    return row_etag(assignment.version, assignment.created_at)


def require_same_identity(in_url: UUID, in_body: UUID | None) -> None:
    """Refuse a body that speaks of another delivery than its URL.

    Raises:
        InvalidContent: It does.
    """
    if in_body not in {None, in_url}:
        detail = "The identity in the body differs from the one in the URL."
        raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])

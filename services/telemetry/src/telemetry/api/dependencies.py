"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from arnia.chassis.context import CurrentSession, current
from arnia.errors import InternalError
from telemetry.repositories.archive import SqlArchive
from telemetry.repositories.positions import Aggregates, Archive
from telemetry.repositories.sql import SqlAggregates


async def aggregates(session: CurrentSession) -> Aggregates:
    """Return what positions add up to, as this request sees them."""
    return SqlAggregates(session)


async def archive(request: Request) -> Archive:
    """Return all positions, in sessions of their own: an export goes on after its request was answered."""
    database = current(request).runtime.database
    if database is None:
        detail = "This service has no database."
        raise InternalError(detail)
    return SqlArchive(database)


CurrentAggregates = Annotated[Aggregates, Depends(aggregates)]
CurrentArchive = Annotated[Archive, Depends(archive)]

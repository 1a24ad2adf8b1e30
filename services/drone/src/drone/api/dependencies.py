"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from arnia.chassis.context import CurrentSession, current
from arnia.chassis.preconditions import Precondition, row_etag
from arnia.errors import InvalidContent, Violation
from drone.config import Settings
from drone.models.drones import Drone
from drone.models.reservations import Reservation
from drone.repositories.sql import SqlDrones
from drone.repositories.sql_reservations import SqlReservations
from drone.services.drones import DroneService, Guard
from drone.services.reservations import REMEMBERED, ReservationService
from drone.services.reservations import Guard as ReservationGuard


async def drone_service(session: CurrentSession) -> DroneService:
    """Return the use cases of the fleet, within the transaction of this request."""
    return DroneService(SqlDrones(session), session)


async def reservation_service(request: Request, session: CurrentSession) -> ReservationService:
    """Return the use cases of reservations, within the transaction of this request."""
    settings = current(request).runtime.settings
    remembered = timedelta(days=settings.release_keep_days) if isinstance(settings, Settings) else REMEMBERED
    return ReservationService(SqlReservations(session), session, remembered=remembered)


async def guard(precondition: Precondition) -> Guard:
    """Return what holds the present state of a drone against the entity tags that the caller sent."""
    return lambda drone: precondition.check(None if drone is None else etag(drone))


async def reservation_guard(precondition: Precondition) -> ReservationGuard:
    """Return what holds a reservation against the entity tags that the caller sent."""
    return lambda reservation: precondition.check(None if reservation is None else etag(reservation))


Drones = Annotated[DroneService, Depends(drone_service)]
Reservations = Annotated[ReservationService, Depends(reservation_service)]
CurrentGuard = Annotated[Guard, Depends(guard)]
CurrentReservationGuard = Annotated[ReservationGuard, Depends(reservation_guard)]


def etag(state: Drone | Reservation) -> str:
    """Return the entity tag of a drone and of each of its parts, which change together, or of a reservation."""
    return row_etag(state.version, state.created_at)


def require_same_identity(in_url: UUID, in_body: UUID | None) -> None:
    """Refuse a body that speaks of another resource than its URL.

    Raises:
        InvalidContent: It does.
    """
    if in_body not in {None, in_url}:
        detail = "The identity in the body differs from the one in the URL."
        raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])

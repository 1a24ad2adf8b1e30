"""`/api/v1/drone-reservations`: a backend API, for the scheduler. No declaration exposes it at the edge."""

from typing import Any, Final
from uuid import UUID

from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from arnia.chassis.uuids import uuid7
from drone.api.dependencies import CurrentReservationGuard, Reservations, etag, require_same_identity
from drone.api.links import VERSION, reservation_links, reservation_location
from drone.models.reservations import Reservation
from drone.schemas.reservations import ReservationBody, ReservationReplacement, ReservationView

router = Router(
    version=VERSION,
    prefix="/drone-reservations",
    tags=["reservations"],
    dependencies=[allow("reservations:write")],
)

GRANTED_BEFORE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": ReservationView, "description": "Granted before; nothing was taken again."}
}


def granted(reservation: Reservation) -> Reply[ReservationView]:
    """Answer that a reservation now exists."""
    return created(view(reservation), location=reservation_location(reservation.id), etag=etag(reservation))


def view(reservation: Reservation) -> ReservationView:
    """Show a reservation."""
    return ReservationView.of(reservation, reservation_links(reservation))


@router.post("")
async def create_reservation(
    body: ReservationBody, reservations: Reservations, guard: CurrentReservationGuard
) -> Reply[ReservationView]:
    """Reserve a part of whichever drone fits best; a delivery has one reservation at most."""
    grant = await reservations.reserve(body.wish(uuid7()), guard)
    return granted(grant.reservation)


@router.get("/{reservation_id}")
async def read_reservation(reservation_id: UUID, reservations: Reservations) -> Reply[ReservationView]:
    """Read a reservation, and which drone was chosen."""
    reservation = await reservations.get(reservation_id)
    return ok(view(reservation), etag=etag(reservation))


@router.put("/{reservation_id}", responses=GRANTED_BEFORE)
async def put_reservation(
    reservation_id: UUID, body: ReservationReplacement, reservations: Reservations, guard: CurrentReservationGuard
) -> Reply[ReservationView]:
    """Reserve under an identity of the caller's own: asked again, the same promise is the answer."""
    require_same_identity(reservation_id, body.id)
    grant = await reservations.reserve(body.wish(reservation_id), guard)
    if grant.new:
        return granted(grant.reservation)
    return ok(view(grant.reservation), etag=etag(grant.reservation))


@router.delete("/{reservation_id}")
async def delete_reservation(
    reservation_id: UUID, reservations: Reservations, guard: CurrentReservationGuard
) -> Reply[None]:
    """Give the reserved part of the drone back."""
    await reservations.release(reservation_id, guard)
    return no_content()

"""`/deliveries/{id}/...`: the parts of a delivery that look the same in every version, and the steps they stand for.

Putting a part that did not exist is a step forward (201); putting it again, alike, changes nothing (204).
"""

from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request

from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from delivery.api.dependencies import CurrentGuard, Deliveries, PartGuard, etag
from delivery.models.deliveries import Delivery
from delivery.models.errors import NotYet
from delivery.models.parts import Assignment, Cancellation, Confirmation, Departure
from delivery.schemas.parts import (
    AssignmentBody,
    AssignmentView,
    CancellationBody,
    CancellationView,
    ConfirmationBody,
    ConfirmationView,
    DepartureView,
    Schedule,
)
from delivery.services.deliveries import Guard

AssignmentGuard = Annotated[Guard, Depends(PartGuard("assignment"))]
DepartureGuard = Annotated[Guard, Depends(PartGuard("departure"))]
ConfirmationGuard = Annotated[Guard, Depends(PartGuard("confirmation"))]
CancellationGuard = Annotated[Guard, Depends(PartGuard("cancellation"))]

V = TypeVar("V", bound=BaseModel)
P = TypeVar("P", Assignment, Departure, Confirmation, Cancellation)


def existing(part: P | None) -> P:
    """Return `part`.

    Raises:
        NotYet: It does not exist.
    """
    if part is None:
        raise NotYet
    return part


def put(view: V, request: Request, delivery: Delivery, *, new: bool) -> Reply[V]:
    """Answer the PUT of a part: 201 when it is `new`, else 204."""
    if new:
        return created(view, location=request.url.path, etag=etag(delivery))
    return no_content(etag=etag(delivery))


async def read_schedule(delivery_id: UUID, deliveries: Deliveries) -> Reply[Schedule]:
    """Read when the delivery takes place."""
    delivery = await deliveries.get(delivery_id)
    return ok(Schedule.of(delivery.order.schedule), etag=etag(delivery))


async def put_schedule(delivery_id: UUID, body: Schedule, deliveries: Deliveries, guard: CurrentGuard) -> Reply[None]:
    """Deliver at another time."""
    change = await deliveries.reschedule(delivery_id, body.schedule(), guard)
    return no_content(etag=etag(change.after))


async def read_assignment(delivery_id: UUID, deliveries: Deliveries) -> Reply[AssignmentView]:
    """Read which drone flies."""
    delivery = await deliveries.get(delivery_id)
    return ok(AssignmentView.of(existing(delivery.assignment)), etag=etag(delivery))


async def put_assignment(
    delivery_id: UUID, body: AssignmentBody, deliveries: Deliveries, guard: AssignmentGuard, request: Request
) -> Reply[AssignmentView]:
    """Give the delivery to a drone, which schedules it."""
    change = await deliveries.assign(delivery_id, body.drone_id, guard)
    view = AssignmentView.of(existing(change.after.assignment))
    return put(view, request, change.after, new=not change.before.assignment)


async def read_departure(delivery_id: UUID, deliveries: Deliveries) -> Reply[DepartureView]:
    """Read when the drone left."""
    delivery = await deliveries.get(delivery_id)
    return ok(DepartureView.of(existing(delivery.departure)), etag=etag(delivery))


async def put_departure(
    delivery_id: UUID, deliveries: Deliveries, guard: DepartureGuard, request: Request
) -> Reply[DepartureView]:
    """Send the drone off, which puts the delivery in transit."""
    change = await deliveries.depart(delivery_id, guard)
    view = DepartureView.of(existing(change.after.departure))
    return put(view, request, change.after, new=not change.before.departure)


async def read_confirmation(delivery_id: UUID, deliveries: Deliveries) -> Reply[ConfirmationView]:
    """Read who received the items."""
    delivery = await deliveries.get(delivery_id)
    return ok(ConfirmationView.of(existing(delivery.confirmation)), etag=etag(delivery))


async def put_confirmation(
    delivery_id: UUID, body: ConfirmationBody, deliveries: Deliveries, guard: ConfirmationGuard, request: Request
) -> Reply[ConfirmationView]:
    """Record who received the items, which completes the delivery."""
    change = await deliveries.confirm(delivery_id, body.received_by, guard)
    view = ConfirmationView.of(existing(change.after.confirmation))
    return put(view, request, change.after, new=not change.before.confirmation)


async def read_cancellation(delivery_id: UUID, deliveries: Deliveries) -> Reply[CancellationView]:
    """Read why the delivery was given up."""
    delivery = await deliveries.get(delivery_id)
    return ok(CancellationView.of(existing(delivery.cancellation)), etag=etag(delivery))


async def put_cancellation(
    delivery_id: UUID, body: CancellationBody, deliveries: Deliveries, guard: CancellationGuard, request: Request
) -> Reply[CancellationView]:
    """Give the delivery up."""
    change = await deliveries.cancel(delivery_id, body.reason, guard)
    view = CancellationView.of(existing(change.after.cancellation))
    return put(view, request, change.after, new=not change.before.cancellation)


def parts_router(version: int) -> Router:
    """Return the routes of the parts, for one version of the API."""
    write = [allow("deliveries:write")]
    # What the fleet does, and what is proof of it, is not for the customer who ordered to say.
    fly = [allow("deliveries:write", roles=["operator"])]
    router = Router(
        version=version,
        prefix="/deliveries/{delivery_id}",
        tags=["deliveries"],
        dependencies=[allow("deliveries:read")],
    )
    router.get("/schedule")(read_schedule)
    router.put("/schedule", status_code=204, dependencies=write)(put_schedule)
    router.get("/assignment")(read_assignment)
    router.put("/assignment", dependencies=fly)(put_assignment)
    router.get("/departure")(read_departure)
    router.put("/departure", dependencies=fly)(put_departure)
    router.get("/confirmation")(read_confirmation)
    router.put("/confirmation", dependencies=fly)(put_confirmation)
    router.get("/cancellation")(read_cancellation)
    router.put("/cancellation", dependencies=write)(put_cancellation)
    return router


PARTS: Final = (parts_router(2), parts_router(1))

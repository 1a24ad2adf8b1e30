"""`/api/v1/deliveries`: as version 2, in the shape that older clients know; goes away with its sunset."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Query

from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.patches import Patch
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from delivery.api import pages
from delivery.api.dependencies import CurrentGuard, Deliveries, etag, require_same_identity
from delivery.api.links import links, location
from delivery.models.deliveries import Delivery
from delivery.schemas.deliveries_v1 import (
    DeliveryBodyV1,
    DeliveryPageV1,
    DeliveryReplacementV1,
    DeliveryViewV1,
    LocationV1,
)
from delivery.schemas.queries import DeliveryQuery

VERSION: Final = 1

router = Router(version=VERSION, prefix="/deliveries", tags=["deliveries"], dependencies=[allow("deliveries:read")])


def view(delivery: Delivery) -> DeliveryViewV1:
    """Show a delivery as this version does."""
    return DeliveryViewV1.of(delivery, links(VERSION, delivery))


@router.get("")
async def list_deliveries(
    query: Annotated[DeliveryQuery, Query()], deliveries: Deliveries, cursors: CurrentCursors
) -> Reply[DeliveryPageV1]:
    """List deliveries, a page at a time."""
    page = await pages.find(query, deliveries, cursors)
    return ok(DeliveryPageV1(items=[view(delivery) for delivery in page.deliveries], links=page.links))


@router.post("", dependencies=[allow("deliveries:write")])
async def create_delivery(body: DeliveryBodyV1, deliveries: Deliveries) -> Reply[DeliveryViewV1]:
    """Order a delivery: each time a new one."""
    delivery = await deliveries.create(body.order())
    return created(view(delivery), location=location(VERSION, delivery.id), etag=etag(delivery))


@router.get("/{delivery_id}")
async def read_delivery(delivery_id: UUID, deliveries: Deliveries) -> Reply[DeliveryViewV1]:
    """Read a delivery, and what can be done with it now."""
    delivery = await deliveries.get(delivery_id)
    return ok(view(delivery), etag=etag(delivery))


@router.put("/{delivery_id}", dependencies=[allow("deliveries:write")])
async def put_delivery(
    delivery_id: UUID, body: DeliveryReplacementV1, deliveries: Deliveries, guard: CurrentGuard
) -> Reply[DeliveryViewV1]:
    """Create the delivery with this identity, or replace what was ordered."""
    require_same_identity(delivery_id, body.id)
    change = await deliveries.put(delivery_id, body.order(), guard)
    if change.before is None:
        return created(view(change.after), location=location(VERSION, delivery_id), etag=etag(change.after))
    return no_content(etag=etag(change.after))


@router.patch("/{delivery_id}", dependencies=[allow("deliveries:write")])
async def patch_delivery(
    delivery_id: UUID, patch: Patch[DeliveryBodyV1], deliveries: Deliveries, guard: CurrentGuard
) -> Reply[DeliveryViewV1]:
    """Change some of what was ordered."""
    change = await deliveries.edit(delivery_id, lambda order: patch.apply(DeliveryBodyV1.of(order)).order(), guard)
    return ok(view(change.after), etag=etag(change.after))


@router.delete("/{delivery_id}", dependencies=[allow("deliveries:write")])
async def delete_delivery(delivery_id: UUID, deliveries: Deliveries, guard: CurrentGuard) -> Reply[None]:
    """Forget a delivery."""
    await deliveries.remove(delivery_id, guard)
    return no_content()


@router.get("/{delivery_id}/dropoff")
async def read_dropoff(delivery_id: UUID, deliveries: Deliveries) -> Reply[LocationV1]:
    """Read where the delivery goes."""
    delivery = await deliveries.get(delivery_id)
    return ok(LocationV1.of(delivery.order.dropoff), etag=etag(delivery))


@router.put("/{delivery_id}/dropoff", status_code=204, dependencies=[allow("deliveries:write")])
async def put_dropoff(delivery_id: UUID, body: LocationV1, deliveries: Deliveries, guard: CurrentGuard) -> Reply[None]:
    """Deliver somewhere else."""
    change = await deliveries.redirect(delivery_id, body.location(), guard)
    return no_content(etag=etag(change.after))

"""`/api/v1/drones`: the fleet, its members and their parts."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis import cursors
from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.links import Link
from arnia.chassis.patches import Patch
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from drone.api.dependencies import CurrentGuard, Drones, etag, require_same_identity
from drone.api.links import DRONES, VERSION, drone_links, drone_location
from drone.models.drones import Drone
from drone.repositories.drones import Place, Sort
from drone.schemas.drones import DroneBody, DronePage, DroneQuery, DroneReplacement, DroneView, Position, StatusBody

router = Router(version=VERSION, prefix="/drones", tags=["drones"], dependencies=[allow("drones:read")])
manage = allow("drones:write", roles=["operator"])


def view(drone: Drone) -> DroneView:
    """Show a drone."""
    return DroneView.of(drone, drone_links(drone))


@router.get("")
async def list_drones(query: Annotated[DroneQuery, Query()], drones: Drones, pages: CurrentCursors) -> Reply[DronePage]:
    """List drones, a page at a time."""
    after = read_place(pages.position(query), query.sort)
    # One more than asked for: whether it exists tells whether there is a next page.
    found = await drones.find(query.filters(), query.sort, after, query.limit + 1)
    shown = found[: query.limit]
    following = write_place(Place.of(shown[-1], query.sort)) if len(found) > query.limit else None
    links = {**pages.links(query, following), "create": Link(href=DRONES, method="POST")}
    carried = await drones.carriers(query.deliveries or ())
    items = tuple(DroneView.of(drone, drone_links(drone), carried.get(drone.id, ())) for drone in shown)
    return ok(DronePage(items=items, links=links))


@router.post("", dependencies=[manage])
async def create_drone(body: DroneBody, drones: Drones) -> Reply[DroneView]:
    """Take a drone into the fleet: each time a new one."""
    drone = await drones.create(body.specification())
    return created(view(drone), location=drone_location(drone.id), etag=etag(drone))


@router.get("/{drone_id}")
async def read_drone(drone_id: UUID, drones: Drones) -> Reply[DroneView]:
    """Read a drone, and what can be done with it now."""
    drone = await drones.get(drone_id)
    return ok(view(drone), etag=etag(drone))


@router.put("/{drone_id}", dependencies=[manage])
async def put_drone(drone_id: UUID, body: DroneReplacement, drones: Drones, guard: CurrentGuard) -> Reply[DroneView]:
    """Take the drone with this identity into the fleet, or replace what it is; its reservations and status stay."""
    require_same_identity(drone_id, body.id)
    change = await drones.put(drone_id, body.specification(), guard)
    if change.before is None:
        return created(view(change.after), location=drone_location(drone_id), etag=etag(change.after))
    return no_content(etag=etag(change.after))


@router.patch("/{drone_id}", dependencies=[manage])
async def patch_drone(drone_id: UUID, patch: Patch[DroneBody], drones: Drones, guard: CurrentGuard) -> Reply[DroneView]:
    """Change some of what a drone is."""
    change = await drones.edit(drone_id, lambda what: patch.apply(DroneBody.of(what)).specification(), guard)
    return ok(view(change.after), etag=etag(change.after))


@router.delete("/{drone_id}", dependencies=[manage])
async def delete_drone(drone_id: UUID, drones: Drones, guard: CurrentGuard) -> Reply[None]:
    """Forget a drone."""
    await drones.remove(drone_id, guard)
    return no_content()


@router.get("/{drone_id}/position")
async def read_position(drone_id: UUID, drones: Drones) -> Reply[Position]:
    """Read where a drone is."""
    drone = await drones.get(drone_id)
    return ok(Position.of(drone.specification.position), etag=etag(drone))


@router.put("/{drone_id}/position", status_code=204, dependencies=[manage])
async def put_position(drone_id: UUID, body: Position, drones: Drones, guard: CurrentGuard) -> Reply[None]:
    """Record where a drone is."""
    change = await drones.move(drone_id, body.position(), guard)
    return no_content(etag=etag(change.after))


@router.get("/{drone_id}/status")
async def read_status(drone_id: UUID, drones: Drones) -> Reply[StatusBody]:
    """Read what a drone does."""
    drone = await drones.get(drone_id)
    return ok(StatusBody(status=drone.status), etag=etag(drone))


@router.put("/{drone_id}/status", status_code=204, dependencies=[manage])
async def put_status(drone_id: UUID, body: StatusBody, drones: Drones, guard: CurrentGuard) -> Reply[None]:
    """Let a drone do something else; its links say what is legal now."""
    change = await drones.turn(drone_id, body.status, guard)
    return no_content(etag=etag(change.after))


def write_place(place: Place) -> cursors.Position:
    """Return where a page ends, as a cursor can carry it."""
    return place.key.isoformat() if isinstance(place.key, datetime) else place.key, str(place.id)


def read_place(position: cursors.Position | None, sort: Sort) -> Place | None:
    """Return where the next page begins; the cursor's signature vouches for its shape."""
    if position is None:
        return None
    key, drone_id = (str(part) for part in position)
    return Place(datetime.fromisoformat(key) if sort.key == "created_at" else key, UUID(drone_id))

"""`/api/v1/assignments`: which drone carries which delivery."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query

from arnia.chassis import cursors
from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from scheduler.api.dependencies import Assignments, CurrentGuard, etag, require_same_identity
from scheduler.api.links import VERSION, links, location
from scheduler.models.assignments import Assignment
from scheduler.repositories.assignments import Place
from scheduler.schemas.assignments import AssignmentBody, AssignmentPage, AssignmentQuery, AssignmentView

router = Router(
    version=VERSION,
    prefix="/assignments",
    tags=["assignments"],
    dependencies=[allow("assignments:read", roles=["operator"])],
)
decide = allow("assignments:write", roles=["operator"])

ASSIGNED_BEFORE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": AssignmentView, "description": "Assigned before; nothing was reserved again."}
}


def view(assignment: Assignment) -> AssignmentView:
    """Show an assignment."""
    return AssignmentView.of(assignment, links(assignment))


@router.get("")
async def list_assignments(
    query: Annotated[AssignmentQuery, Query()], assignments: Assignments, pages: CurrentCursors
) -> Reply[AssignmentPage]:
    """List assignments, a page at a time."""
    after = read_place(pages.position(query))
    # One more than asked for: whether it exists tells whether there is a next page.
    found = await assignments.find(query.filters(), query.sort, after, query.limit + 1)
    shown = found[: query.limit]
    following = write_place(Place.of(shown[-1])) if len(found) > query.limit else None
    items = tuple(view(assignment) for assignment in shown)
    return ok(AssignmentPage(items=items, links=pages.links(query, following)))


@router.get("/{delivery_id}")
async def read_assignment(delivery_id: UUID, assignments: Assignments) -> Reply[AssignmentView]:
    """Read which drone carries a delivery."""
    assignment = await assignments.get(delivery_id)
    return ok(view(assignment), etag=etag(assignment))


@router.put("/{delivery_id}", responses=ASSIGNED_BEFORE, dependencies=[decide])
async def put_assignment(
    delivery_id: UUID, body: AssignmentBody, assignments: Assignments, guard: CurrentGuard
) -> Reply[AssignmentView]:
    """Reserve a drone for a delivery; asked again, the same drone is the answer."""
    require_same_identity(delivery_id, body.id)
    outcome = await assignments.assign(delivery_id, body.grams, guard)
    shown, tag = view(outcome.assignment), etag(outcome.assignment)
    return created(shown, location=location(delivery_id), etag=tag) if outcome.new else ok(shown, etag=tag)


@router.delete("/{delivery_id}", dependencies=[decide])
async def delete_assignment(delivery_id: UUID, assignments: Assignments, guard: CurrentGuard) -> Reply[None]:
    """Give the delivery's drone back."""
    await assignments.release(delivery_id, guard)
    return no_content()


def write_place(place: Place) -> cursors.Position:
    """Return where a page ends, as a cursor can carry it."""
    return place.key.isoformat(), str(place.id)


def read_place(position: cursors.Position | None) -> Place | None:
    """Return where the next page begins; the cursor's signature vouches for its shape."""
    if position is None:
        return None
    moment, delivery_id = (str(part) for part in position)
    return Place(datetime.fromisoformat(moment), UUID(delivery_id))

"""`/api/v1/notifications`: what was told, for operators."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from arnia.chassis.cursors import CurrentCursors, Position
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from notification.api.dependencies import Notifications
from notification.repositories.notifications import Place
from notification.schemas.notifications import NotificationPage, NotificationQuery, NotificationView

router = Router(
    version=1,
    prefix="/notifications",
    tags=["notifications"],
    dependencies=[allow("notifications:read", roles=["operator"])],
)


@router.get("")
async def list_notifications(
    query: Annotated[NotificationQuery, Query()], notifications: Notifications, cursors: CurrentCursors
) -> Reply[NotificationPage]:
    """List notifications, a page at a time."""
    after = read_place(cursors.position(query))
    # One more than asked for: whether it exists tells whether there is a next page.
    found = await notifications.find(query.filters(), query.sort, after, query.limit + 1)
    shown = found[: query.limit]
    following = write_place(Place.of(shown[-1])) if len(found) > query.limit else None
    return ok(
        NotificationPage(items=tuple(NotificationView.of(one) for one in shown), links=cursors.links(query, following))
    )


def write_place(place: Place) -> Position:
    """Return where a page ends, as a cursor can carry it."""
    return place.key.isoformat(), str(place.id)


def read_place(position: Position | None) -> Place | None:
    """Return where the next page begins; the cursor's signature vouches for its shape."""
    if position is None:
        return None
    moment, identity = (str(part) for part in position)
    return Place(datetime.fromisoformat(moment), UUID(identity))

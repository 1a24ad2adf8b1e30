"""Where a client can go from a notification."""

from typing import Final
from uuid import UUID

from arnia.chassis.links import Link, Links
from arnia.conventions import version_prefix

VERSION: Final = 1
COLLECTION: Final = f"{version_prefix(VERSION)}/notifications"


def links(notification_id: UUID) -> Links:
    """Return the relations of a notification: itself, and its collection."""
    return {"self": Link(href=f"{COLLECTION}/{notification_id}"), "collection": Link(href=COLLECTION)}

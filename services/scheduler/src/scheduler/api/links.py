"""Where a client can go from an assignment, and the actions that are legal now."""

from typing import Final
from uuid import UUID

from arnia.chassis.links import Link, Links
from arnia.conventions import version_prefix
from scheduler.models.assignments import Assignment, Status

VERSION: Final = 1
ASSIGNMENTS: Final = f"{version_prefix(VERSION)}/assignments"


def location(delivery_id: UUID) -> str:
    """Return the path of the assignment of one delivery."""
    return f"{ASSIGNMENTS}/{delivery_id}"


def links(assignment: Assignment) -> Links:
    """Return the relations of an assignment: itself, and what can be done with it now."""
    here = location(assignment.id)
    found = {"self": Link(href=here), "collection": Link(href=ASSIGNMENTS)}
    if assignment.status is not Status.RESERVED:
        found["assign"] = Link(href=here, method="PUT")
    found["release"] = Link(href=here, method="DELETE")
    return found

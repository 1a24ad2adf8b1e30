"""Where a client can go from a delivery: its parts, and the actions that are legal now."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from arnia.chassis.links import Link, Links
from arnia.conventions import version_prefix
from delivery.models.deliveries import Action, Delivery

ACTIONS: Final[Mapping[str, tuple[Action, str, str]]] = {
    "change": (Action.CHANGE, "PUT", ""),
    "edit": (Action.CHANGE, "PATCH", ""),
    "redirect": (Action.CHANGE, "PUT", "/dropoff"),
    "reschedule": (Action.CHANGE, "PUT", "/schedule"),
    "assign": (Action.ASSIGN, "PUT", "/assignment"),
    "depart": (Action.DEPART, "PUT", "/departure"),
    "confirm": (Action.CONFIRM, "PUT", "/confirmation"),
    "cancel": (Action.CANCEL, "PUT", "/cancellation"),
    "remove": (Action.REMOVE, "DELETE", ""),
}


def collection(version: int) -> str:
    """Return the path of all deliveries."""
    return f"{version_prefix(version)}/deliveries"


def location(version: int, delivery_id: UUID) -> str:
    """Return the path of one delivery."""
    return f"{collection(version)}/{delivery_id}"


def links(version: int, delivery: Delivery) -> Links:
    """Return the relations of a delivery: itself, its parts, and what can be done with it now."""
    here = location(version, delivery.id)
    found = {"self": Link(href=here), "collection": Link(href=collection(version))}
    parts = {
        "dropoff": delivery.order.dropoff,
        "schedule": delivery.order.schedule,
        "assignment": delivery.assignment,
        "departure": delivery.departure,
        "confirmation": delivery.confirmation,
        "cancellation": delivery.cancellation,
    }
    found |= {part: Link(href=f"{here}/{part}") for part, present in parts.items() if present}
    for relation, (action, method, path) in ACTIONS.items():
        if delivery.allows(action):
            found[relation] = Link(href=here + path, method=method)
    return found

"""Where a client can go from a drone or a reservation: their parts, and the actions that are legal now."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from arnia.chassis.links import Link, Links
from arnia.conventions import version_prefix
from drone.models.drones import Action, Drone
from drone.models.reservations import Reservation

VERSION: Final = 1
DRONES: Final = f"{version_prefix(VERSION)}/drones"
RESERVATIONS: Final = f"{version_prefix(VERSION)}/drone-reservations"

ACTIONS: Final[Mapping[str, tuple[Action, str, str]]] = {
    "change": (Action.CHANGE, "PUT", ""),
    "edit": (Action.CHANGE, "PATCH", ""),
    "move": (Action.CHANGE, "PUT", "/position"),
    "launch": (Action.LAUNCH, "PUT", "/status"),
    "make-available": (Action.MAKE_AVAILABLE, "PUT", "/status"),
    "charge": (Action.CHARGE, "PUT", "/status"),
    "retire": (Action.RETIRE, "PUT", "/status"),
    "remove": (Action.REMOVE, "DELETE", ""),
}


def drone_location(drone_id: UUID) -> str:
    """Return the path of one drone."""
    return f"{DRONES}/{drone_id}"


def reservation_location(reservation_id: UUID) -> str:
    """Return the path of one reservation."""
    return f"{RESERVATIONS}/{reservation_id}"


def drone_links(drone: Drone) -> Links:
    """Return the relations of a drone: itself, its parts, and what can be done with it now."""
    here = drone_location(drone.id)
    found = {
        "self": Link(href=here),
        "collection": Link(href=DRONES),
        "position": Link(href=f"{here}/position"),
        "status": Link(href=f"{here}/status"),
    }
    for relation, (action, method, path) in ACTIONS.items():
        if drone.allows(action):
            found[relation] = Link(href=here + path, method=method)
    return found


def reservation_links(reservation: Reservation) -> Links:
    """Return the relations of a reservation: itself, its drone, and its release."""
    here = reservation_location(reservation.id)
    return {
        "self": Link(href=here),
        "drone": Link(href=drone_location(reservation.drone_id)),
        "release": Link(href=here, method="DELETE"),
    }

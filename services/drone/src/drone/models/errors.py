"""What the fleet refuses. Each refusal has a slug of its own, so that a client can tell them apart."""

from arnia.errors import Conflict, NotFound


class DroneNotFound(NotFound):
    """No drone has this identity."""

    slug = "drone-not-found"
    title = "No such drone"


class ReservationNotFound(NotFound):
    """No reservation has this identity: it never had, or it has been released.

    Who releases what is not there has released it for good all the same: that is kept.
    """

    slug = "drone-reservation-not-found"
    title = "No such reservation"
    keeps_effect = True


class ReservationReleased(Conflict):
    """The identity was released, perhaps before anything was reserved under it: ask anew, under another one."""

    slug = "drone-reservation-released"
    title = "What is released is not reserved again"


class CapacityExhausted(Conflict):
    """No drone that is available and charged has so much capacity left."""

    slug = "drone-capacity-exhausted"
    title = "No suitable drone has enough free capacity"


class CapacityReserved(Conflict):
    """The capacity cannot shrink below what has been promised."""

    slug = "drone-capacity-reserved"
    title = "More than this capacity is already reserved"


class DeliveryAlreadyReserved(Conflict):
    """A delivery is carried by one drone; another reservation holds for it already."""

    slug = "drone-delivery-already-reserved"
    title = "The delivery has a reservation already"


class ReservationDiffers(Conflict):
    """The reservation exists and is for something else. It is never changed: release it, and ask anew."""

    slug = "drone-reservation-differs"
    title = "The reservation exists with another content"


class NotChangeable(Conflict):
    """A retired drone is history."""

    slug = "drone-not-changeable"
    title = "The drone can no longer be changed"


class NotRemovable(Conflict):
    """A drone that flies, or that deliveries rely on, is not forgotten."""

    slug = "drone-not-removable"
    title = "The drone is in use and cannot be removed"


class NotLaunchable(Conflict):
    """Only an available drone takes off."""

    slug = "drone-not-launchable"
    title = "The drone cannot take off now"


class NotReady(Conflict):
    """Only a drone that flies or charges becomes available."""

    slug = "drone-not-ready"
    title = "The drone cannot become available"


class NotChargeable(Conflict):
    """Only an available drone goes to its charger."""

    slug = "drone-not-chargeable"
    title = "The drone cannot be charged now"


class NotRetirable(Conflict):
    """A drone that flies, or that deliveries rely on, does not retire."""

    slug = "drone-not-retirable"
    title = "The drone cannot retire now"

"""What a delivery refuses. Each refusal has a slug of its own, so that a client can tell them apart."""

from arnia.errors import Conflict, NotFound


class DeliveryNotFound(NotFound):
    """No delivery has this identity."""

    slug = "delivery-not-found"
    title = "No such delivery"


class NotYet(NotFound):
    """The delivery exists, and this part of it does not, yet."""

    slug = "delivery-part-not-found"
    title = "The delivery has no such part yet"


class NotChangeable(Conflict):
    """The order is on its way, or over: it can no longer be changed."""

    slug = "delivery-not-changeable"
    title = "The delivery can no longer be changed"


class NotAssignable(Conflict):
    """Only a delivery that waits for its departure takes a drone."""

    slug = "delivery-not-assignable"
    title = "The delivery cannot be assigned to a drone"


class NotReadyToDepart(Conflict):
    """Only a scheduled delivery departs."""

    slug = "delivery-not-ready-to-depart"
    title = "The delivery is not ready to depart"


class NotConfirmable(Conflict):
    """Only a delivery in transit is confirmed, and only once."""

    slug = "delivery-not-confirmable"
    title = "The delivery cannot be confirmed"


class NotCancellable(Conflict):
    """A delivery is cancelled before its departure, and only once."""

    slug = "delivery-not-cancellable"
    title = "The delivery cannot be cancelled"


class NotRemovable(Conflict):
    """A delivery in transit is not forgotten."""

    slug = "delivery-not-removable"
    title = "The delivery is in transit and cannot be removed"

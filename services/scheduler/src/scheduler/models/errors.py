"""What the scheduler refuses. Each refusal has a slug of its own, so that a client can tell them apart."""

from arnia.errors import Conflict, NotFound


class AssignmentNotFound(NotFound):
    """No drone was ever asked for to carry this delivery, or it has been given back."""

    slug = "scheduler-assignment-not-found"
    title = "No such assignment"


class AssignmentDiffers(Conflict):
    """The delivery has an assignment, for another mass. It is never changed: release it, and ask anew."""

    slug = "scheduler-assignment-differs"
    title = "The assignment exists with another mass"


class DeliveryOver(Conflict):
    """The delivery was cancelled, or is done: no drone is requested for it any more."""

    slug = "scheduler-delivery-over"
    title = "The delivery is over"


class TooHeavy(Conflict):
    """The delivery weighs more than any drone may carry."""

    slug = "scheduler-too-heavy"
    title = "No drone carries so much"


class NotAnswered(Conflict):
    """The drone service did not say in time whether there is a drone; what it may have reserved is given back."""

    slug = "scheduler-not-answered"
    title = "No drone was found in time"


class NoDroneFits(Conflict):
    """No drone that is ready can carry so much more now; another time one may."""

    slug = "scheduler-no-drone-fits"
    title = "No drone can carry this now"


class ReservationReleased(Conflict):
    """What was asked for has been given back under this identity: ask anew, under another one."""

    slug = "scheduler-reservation-released"
    title = "The reservation was given back meanwhile"


class ReservedElsewhere(Conflict):
    """Somebody else has reserved a drone for this delivery."""

    slug = "scheduler-reserved-elsewhere"
    title = "The delivery has a drone, and not from here"

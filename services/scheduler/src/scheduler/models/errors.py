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


class NoDroneFits(Conflict):
    """No drone that is ready can carry so much more now; another time one may."""

    slug = "scheduler-no-drone-fits"
    title = "No drone can carry this now"


class ReservedElsewhere(Conflict):
    """Somebody else has reserved a drone for this delivery."""

    slug = "scheduler-reserved-elsewhere"
    title = "The delivery has a drone, and not from here"

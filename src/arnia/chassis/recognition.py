"""Which routes recognise a repetition by its Idempotency-Key: worked out once, at the start."""

from enum import Enum

from fastapi.dependencies.models import Dependant

from arnia.chassis.routing import Route
from arnia.chassis.transactions import is_apart

__all__ = ["Recognition", "recognition_of"]


class Recognition(Enum):
    """What an Idempotency-Key means to one method of a path."""

    KEPT = "the first answer is kept with the effect, and given again"
    REFUSED = "the caller would rely on a record that nobody keeps"
    IGNORED = "the method promises by itself that a repetition does no harm"


def recognition_of(route: Route, method: str, *, records: bool) -> Recognition:
    """Return what a key means to `method` of `route`, in a service that keeps records of keys or does not."""
    if method not in {"POST", "PUT", "PATCH", "DELETE"} or route.protocol is not None:
        return Recognition.IGNORED
    if records and not _is_apart(route.dependant):
        return Recognition.KEPT
    return Recognition.IGNORED if method in {"PUT", "DELETE"} else Recognition.REFUSED


def _is_apart(dependant: Dependant) -> bool:
    return any(is_apart(each.call) or _is_apart(each) for each in dependant.dependencies)

"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from arnia.chassis.context import CurrentSession
from arnia.chassis.ownership import Ownership, owned
from arnia.chassis.preconditions import Precondition, row_etag
from arnia.errors import InvalidContent, Violation
from delivery.models.deliveries import Delivery
from delivery.repositories.sql import SqlDeliveries
from delivery.services.deliveries import DeliveryService, Guard

Reach = Annotated[Ownership, owned(seen_by=["operator"])]


async def delivery_service(session: CurrentSession, reach: Reach) -> DeliveryService:
    """Return the use cases, within the transaction of this request, for what its caller reaches."""
    return DeliveryService(SqlDeliveries(session, reach), session)


Deliveries = Annotated[DeliveryService, Depends(delivery_service)]


async def guard(precondition: Precondition) -> Guard:
    """Return what holds the present state of a delivery against the entity tags that the caller sent."""
    return lambda delivery: precondition.check(None if delivery is None else etag(delivery))


CurrentGuard = Annotated[Guard, Depends(guard)]


class PartGuard:
    """As `guard`, for a part of a delivery: its entity tag is that of the delivery, and it may not exist yet."""

    def __init__(self, part: str) -> None:
        self._part = part

    async def __call__(self, precondition: Precondition) -> Guard:
        """Return what lets `If-None-Match: *` create the part, and If-Match name the delivery that it is added to."""

        def check(delivery: Delivery | None) -> None:
            tag = None if delivery is None else etag(delivery)
            precondition.check_match(tag)
            precondition.check_none_match(tag if getattr(delivery, self._part, None) else None)

        return check


def etag(delivery: Delivery) -> str:
    """Return the entity tag of a delivery, and of each of its parts: they change together."""
    return row_etag(delivery.version, delivery.created_at)


def require_same_identity(in_url: UUID, in_body: UUID | None) -> None:
    """Refuse a body that speaks of another delivery than its URL.

    Raises:
        InvalidContent: It does.
    """
    if in_body not in {None, in_url}:
        detail = "The identity in the body differs from the one in the URL."
        raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])

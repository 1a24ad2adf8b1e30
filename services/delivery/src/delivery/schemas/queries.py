"""What a client may ask of the collection, in every version of the API."""

from pydantic import Field

from arnia.chassis.cursors import CollectionQuery
from delivery.models.deliveries import Status
from delivery.models.values import Moment
from delivery.repositories.deliveries import Sort


class DeliveryQuery(CollectionQuery):
    """Which deliveries to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the latest first.")
    status: Status | None = Field(default=None, description="How far they have come.")
    pickup_after: Moment | None = Field(default=None, description="Their pickup time is this moment or later.")
    pickup_before: Moment | None = Field(default=None, description="Their pickup time is earlier than this moment.")

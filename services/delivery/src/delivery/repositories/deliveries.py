"""What the business logic expects of whatever keeps deliveries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from delivery.models.deliveries import Delivery, Status


class Sort(StrEnum):
    """The orders in which deliveries are listed; a leading minus means the latest first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"
    PICKUP_TIME = "pickup_time"
    PICKUP_TIME_DESCENDING = "-pickup_time"

    @property
    def key(self) -> str:
        """The field to sort by."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the latest come first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which deliveries to list; `None` means any.

    Attributes:
        status: How far they have come.
        pickup_after: Their pickup time is this moment or later.
        pickup_before: Their pickup time is earlier than this moment.
    """

    status: Status | None = None
    pickup_after: datetime | None = None
    pickup_before: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a delivery stands in a listing: its sort key and, between equal ones, its identity."""

    key: datetime
    id: UUID

    @classmethod
    def of(cls, delivery: Delivery, sort: Sort) -> Self:
        """Return the place of `delivery` in the order of `sort`."""
        keys = {"created_at": delivery.created_at, "pickup_time": delivery.order.schedule.pickup_time}
        return cls(keys[sort.key], delivery.id)


class DeliveryRepository(Protocol):
    """The deliveries that one caller reaches. What is beyond is not there, except that its identity is taken.

    It never commits: what it does is kept or dropped by whoever opened the transaction.
    """

    async def add(self, delivery: Delivery, /) -> bool:
        """Keep a new delivery as the caller's own, or return False when its identity is taken, by whomever."""

    async def get(self, delivery_id: UUID, /) -> Delivery | None:
        """Return a delivery, or None."""

    async def lock(self, delivery_id: UUID, /) -> Delivery | None:
        """Return a delivery, or None; until the end of the transaction nobody else can lock, save or remove it."""

    async def save(self, delivery: Delivery, /) -> None:
        """Keep the next state of a locked delivery."""

    async def remove(self, delivery_id: UUID, /) -> None:
        """Forget a locked delivery."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[Delivery]:
        """Return at most `limit` deliveries that pass `filters`, in order, from the one that follows `after` on."""

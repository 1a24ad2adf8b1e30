"""What the business logic expects of whatever keeps drones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from drone.models.drones import Drone, Status


class Sort(StrEnum):
    """The orders in which drones are listed; a leading minus means the last first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"
    NAME = "name"
    NAME_DESCENDING = "-name"

    @property
    def key(self) -> str:
        """The field to sort by."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """Whether the last come first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which drones to list; `None` means any.

    Attributes:
        status: What they are doing.
        model: What their maker calls them.
        free_grams: At least so much of their capacity is free.
        battery: They are charged to at least so many percent.
        deliveries: They carry one of these.
    """

    status: Status | None = None
    model: str | None = None
    free_grams: int | None = None
    battery: int | None = None
    deliveries: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a drone stands in a listing: its sort key and, between equal ones, its identity."""

    key: datetime | str
    id: UUID

    @classmethod
    def of(cls, drone: Drone, sort: Sort) -> Self:
        """Return where `drone` stands in the order of `sort`."""
        return cls(drone.created_at if sort.key == "created_at" else drone.specification.name, drone.id)


class DroneRepository(Protocol):
    """All drones there are. It never commits: what it does is kept or dropped by whoever opened the transaction."""

    async def add(self, drone: Drone, /) -> bool:
        """Keep a new drone, or return False when its identity is taken."""

    async def get(self, drone_id: UUID, /) -> Drone | None:
        """Return a drone, or None."""

    async def lock(self, drone_id: UUID, /) -> Drone | None:
        """Return a drone, or None; until the transaction ends nobody else can lock, save, promise or remove it."""

    async def save(self, drone: Drone, /) -> None:
        """Keep the next state of a locked drone."""

    async def remove(self, drone_id: UUID, /) -> None:
        """Forget a locked drone."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[Drone]:
        """Return at most `limit` drones that pass `filters`, in order, from the one that follows `after` on."""

    async def carriers(self, deliveries: Sequence[UUID], /) -> Mapping[UUID, tuple[UUID, ...]]:
        """Return which of `deliveries` each drone carries that carries any."""

"""What the business logic expects of whatever keeps OAuth clients."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self
from uuid import UUID

from identity.models.clients import OAuthClient


class Sort(StrEnum):
    """The orders in which OAuth clients are listed; a leading minus means the last first."""

    CREATED_AT = "created_at"
    CREATED_AT_DESCENDING = "-created_at"
    CLIENT_ID = "client_id"
    CLIENT_ID_DESCENDING = "-client_id"

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
    """Which OAuth clients to list; `None` means any."""

    client_id: str | None = None
    first_party: bool | None = None
    declared: bool | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an OAuth client stands in a listing: the sort key and, between equal ones, the identity."""

    key: datetime | str
    id: UUID

    @classmethod
    def of(cls, client: OAuthClient, sort: Sort) -> Self:
        """Return where `client` stands in the order of `sort`."""
        return cls(client.created_at if sort.key == "created_at" else client.client_id, client.id)


class OAuthClientRepository(Protocol):
    """All OAuth clients there are. It never commits."""

    async def add(self, client: OAuthClient, /) -> bool:
        """Keep a new client, or return False when the identity or the name is taken."""

    async def get(self, identity: UUID, /) -> OAuthClient | None:
        """Return a client, or None."""

    async def named(self, client_id: str, /) -> OAuthClient | None:
        """Return the client that calls itself `client_id`, or None."""

    async def lock(self, identity: UUID, /) -> OAuthClient | None:
        """Return a client, or None, and keep others from changing it until the transaction ends."""

    async def save(self, client: OAuthClient, /) -> None:
        """Keep the next state of a locked client."""

    async def remove(self, identity: UUID, /) -> None:
        """Forget a locked client."""

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int, /) -> list[OAuthClient]:
        """Return at most `limit` clients that pass `filters`, in order, from the one that follows `after` on."""

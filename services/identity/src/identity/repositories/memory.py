"""Users and OAuth clients in dictionaries: for tests of the business logic, which need neither server nor network."""

import operator
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from identity.models.clients import OAuthClient
from identity.models.users import User
from identity.repositories import clients, users

Entity = TypeVar("Entity", User, OAuthClient)


class MemoryUsers:
    """Keeps the promise of `UserRepository` within one process, without transactions."""

    def __init__(self) -> None:
        self._users: dict[UUID, User] = {}

    async def add(self, user: User) -> bool:
        """Keep a new user, or return False when the identity or the name is taken."""
        if user.id in self._users or await self.named(user.profile.username):
            return False
        self._users[user.id] = user
        return True

    async def get(self, user_id: UUID) -> User | None:
        """Return a user, or None."""
        return self._users.get(user_id)

    lock = get

    async def named(self, username: str) -> User | None:
        """Return the user with this name, or None."""
        return next((user for user in self._users.values() if user.profile.username == username), None)

    async def save(self, user: User) -> None:
        """Keep the next state of a user."""
        self._users[user.id] = user

    async def remove(self, user_id: UUID) -> None:
        """Forget a user."""
        del self._users[user_id]

    async def find(self, filters: users.Filters, sort: users.Sort, after: users.Place | None, limit: int) -> list[User]:
        """Return the matching users in order."""

        def passes(user: User) -> bool:
            profile = user.profile
            return (
                (filters.username is None or profile.username == filters.username)
                and (filters.role is None or filters.role in profile.roles)
                and (filters.active is None or profile.active == filters.active)
            )

        def place(user: User) -> tuple[datetime | str, UUID]:
            found = users.Place.of(user, sort)
            return found.key, found.id

        start = None if after is None else (after.key, after.id)
        return _page([user for user in self._users.values() if passes(user)], place, sort.descending, start, limit)


class MemoryClients:
    """Keeps the promise of `OAuthClientRepository` within one process, without transactions."""

    def __init__(self) -> None:
        self._clients: dict[UUID, OAuthClient] = {}

    async def add(self, client: OAuthClient) -> bool:
        """Keep a new client, or return False when the identity or the name is taken."""
        if client.id in self._clients or await self.named(client.client_id):
            return False
        self._clients[client.id] = client
        return True

    async def get(self, identity: UUID) -> OAuthClient | None:
        """Return a client, or None."""
        return self._clients.get(identity)

    lock = get

    async def named(self, client_id: str) -> OAuthClient | None:
        """Return the client that calls itself `client_id`, or None."""
        return next((client for client in self._clients.values() if client.client_id == client_id), None)

    async def save(self, client: OAuthClient) -> None:
        """Keep the next state of a client."""
        self._clients[client.id] = client

    async def remove(self, identity: UUID) -> None:
        """Forget a client."""
        del self._clients[identity]

    async def find(
        self, filters: clients.Filters, sort: clients.Sort, after: clients.Place | None, limit: int
    ) -> list[OAuthClient]:
        """Return the matching clients in order."""

        def passes(client: OAuthClient) -> bool:
            return (
                (filters.client_id is None or client.client_id == filters.client_id)
                and (filters.first_party is None or client.registration.first_party == filters.first_party)
                and (filters.declared is None or client.declared == filters.declared)
            )

        def place(client: OAuthClient) -> tuple[datetime | str, UUID]:
            found = clients.Place.of(client, sort)
            return found.key, found.id

        start = None if after is None else (after.key, after.id)
        return _page([one for one in self._clients.values() if passes(one)], place, sort.descending, start, limit)


def _page(
    found: list[Entity],
    place: Callable[[Entity], tuple[datetime | str, UUID]],
    descending: bool,  # noqa: FBT001 - as the sort says
    start: tuple[datetime | str, UUID] | None,
    limit: int,
) -> list[Entity]:
    found = sorted(found, key=place, reverse=descending)
    if start is not None:
        follows = operator.lt if descending else operator.gt
        found = [one for one in found if follows(place(one), start)]
    return found[:limit]

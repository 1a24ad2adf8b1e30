"""One suite for whatever keeps users and OAuth clients: the dictionaries and PostgreSQL pass the same tests."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from arnia.chassis.database import Database
from arnia.chassis.uuids import uuid7
from arnia.testing.repositories import RepositoryConformance, UnitOfWork, remembered, transactional
from identity.models.clients import Grant, OAuthClient, Registration
from identity.models.users import Profile, User
from identity.repositories import clients, users
from identity.repositories.memory import MemoryClients, MemoryUsers
from identity.repositories.sql import SqlClients, SqlUsers

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(microseconds=1)


class Users(RepositoryConformance[User]):
    """What the suite of repositories has to know about users."""

    def make(self, serial: int) -> User:
        """Return a new user; several share a moment, a role and whether they are active."""
        identity = uuid7()
        profile = Profile(
            username=f"{'za'[serial % 2]}-{identity}",
            email=f"{serial}@example.org" if serial % 2 else None,
            roles=frozenset({"customer", "operator"} if serial % 3 == 0 else {"customer"}),
            active=serial % 4 != 0,
        )
        return User.register(identity, profile, NOW + timedelta(seconds=serial // 3))

    def change(self, entity: User) -> User:
        """Return the user with a password."""
        return entity.protect("$argon2id$...", LATER)

    def identity(self, entity: User) -> UUID:
        """Return the identity."""
        return entity.id

    def place(self, entity: User, sort: users.Sort) -> users.Place:
        """Return where the user stands."""
        return users.Place.of(entity, sort)

    def sorts(self) -> Mapping[users.Sort, Callable[[User], object]]:
        """Return every order."""
        return {sort: partial(_user_key, sort=sort) for sort in users.Sort}

    def filters(self) -> Sequence[tuple[users.Filters, Callable[[User], bool]]]:
        """Return each filter alone, and two together."""
        return [
            (users.Filters(), lambda user: True),
            (users.Filters(username="nobody"), lambda user: False),
            (users.Filters(role="operator"), lambda user: "operator" in user.profile.roles),
            (users.Filters(active=False), lambda user: not user.profile.active),
            (
                users.Filters(role="operator", active=True),
                lambda user: user.profile.active and "operator" in user.profile.roles,
            ),
        ]

    async def test_a_name_is_given_once(self, unit: UnitOfWork) -> None:
        """A second user of the same name is not kept, and the first is found by it."""
        first = self.make(1)
        second = User.register(uuid7(), first.profile, NOW)
        async with unit() as repository:
            assert await repository.add(first)
        async with unit() as repository:
            assert isinstance(repository, MemoryUsers | SqlUsers)
            assert not await repository.add(second)
            assert await repository.named(first.profile.username) == first
            assert await repository.named("nobody") is None


class TestMemoryUsers(Users):
    """The dictionary."""

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Open the dictionary."""
        return remembered(MemoryUsers())


class TestSqlUsers(Users):
    """PostgreSQL."""

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Open a transaction."""
        return transactional(database, SqlUsers)


class Clients(RepositoryConformance[OAuthClient]):
    """What the suite of repositories has to know about OAuth clients."""

    def make(self, serial: int) -> OAuthClient:
        """Return a new client; several share a moment and whether they are ours."""
        identity = uuid7()
        registration = Registration(
            client_id=f"{'za'[serial % 2]}-{identity}",
            grants=frozenset({Grant.AUTHORIZATION_CODE, Grant.TOKEN_EXCHANGE}),
            audiences={"drone": frozenset({"drones:read", "drones:write"}), "bff": frozenset()},
            redirect_uris=("https://app.example.org/callback",),
            first_party=serial % 2 == 0,
            jwks=({"kty": "EC", "x": "..."},),
        )
        client = OAuthClient.register(identity, registration, NOW + timedelta(seconds=serial // 3))
        return client.declare(client.created_at) if serial % 2 else client

    def change(self, entity: OAuthClient) -> OAuthClient:
        """Return the client with a secret."""
        return entity.protect("secret", LATER)

    def identity(self, entity: OAuthClient) -> UUID:
        """Return the identity."""
        return entity.id

    def place(self, entity: OAuthClient, sort: clients.Sort) -> clients.Place:
        """Return where the client stands."""
        return clients.Place.of(entity, sort)

    def sorts(self) -> Mapping[clients.Sort, Callable[[OAuthClient], object]]:
        """Return every order."""
        return {sort: partial(_client_key, sort=sort) for sort in clients.Sort}

    def filters(self) -> Sequence[tuple[clients.Filters, Callable[[OAuthClient], bool]]]:
        """Return each filter alone."""
        return [
            (clients.Filters(), lambda client: True),
            (clients.Filters(client_id="nobody"), lambda client: False),
            (clients.Filters(first_party=True), lambda client: client.registration.first_party),
            (clients.Filters(declared=True), lambda client: client.declared),
        ]


class TestMemoryClients(Clients):
    """The dictionary."""

    @pytest.fixture
    def unit(self) -> UnitOfWork:
        """Open the dictionary."""
        return remembered(MemoryClients())


class TestSqlClients(Clients):
    """PostgreSQL."""

    @pytest.fixture
    def unit(self, database: Database) -> UnitOfWork:
        """Open a transaction."""
        return transactional(database, SqlClients)


def _user_key(user: User, sort: users.Sort) -> tuple[object, UUID]:
    return users.Place.of(user, sort).key, user.id


def _client_key(client: OAuthClient, sort: clients.Sort) -> tuple[object, UUID]:
    return clients.Place.of(client, sort).key, client.id

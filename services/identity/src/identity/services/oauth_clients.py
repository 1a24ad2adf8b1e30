"""What may happen to OAuth clients: every use case, in words of the domain."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from arnia.chassis.uuids import uuid7
from identity.models.clients import OAuthClient, Registration
from identity.models.errors import NameTaken, NoSecretKept, OAuthClientNotFound
from identity.models.revocations import Revocation
from identity.repositories.clients import Filters, Place, Sort
from identity.repositories.store import Store
from identity.services.keyring import Clock, utc_now

Guard: TypeAlias = Callable[[OAuthClient | None], None]
"""Raises when the caller does not accept the present state of a client; None means that there is none."""


@dataclass(frozen=True, slots=True)
class Change:
    """A client before and after something happened to it. `before` is None when there was none."""

    before: OAuthClient | None
    after: OAuthClient


class OAuthClientService:
    """The use cases. The store belongs to one transaction, which is not ours to end."""

    def __init__(self, store: Store, now: Clock = utc_now) -> None:
        self._store = store
        self._now = now

    async def create(self, registration: Registration) -> OAuthClient:
        """Register a client, which has no secret yet.

        Raises:
            NameTaken: another client has the name.
        """
        client = OAuthClient.register(uuid7(), registration, self._now())
        if not await self._store.clients.add(client):
            raise NameTaken
        return client

    async def put(self, identity: UUID, registration: Registration, guard: Guard) -> Change:
        """Register the client with this identity or, where there is one already, replace its registration.

        Raises:
            NameTaken: another client has the name.
        """
        client = OAuthClient.register(identity, registration, self._now())
        if await self._store.clients.add(client):
            guard(None)
            return Change(None, client)
        if await self._store.clients.lock(identity) is None:
            raise NameTaken
        return await self.edit(identity, lambda _: registration, guard)

    async def get(self, identity: UUID) -> OAuthClient:
        """Return a client.

        Raises:
            OAuthClientNotFound: There is none.
        """
        client = await self._store.clients.get(identity)
        if client is None:
            raise OAuthClientNotFound
        return client

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[OAuthClient]:
        """Return at most `limit` clients that pass `filters`, from the one that follows `after` on."""
        return await self._store.clients.find(filters, sort, after, limit)

    async def edit(self, identity: UUID, edit: Callable[[Registration], Registration], guard: Guard) -> Change:
        """Replace a registration; one that becomes public keeps no secret, and what a former name was given ends.

        Raises:
            OAuthClientNotFound: There is none.
            NameTaken: another client has the name.
        """
        before = await self._locked(identity, guard)
        after = before.describe(edit(before.registration), self._now())
        if after is before:
            return Change(before, after)
        named = await self._store.clients.named(after.client_id)
        if named is not None and named.id != identity:
            raise NameTaken
        if after.registration.public:
            after = after.model_copy(update={"secret_hash": None})
        await self._store.clients.save(after)
        if after.client_id != before.client_id:
            await self._end(before.client_id)
        return Change(before, after)

    async def protect(self, identity: UUID, secret: str, guard: Guard) -> OAuthClient:
        """Give a client another secret; the one before is worth nothing from then on.

        Raises:
            OAuthClientNotFound: There is none.
            NoSecretKept: It is public.
        """
        client = await self._locked(identity, guard)
        if client.registration.public:
            raise NoSecretKept
        client = client.protect(secret, self._now())
        await self._store.clients.save(client)
        return client

    async def remove(self, identity: UUID, guard: Guard) -> None:
        """Forget a client, and end whatever it was granted: the next one of its name inherits nothing.

        Raises:
            OAuthClientNotFound: There is none.
        """
        client = await self._locked(identity, guard)
        await self._store.clients.remove(identity)
        await self._end(client.client_id)

    async def _end(self, client_id: str) -> None:
        now = self._now()
        await self._store.grants.end_logins_through(client_id, now)
        await self._store.ledger.revoke(Revocation.of_client(client_id, now))

    async def _locked(self, identity: UUID, guard: Guard) -> OAuthClient:
        client = await self._store.clients.lock(identity)
        guard(client)
        if client is None:
            raise OAuthClientNotFound
        return client

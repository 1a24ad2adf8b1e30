"""The keys of this issuer in this process: read often, changed by one replica at a time."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from pydantic import JsonValue

from arnia.chassis.keys import VerifyingKey, read_keys
from arnia.chassis.tokens import ALGORITHMS, Refusal
from identity.models.errors import KeysStale
from identity.models.keys import Algorithm, KeyRing, SigningKey, Timing
from identity.repositories.store import Store, Transactions
from identity.services.sealing import Seal
from identity.services.signing import Signer, make_key

Clock: TypeAlias = Callable[[], datetime]

KEPT_AFTER: Final = timedelta(days=30)
"""How long a key stays in the database after nobody can need it: whoever looks into an incident may."""


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class Keys:
    """Signs, and tells how to verify.

    Attributes:
        generation: Counts how often a key was withdrawn before its time, so that nobody trusts what it verified.
    """

    def __init__(
        self, transactions: Transactions, seal: Seal, timing: Timing, algorithm: Algorithm, now: Clock = utc_now
    ) -> None:
        self._transactions = transactions
        self._seal = seal
        self._timing = timing
        self._algorithm = algorithm
        self._now = now
        self._ring = KeyRing()
        self._read_at: datetime | None = None
        self._signers: dict[str, Signer] = {}
        self._verifying: dict[str, VerifyingKey] = {}
        self.generation = 0

    async def begin(self) -> None:
        """Read the keys, and make the first one where there is none, or none of the algorithm that is asked for.

        Raises:
            SettingsError: those that exist were sealed under another secret.
        """
        async with self._transactions() as store:
            await store.keys.lock()
            ring = KeyRing.of(await store.keys.all())
            if not ring.keys or ring.keys[-1].algorithm != self._algorithm:
                await self._succeed(store, ring)
        await self.refresh()
        for key in self._ring.published(self._now()):
            Signer(key, self._seal)

    async def refresh(self) -> None:
        """Read the keys as they are now."""
        async with self._transactions() as store:
            found = await store.keys.all()
        self._take(KeyRing.of(found))

    async def tend(self) -> None:
        """Make another key when it is time, forget those of long ago, and read the keys."""
        async with self._transactions() as store:
            await store.keys.lock()
            ring = KeyRing.of(await store.keys.all())
            now = self._now()
            if ring.due(self._timing, now):
                await self._succeed(store, ring)
            await store.keys.forget(now - KEPT_AFTER)
        await self.refresh()

    async def rotate(self) -> SigningKey:
        """Make another key now; it signs after the lead, and no token is refused for it."""
        async with self._transactions() as store:
            await store.keys.lock()
            made = await self._succeed(store, KeyRing.of(await store.keys.all()))
        await self.refresh()
        return made

    async def withdraw(self, kid: str) -> bool:
        """Take a key back that somebody else has: tokens that it signed are refused as soon as caches end.

        Returns False when there is no such key. A successor signs at once, as nothing is worse than going on.
        """
        async with self._transactions() as store:
            await store.keys.lock()
            ring, now = KeyRing.of(await store.keys.all()), self._now()
            gone = next((key for key in ring.keys if key.kid == kid and key.published(now)), None)
            if gone is None:
                return False
            left = KeyRing(tuple(key for key in ring.keys if key is not gone and key.published(now)))
            if left.signer(now) is None:
                made = make_key(self._algorithm, self._seal, published_at=now, signs_from=now)
                await store.keys.save(made)
            await store.keys.save(replace(gone, signs_until=now, removed_at=now))
        await self.refresh()
        return True

    async def sign(self, kind: str, claims: Mapping[str, JsonValue]) -> str:
        """Return a token of type `kind`, signed by the key whose turn it is.

        Raises:
            KeysStale: the keys were not read for so long that it is not known whose turn it is.
        """
        now = self._now()
        if self._read_at is None or now - self._read_at > self._timing.lead / 2:
            await self.refresh()
        key = self._ring.signer(now)
        if key is None or not key.published(now):
            raise KeysStale
        if key.kid not in self._signers:
            self._signers[key.kid] = Signer(key, self._seal)
        return self._signers[key.kid].sign(kind, claims)

    async def find(self, key_id: str) -> VerifyingKey:
        """Return the published key with this id.

        Raises:
            Refusal: there is none.
        """
        now = self._now()
        if not any(key.kid == key_id and key.published(now) for key in self._ring.keys):
            raise Refusal("key")
        return self._verifying[key_id]

    def key_set(self) -> list[dict[str, JsonValue]]:
        """Return the public keys, as a JWK set lists them."""
        return [key.public for key in self._ring.published(self._now())]

    @property
    def ring(self) -> KeyRing:
        """The keys as they were read last."""
        return self._ring

    async def _succeed(self, store: Store, ring: KeyRing) -> SigningKey:
        now = self._now()
        begins = ring.begins_at(self._timing, now)
        made = make_key(self._algorithm, self._seal, published_at=now, signs_from=begins)
        before = ring.ended_by(made)
        await store.keys.save(made)
        if before is not None:
            await store.keys.save(before)
        return made

    def _take(self, ring: KeyRing) -> None:
        now = self._now()
        before = {key.kid for key in self._ring.published(now)}
        self._ring, self._read_at = ring, now
        self._verifying = read_keys([key.public for key in ring.keys], ALGORITHMS)
        published = {key.kid for key in ring.published(now)}
        self._signers = {kid: signer for kid, signer in self._signers.items() if kid in published}
        if before - published:
            self.generation += 1

"""Whom a service believes, put together from its settings: the issuer, its keys, and what it took back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arnia.chassis.claims import Places
from arnia.chassis.issuers import Issuer
from arnia.chassis.keys import KeyCache, Keys, SharedKey, ToldKeys
from arnia.chassis.metrics import Metrics
from arnia.chassis.revocations import RevocationFeed, Revocations
from arnia.chassis.settings import ServiceSettings
from arnia.chassis.tokens import Expected
from arnia.chassis.verifier import Verifier
from arnia.conventions import NO_KEYS_YET

__all__ = ["Trust"]


class Trust:
    """The verifier of a process, and what it needs while the process runs.

    Making it asks nobody. The issuer's keys are fetched in the background once the process has begun, or for its first
    token: neither needs the other to start, and an issuer that goes away later takes nobody along.
    """

    def __init__(self, service: str, settings: ServiceSettings, metrics: Metrics) -> None:
        self._issuer = Issuer(settings.issuer, settings.jwks_url)
        self._cache = KeyCache(
            self._issuer.key_set, settings.token_algorithms, refetch_seconds=settings.key_refetch_seconds
        )
        self._revocation_url = settings.revocation_url
        told = _told_keys(settings)
        self._asks = told is None
        self._keeping: asyncio.Task[None] | None = None
        closed = settings.revocation_url is not None and settings.revocation_lost == "closed"
        self._revocations = Revocations(demanding=closed)
        self.verifier = Verifier(
            keys=told or self._cache,
            expected=Expected(
                issuer=settings.issuer,
                audience=settings.audience or service,
                leeway=settings.token_leeway_seconds,
                kind=settings.token_type,
                places=Places(roles=settings.roles_claim, scopes=settings.scopes_claim, client=settings.client_claim),
            ),
            revocations=self._revocations,
            refusals=metrics.refusals,
        )

    def begin(self) -> None:
        """Fetch the issuer's keys in the background, and keep them fresh."""
        if self._asks:
            self._keeping = asyncio.create_task(self._cache.keep())

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow what is revoked, for the length of a block; end with it whatever is under way."""
        feed = None
        if self._revocation_url is not None:
            feed = RevocationFeed(self._revocation_url.get_secret_value(), self._revocations)
            await feed.open()
        try:
            yield
        finally:
            if feed is not None:
                await feed.close()
            if self._keeping is not None:
                self._keeping.cancel()
                await asyncio.wait([self._keeping])
            await self._cache.close()
            await self._issuer.close()

    def describe(self) -> dict[str, str]:
        """Return how fresh the issuer's keys and the list of revoked tokens are; nobody is asked."""
        told = {}
        if self._asks:
            age = self._cache.age
            told["issuer"] = NO_KEYS_YET if age is None else f"keys {age:.0f} s old"
        if self._revocation_url is not None:
            told["revocations"] = "lost" if self._revocations.lost else "followed"
        return told


def _told_keys(settings: ServiceSettings) -> Keys | None:
    """Return the keys that the settings hold themselves; None where the issuer is asked for its own."""
    if settings.shared_token_key is not None:
        return SharedKey(settings.shared_token_key.get_secret_value())
    return ToldKeys(settings.token_keys, settings.token_algorithms) if settings.token_keys else None

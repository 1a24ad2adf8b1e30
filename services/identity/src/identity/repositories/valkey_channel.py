"""Revocations in Valkey: a sorted set to be read, and messages to be heard, written together."""

from collections.abc import Sequence
from typing import Final

from valkey.asyncio import Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from arnia.conventions import REVOCATION_CHANNEL, REVOCATION_LIST
from arnia.errors import Unavailable
from identity.models.revocations import Revocation

PATIENCE_SECONDS: Final = 0.5
FAULTS: Final = (ValkeyError, OSError, TimeoutError)


class ValkeyChannel:
    """Keeps the promise of `Channel` with the Valkey server at `url`."""

    def __init__(self, url: str) -> None:
        self._client = Valkey.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=PATIENCE_SECONDS,
            socket_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
            lib_name=None,
            lib_version=None,
        )

    async def members(self, now: float) -> frozenset[str]:
        """Return what the list holds that has not ended."""
        try:
            return frozenset(str(each) for each in await self._client.zrangebyscore(REVOCATION_LIST, now, "+inf"))
        except FAULTS as error:
            raise _lost(error) from error

    async def push(self, revocations: Sequence[Revocation], now: float) -> None:
        """Add to the list, say so, and take out what has ended: all or nothing."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.zremrangebyscore(REVOCATION_LIST, "-inf", now)
                pipe.zadd(REVOCATION_LIST, {each.member: each.until.timestamp() for each in revocations})
                for each in revocations:
                    pipe.publish(REVOCATION_CHANNEL, each.member)
                await pipe.execute()
        except FAULTS as error:
            raise _lost(error) from error

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def _lost(error: Exception) -> Unavailable:
    return Unavailable(f"Valkey does not answer: {type(error).__name__}")

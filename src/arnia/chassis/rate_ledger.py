"""The ledger of rate limits in Valkey: one number for each principal, which goes when its window ends."""

import hashlib
from typing import Final

from valkey.asyncio import Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from arnia.chassis.rate_limits import Lease, LedgerLost, RateLimit

__all__ = ["ValkeyLedger"]

ANSWER_SECONDS: Final = 0.25
"""How long the first request of a window waits at most, once."""

# Never more than a quarter of what is left at once, so that little is left over in a replica that is asked less.
LEASE: Final = """
local quota, milliseconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local want, spent = tonumber(ARGV[3]), tonumber(ARGV[4])
local used = tonumber(redis.call('GET', KEYS[1]) or -1)
local begins = used < 0
used = math.min(quota, math.max(0, used) + spent)
local granted = math.min(want, math.ceil((quota - used) / 4))
used = used + granted
if begins then
    redis.call('SET', KEYS[1], used, 'PX', milliseconds)
else
    redis.call('SET', KEYS[1], used, 'KEEPTTL')
end
return {granted, quota - used, redis.call('PTTL', KEYS[1])}
"""


class ValkeyLedger:
    """Leases from the Valkey server at `url`."""

    def __init__(self, url: str, service: str, limit: RateLimit) -> None:
        self._client = Valkey.from_url(
            url,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            lib_name=None,
            lib_version=None,
        )
        self._script = self._client.register_script(LEASE)
        self._prefix = f"{service}:rate:"
        self._limit = limit

    async def lease(self, key: str, want: int, spent: int) -> Lease:
        """Grant what is left; see `Ledger`.

        Raises:
            LedgerLost: Valkey does not answer.
        """
        # A digest, since a caller may choose its name and the length of it.
        name = self._prefix + hashlib.sha256(key.encode()).hexdigest()[:32]
        try:
            granted, left, milliseconds = await self._script(
                keys=[name], args=[self._limit.quota, self._limit.seconds * 1000, want, spent]
            )
        except (ValkeyError, OSError, TimeoutError) as error:
            raise LedgerLost(type(error).__name__) from None
        return Lease(int(granted), int(left), int(milliseconds) / 1000)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

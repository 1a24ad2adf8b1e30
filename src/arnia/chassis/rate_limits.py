"""How often a principal may ask: counted in this process, or, in blocks that are leased from Valkey, in all replicas.

A window begins with a principal's first request and ends a fixed time later. A process never admits what it has no
lease for, so all replicas together never admit more than the quota, and a restart forgets nothing. The first request of
a window waits for a lease; further blocks are leased ahead, in the background, so that the others make no round trip.
Blocks become smaller as the window fills, that a replica with few requests does not sit on what another could give.

Fields: `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10), and `Retry-After` with a 429.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Literal, Protocol

from arnia.chassis.principals import ANONYMOUS, Principal
from arnia.errors import TooManyRequests, Unavailable

__all__ = ["Lease", "Ledger", "LedgerLost", "RateLimit", "RateLimiter", "principal_key", "source_of"]

Fields = list[tuple[bytes, bytes]]

MOST_WINDOWS: Final = 65_536
"""Principals that are remembered at once; beyond that, who began longest ago begins anew."""
BLOCKS: Final = 10
"""A block is a tenth of the quota, at most."""
AGAIN_SECONDS: Final = 1.0
"""How long the ledger is left alone after it was lost."""

log: Final = logging.getLogger("arnia.limits")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in so many seconds."""

    quota: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "RateLimit":
        """Return what `100/60s` says, which settings have validated."""
        quota, _, seconds = text.partition("/")
        return cls(int(quota), int(seconds.rstrip("s")))


@dataclass(frozen=True, slots=True)
class Lease:
    """What a ledger has granted.

    Attributes:
        granted: So many requests.
        left: So many are left to be leased, by anybody.
        seconds: So long the window lasts from now.
    """

    granted: int
    left: int
    seconds: float


class LedgerLost(Exception):
    """Nobody can say what is left: the ledger does not answer."""


class Ledger(Protocol):
    """What all replicas lease from."""

    async def lease(self, key: str, want: int, spent: int) -> Lease:
        """Grant up to `want` requests of the window of `key`, which begins with this where there is none.

        Args:
            key: Whose window.
            want: How many are wished for.
            spent: How many were admitted without a lease, to be counted too.

        Raises:
            LedgerLost: as said.
        """

    async def close(self) -> None:
        """Close every connection."""


@dataclass(slots=True, eq=False)
class _Window:
    """What this process holds of one principal's window."""

    ends: float
    held: int = 0
    granted: int = 0
    left_elsewhere: int = 0
    unaccounted: int = 0
    """Admitted while the ledger was lost."""
    alone: bool = False
    """Whether this process counts by itself."""
    answered: bool = False
    """Whether the ledger has said what is left."""
    leasing: asyncio.Task[None] | None = field(default=None)


class RateLimiter:
    """Admits requests, principal by principal.

    Args:
        limit: How many in which time.
        ledger: Shared with other replicas; None where this process counts by itself.
        lost: While the ledger does not answer: count alone (`open`), or admit nobody (`closed`).
        clock: Seconds, from anywhere.
    """

    def __init__(
        self,
        limit: RateLimit,
        ledger: Ledger | None = None,
        *,
        lost: Literal["open", "closed"] = "open",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.refused = 0
        self._limit = limit
        self._ledger = ledger
        self._open = lost == "open"
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._lost_until = 0.0
        self._block = max(1, limit.quota // BLOCKS)
        self._policy = (b"ratelimit-policy", f'"default";q={limit.quota};w={limit.seconds}'.encode())

    @property
    def lost(self) -> bool:
        """Whether the ledger did not answer a moment ago."""
        return self._clock() < self._lost_until

    async def close(self) -> None:
        """End what is under way, and close the ledger."""
        tasks = [window.leasing for window in self._windows.values() if window.leasing is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._ledger is not None:
            await self._ledger.close()

    async def admit(self, key: str) -> Fields:
        """Count one request of `key`; return the fields that tell how many are left.

        Raises:
            TooManyRequests: the quota is used up.
            Unavailable: nobody can say how much is left, and this service was told to refuse then.
        """
        now = self._clock()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._begin(key, now)
        while window.held <= 0:
            await self._more(key, window)
        window.held -= 1
        if window.alone and self._ledger is not None:
            window.unaccounted += 1
        if window.leasing is None and self._wants_more(window):
            self._start_leasing(key, window)
        return self._fields(window)

    def _begin(self, key: str, now: float) -> _Window:
        windows = self._windows
        windows.pop(key, None)
        # They are as old as they stand in order, since all last equally long.
        while windows and (len(windows) >= MOST_WINDOWS or next(iter(windows.values())).ends <= now):
            windows.pop(next(iter(windows)))
        window = windows[key] = _Window(ends=now + self._limit.seconds)
        if self._ledger is None:
            window.alone, window.held = True, self._limit.quota
        return window

    def _wants_more(self, window: _Window) -> bool:
        if self._ledger is None or self.lost:
            return False
        return window.alone or (window.left_elsewhere > 0 and window.held <= window.granted // 2)

    async def _more(self, key: str, window: _Window) -> None:
        """Hold more in `window`, or refuse."""
        if window.leasing is None:
            if window.alone or (window.answered and not window.left_elsewhere):
                self._refuse(window)
            if self.lost:
                self._count_alone(window)
                return
            self._start_leasing(key, window)
        if window.leasing is not None:
            await asyncio.shield(window.leasing)

    def _start_leasing(self, key: str, window: _Window) -> None:
        window.leasing = asyncio.create_task(self._lease(key, window))

    async def _lease(self, key: str, window: _Window) -> None:
        """Lease a block; whatever comes of it, the window says so afterwards."""
        asked, spent = self._clock(), window.unaccounted
        ledger = self._ledger
        try:
            if ledger is not None:
                lease = await ledger.lease(key, self._block, spent)
                if window.alone:
                    window.alone, window.held = False, 0
                # Counted from the asking: never later than the ledger's own end.
                window.ends = asked + lease.seconds
                window.unaccounted -= spent
                window.held += lease.granted
                window.granted, window.left_elsewhere, window.answered = lease.granted, lease.left, True
        except LedgerLost as error:
            self._lost_until = self._clock() + AGAIN_SECONDS
            log.warning("the ledger of rate limits does not answer, will try again: %s", error)
        finally:
            window.leasing = None

    def _count_alone(self, window: _Window) -> None:
        if not self._open:
            detail = "It cannot be known how often this was asked, and this service was told to refuse then."
            raise Unavailable(detail)
        window.alone = True
        window.held = self._limit.quota

    def _refuse(self, window: _Window) -> None:
        self.refused += 1
        refusal = TooManyRequests(
            f"You may ask {self._limit.quota} times in {self._limit.seconds} s.",
            retry_after=max(1, math.ceil(window.ends - self._clock())),
        )
        refusal.headers |= {name.decode(): value.decode() for name, value in self._fields(window)}
        raise refusal

    def _fields(self, window: _Window) -> Fields:
        seconds = max(0, math.ceil(window.ends - self._clock()))
        left = max(0, window.held + window.left_elsewhere)
        return [self._policy, (b"ratelimit", f'"default";r={left};t={seconds}'.encode())]


def principal_key(principal: Principal, source: str) -> str:
    """Return whose requests are counted together: the principal's, or those of everybody at one address."""
    if principal is ANONYMOUS:
        return source
    return f"{principal.client}\n{principal.subject}"


@lru_cache(maxsize=4096)
def source_of(peer: str, forwarded: bytes, trusted: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """Return where a request comes from: the peer, or, where that is a proxy of ours, who it says was its own.

    Of an IPv6 address the network of 64 bits is meant: nobody has less.

    Args:
        peer: Who sent the request.
        forwarded: The values of X-Forwarded-For; the last was added by the peer.
        trusted: Networks whose word is taken.
    """
    source = peer
    for hop in reversed([peer] if not forwarded else [*forwarded.decode("latin-1").split(","), peer]):
        try:
            given = ip_address(hop.strip())
        except ValueError:
            break
        # A socket of both families shows IPv4 as ::ffff:192.0.2.1, and all of those are in one network of 64 bits.
        address = (given.ipv4_mapped or given) if isinstance(given, IPv6Address) else given
        source = str(IPv6Network((address, 64), strict=False) if isinstance(address, IPv6Address) else address)
        if not any(address in network for network in trusted):
            break
    return source

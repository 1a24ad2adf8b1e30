"""Passwords, hashed and checked with argon2id on a few threads of their own, with a short queue before them.

The library lets go of Python's lock while it works, so that a flood of logins costs the other requests a processor at
most, and never the event loop.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from identity.models.errors import LoginsBusy
from identity.models.values import MAX_PASSWORD_BYTES

T = TypeVar("T")

MEMORY_KIB: Final = 19_456
LEAST_PASSES: Final = 2
MOST_PASSES: Final = 12
"""19 MiB and two passes are OWASP's minimum; calibration adds passes only, as memory is not for it to give away."""


class Verdict(NamedTuple):
    """Whether a password was right and, if it should be hashed anew with today's cost, its new hash."""

    right: bool
    rehashed: str | None = None


class Passwords:
    """Hashes and checks.

    Args:
        threads: How many at once.
        queue: How many may wait; the next one is refused.
        target_seconds: How long one shall take at least; what that needs is measured by `begin`.
    """

    def __init__(self, *, threads: int = 1, queue: int = 16, target_seconds: float = 0.1) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._most = threads + queue
        self._threads = threads
        self._target_seconds = target_seconds
        self._pending = 0
        self._cost_seconds = target_seconds
        self._hasher = _hasher(LEAST_PASSES)
        self._dummy = ""

    async def begin(self) -> None:
        """Measure how many passes take as long as they shall, and make the hash that stands in for unknown users."""
        await self._run(self._calibrate)

    def close(self) -> None:
        """Let what is under way finish, and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def require_room(self) -> None:
        """Insist that another password would be looked at.

        Raises:
            LoginsBusy: too many wait already.
        """
        if self._pending >= self._most:
            raise LoginsBusy(retry_after=max(1, math.ceil(self._most * self._cost_seconds / self._threads)))

    async def hash(self, password: str) -> str:
        """Return the hash of a new password, with its salt and its cost.

        Raises:
            LoginsBusy: too many wait already.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def check(self, password: str, stored: str | None) -> Verdict:
        """Tell whether `stored` is the hash of `password`; without a stored one, no after as much work.

        Raises:
            LoginsBusy: too many wait already.
        """
        if len(password.encode("utf-8", "surrogatepass")) > MAX_PASSWORD_BYTES:
            return Verdict(right=False)
        return await self._run(lambda: self._check(password, stored))

    def _check(self, password: str, stored: str | None) -> Verdict:
        try:
            right, rehashed = self._hasher.verify_and_update(password, stored or self._dummy)
        except (UnknownHashError, UnicodeEncodeError):
            return Verdict(right=False)
        return Verdict(right=right and stored is not None, rehashed=rehashed if stored is not None else None)

    def _calibrate(self) -> None:
        passes = LEAST_PASSES
        while True:
            self._hasher = _hasher(passes)
            began = time.perf_counter()
            self._dummy = self._hasher.hash(secrets.token_urlsafe())
            self._cost_seconds = time.perf_counter() - began
            if self._cost_seconds >= self._target_seconds or passes >= MOST_PASSES:
                return
            passes += 1

    async def _run(self, work: Callable[[], T]) -> T:
        self.require_room()
        self._pending += 1
        job = self._pool.submit(work)
        job.add_done_callback(self._done(asyncio.get_running_loop()))
        return await asyncio.wrap_future(job)

    def _done(self, loop: asyncio.AbstractEventLoop) -> Callable[[Future[T]], None]:
        # When the thread is done, not when whoever waited has gone: a thread cannot be told to stop.
        def note(_: Future[T]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._leave)

        return note

    def _leave(self) -> None:
        self._pending -= 1


def _hasher(passes: int) -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=passes, memory_cost=MEMORY_KIB, parallelism=1),))

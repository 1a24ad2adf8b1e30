"""The loop of a consumer: fetch, take over, acknowledge; and beside it, go on with what waits."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from arnia.chassis.brokers.broker import Broker, Intake, Received, Subscription
from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.inbox import Inbox
from arnia.errors import ArniaError, ServiceError

__all__ = ["Consumer", "Lumber", "digest"]

WAIT: Final = 1.0
"""Seconds that a fetch waits for something to come."""
SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
LONGEST_LOOK: Final = 0.5
"""Seconds between two looks at what waits, while nothing is due."""
ANSWER_SECONDS: Final = 2.0
"""How long the broker is asked what it has, with a transaction open."""
TOGETHER: Final = 4
"""Aggregates that are gone on with at once, so that a slow one does not hold up the others."""

log: Final = logging.getLogger("arnia.consumer")


class Lumber(Protocol):
    """Where what is no event is kept, whole."""

    async def stow(self, received: Sequence[Received]) -> None:
        """Keep these; once each, however often they come."""


class Consumer:
    """Hears what a service hears.

    Attributes:
        redelivered: How many messages came again, as far as the broker counts.
        undecodable: How many were no events.
    """

    def __init__(
        self,
        broker: Broker,
        subscription: Subscription,
        inbox: Inbox,
        lumber: Lumber,
        *,
        batch: int,
        reach: Reach = nowhere,
    ) -> None:
        """Take from `broker` what `subscription` says, at most `batch` messages at once."""
        self._broker = broker
        self._subscription = subscription
        self._inbox = inbox
        self._lumber = lumber
        self._batch = batch
        self._reach = reach
        self._hint = asyncio.Event()
        self._stopping = asyncio.Event()
        self._intake: Intake | None = None
        self._wary = batch
        self._moved = 0
        self.redelivered = 0
        self.undecodable = 0

    def stop(self) -> None:
        """Finish the batch in hand, and take no other."""
        self._stopping.set()
        self._hint.set()
        self._inbox.stop()

    @property
    def hearing(self) -> bool:
        """Whether what comes is heard: the broker is there, and lets this service read."""
        return self._intake is not None

    async def lag(self) -> int:
        """Return how many messages wait at the broker; 0 while it is not there."""
        if self._intake is None:
            return 0
        with suppress(ServiceError):
            return await self._intake.lag()
        return 0

    async def is_drained(self) -> bool:
        """Tell whether the broker is there and has nothing more, neither waiting nor handed over to anybody."""
        if self._intake is None:
            return False
        with suppress(ServiceError, TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._intake.lag() == 0
        return False

    async def hear(self) -> None:
        """Take over what comes, until told to stop."""
        while not self._stopping.is_set():
            await self._persist(self._hear, "events are not heard")

    async def go_on(self) -> None:
        """Go on with what waits, until told to stop."""
        pause = SHORTEST_PAUSE
        while not self._stopping.is_set():
            self._hint.clear()
            if await self._persist(self._resume, "events that wait are not looked at") and self._moved:
                pause = SHORTEST_PAUSE
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hint.wait(), pause)
            pause = min(pause * 2, LONGEST_LOOK)

    async def _resume(self) -> None:
        self._moved = 0
        self._moved = await self._inbox.resume(together=TOGETHER, drained=self.is_drained)

    async def _hear(self) -> None:
        async with self._broker.subscribe(self._subscription) as intake:
            self._intake = intake
            try:
                while not self._stopping.is_set():
                    await self._once(intake)
            finally:
                self._intake = None

    async def _once(self, intake: Intake) -> None:
        """Take one batch over, and acknowledge it."""
        received = await intake.fetch(self._batch, WAIT)
        if not received:
            return
        self._reach("inbox.fetched")
        again = [each for each in received if each.deliveries > 1]
        self.redelivered += len(again)
        # Who was killed by a message meets it again among the first: no broker hands over more than a batch before it.
        careful, self._wary = self._wary > 0 or bool(again), max(0, self._wary - len(received))

        # The batch stays in hand while the database is away: given back, it would only come again.
        if not await self._persist(partial(self._take, received, careful=careful), "events wait for the database"):
            return
        await intake.acknowledge(received)
        self._reach("inbox.acknowledged")

    async def _take(self, received: Sequence[Received], *, careful: bool) -> None:
        strange = [each for each in received if each.message is None]
        messages = [each.message for each in received if each.message is not None]
        if strange:
            await self._lumber.stow(strange)
        try:
            if messages and await self._inbox.take(messages, careful=careful):
                self._hint.set()
        except ArniaError:
            raise
        except Exception:
            if len(received) == 1:
                # No database can keep it as an event. Kept as it came, it is in nobody's way, and can be looked at.
                log.exception("an event cannot be kept")
                await self._lumber.stow([replace(received[0], message=None, fault="it cannot be kept as an event")])
                strange = list(received)
            else:
                for each in received:
                    await self._take([each], careful=careful)
                return
        self.undecodable += len(strange)

    async def _persist(self, action: Callable[[], Awaitable[None]], complaint: str) -> bool:
        """Repeat `action` until it ends without a fault, and return True; or until told to stop, and return False."""
        pause, away_since = SHORTEST_PAUSE, 0.0
        while True:
            try:
                await action()
            except Exception as error:
                if self._stopping.is_set():
                    return False
                if not isinstance(error, ArniaError):
                    log.exception("%s: a fault of the chassis", complaint)
                elif not away_since:
                    log.warning("%s: %s", complaint, error)
                away_since = away_since or time.monotonic()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if away_since:
                    log.warning("no more %s: that is over, after %.1f s", complaint, time.monotonic() - away_since)
                return True


def digest(received: Received) -> bytes:
    """Return what is the same whenever the same thing comes."""
    told = hashlib.sha256(received.channel.encode() + b"\x00" + received.body)
    for name in sorted(received.headers):
        told.update(f"\x00{name}\x00{received.headers[name]}".encode())
    return told.digest()

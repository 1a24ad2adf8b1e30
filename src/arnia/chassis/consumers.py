"""The loop of a consumer: fetch, take over, acknowledge; and beside it, go on with what waits."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from arnia.chassis.brokers.broker import Broker, Intake, Received, Subscription
from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.inbox import Inbox
from arnia.errors import ArniaError, ServiceError

__all__ = ["Consumer", "Lumber", "digest"]

WAIT: Final = 1.0
"""Seconds that a fetch waits for something to come."""
SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0

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
        self.redelivered = 0
        self.undecodable = 0

    def stop(self) -> None:
        """Finish the batch in hand, and take no other."""
        self._stopping.set()
        self._hint.set()

    async def lag(self) -> int:
        """Return how many messages wait at the broker; 0 while it is not there."""
        if self._intake is None:
            return 0
        with suppress(ServiceError):
            return await self._intake.lag()
        return 0

    async def hear(self) -> None:
        """Take over what comes, until told to stop."""
        careful = True
        while not self._stopping.is_set():

            async def subscribe() -> None:
                nonlocal careful
                async with self._broker.subscribe(self._subscription) as intake:
                    self._intake = intake
                    try:
                        while not self._stopping.is_set():
                            careful = await self._once(intake, careful=careful)
                    finally:
                        self._intake = None

            await self._persist(subscribe, "events are not heard")

    async def go_on(self) -> None:
        """Go on with what waits, until told to stop."""
        while not self._stopping.is_set():
            looked = 0

            async def resume() -> None:
                nonlocal looked
                looked = await self._inbox.resume()

            await self._persist(resume, "events that wait are not looked at")
            if not looked:
                self._hint.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hint.wait(), SHORTEST_PAUSE)

    async def _once(self, intake: Intake, *, careful: bool) -> bool:
        """Take one batch over; return whether the next one needs the same care."""
        received = await intake.fetch(self._batch, WAIT)
        if not received:
            return False
        self._reach("inbox.fetched")
        again = [each for each in received if each.deliveries > 1]
        self.redelivered += len(again)
        strange = [each for each in received if each.message is None]
        messages = [each.message for each in received if each.message is not None]

        async def take() -> None:
            if strange:
                await self._lumber.stow(strange)
            if messages and await self._inbox.take(messages, careful=careful or bool(again)):
                self._hint.set()

        # The batch stays in hand while the database is away: given back, it would only come again.
        await self._persist(take, "events wait for the database")
        self.undecodable += len(strange)
        await intake.acknowledge(received)
        self._reach("inbox.acknowledged")
        return False

    async def _persist(self, action: Callable[[], Awaitable[None]], complaint: str) -> None:
        """Repeat `action` until it ends without a fault; say once that it does not, and once that it does again."""
        pause, away_since = SHORTEST_PAUSE, 0.0
        while True:
            try:
                await action()
            except ArniaError as error:
                if self._stopping.is_set():
                    return
                if not away_since:
                    away_since = time.monotonic()
                    log.warning("%s: %s", complaint, error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if away_since:
                    log.warning("no more %s: that is over, after %.1f s", complaint, time.monotonic() - away_since)
                return


def digest(received: Received) -> bytes:
    """Return what is the same whenever the same thing comes."""
    told = hashlib.sha256(received.channel.encode() + b"\x00" + received.body)
    for name in sorted(received.headers):
        told.update(f"\x00{name}\x00{received.headers[name]}".encode())
    return told.digest()

"""From the outbox to the broker: at least once, and in order for each aggregate.

One turn is one transaction: claim aggregates by advisory locks, read what is unsent of them **in a second statement**,
whose snapshot is younger than the locks, publish, and mark what the broker confirmed. A process that dies in between
leaves everything unsent, and it is sent again with the same ids. Any number of relays may run, and one takes two turns
at once where there is a backlog.

Of the usual designs this is the only one that neither lost, nor doubled, nor reordered anything when it was measured: a
cursor (`id > last`) misses what commits late, `SKIP LOCKED` in several relays reorders, and a lock that is taken in the
statement that reads sees rows that another relay has sent meanwhile.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Protocol

from arnia.chassis.brokers.broker import Broker, Undeliverable
from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.messages import Message
from arnia.errors import ArniaError, Unavailable

__all__ = ["Claim", "OutboxStore", "Relay"]

BATCH: Final = 500
SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.2
LONGEST_BACK_OFF: Final = 5.0
"""Seconds between two turns: with something to send none, without anything growing, after a fault growing further."""

log: Final = logging.getLogger("arnia.relay")


class Claim(Protocol):
    """What one turn may send, in a transaction that ends with the turn."""

    @property
    def messages(self) -> Sequence[Message]:
        """What is unsent of the claimed aggregates, each one's in the order of its sequence, without a hole."""

    async def mark(self, messages: Sequence[Message]) -> None:
        """Remember that these were sent."""

    async def refuse(self, messages: Sequence[Message], reason: str) -> None:
        """Remember that these can never be sent; nothing more is sent of their aggregates until somebody mends that."""


class OutboxStore(Protocol):
    """Where emitted events wait."""

    def claim(self, most: int) -> AbstractAsyncContextManager[Claim]:
        """Return a claim on up to `most` messages; committed when its block ends well, undone otherwise."""


class Relay:
    """Sends what an outbox holds.

    Attributes:
        sent: How many messages were sent.
        refused: How many can never be sent.
        faults: How many turns failed; they are repeated.
        stuck: Whether the last turn failed.
    """

    def __init__(self, store: OutboxStore, broker: Broker, *, batch: int = BATCH, reach: Reach = nowhere) -> None:
        """Send through `broker` what `store` holds, at most `batch` messages in a transaction."""
        self._store = store
        self._broker = broker
        self._batch = batch
        self._reach = reach
        self._behind = False
        self.sent = 0
        self.refused = 0
        self.faults = 0
        self.stuck = False

    async def turn(self) -> int:
        """Send one batch; return how many messages it had.

        Raises:
            Unavailable: The broker or the database is not there; nothing is marked.
        """
        async with self._store.claim(self._batch) as claim:
            messages = claim.messages
            if not messages:
                return 0
            self._reach("relay.claimed")
            refused: tuple[Message, ...] = ()
            try:
                await self._broker.publish(messages)
            except Undeliverable as error:
                refused = error.messages
                if not refused:
                    # Nobody knows which of them arrived.
                    raise Unavailable(str(error)) from error
                await claim.refuse(refused, str(error))
                log.warning("%d events can never be sent: %s", len(refused), error)
            self._reach("relay.published")
            never = {message.id for message in refused}
            await claim.mark([message for message in messages if message.id not in never])
        self._reach("relay.marked")
        self.sent += len(messages) - len(refused)
        self.refused += len(refused)
        return len(messages)

    async def _turns(self) -> int:
        """Take a turn; where there is a backlog two at once: one publishes while the other asks the database."""
        if not self._behind:
            sent = await self.turn()
            self._behind = self._is_much(sent)
            return sent
        outcomes = await asyncio.gather(self._catch_up(), self._catch_up(), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(outcome for outcome in outcomes if isinstance(outcome, int))

    async def _catch_up(self) -> int:
        """Take turns until one has little to send, here or beside; return how many messages they had."""
        total = 0
        try:
            while self._behind:
                sent = await self.turn()
                total += sent
                if not self._is_much(sent):
                    break
        finally:
            self._behind = False
        return total

    def _is_much(self, sent: int) -> bool:
        return sent * 2 >= self._batch

    async def run(self, hint: asyncio.Event) -> None:
        """Send for ever; `hint` is set by whoever has just emitted something."""
        pause, away_since = SHORTEST_PAUSE, 0.0
        while True:
            hint.clear()
            try:
                sent = await self._turns()
            except Exception as error:
                self.faults += 1
                if not isinstance(error, ArniaError):
                    log.exception("events wait in the outbox: a fault of the chassis")
                elif not away_since:
                    log.warning("events wait in the outbox: %s", error)
                away_since = away_since or time.monotonic()
                self.stuck = True
                pause = min(pause * 2, LONGEST_BACK_OFF)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - relays that do not come at once
                continue
            self.stuck = False
            if away_since:
                log.warning("events are sent again, after %.1f s", time.monotonic() - away_since)
                pause, away_since = SHORTEST_PAUSE, 0.0
            if sent:
                pause = SHORTEST_PAUSE
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(hint.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

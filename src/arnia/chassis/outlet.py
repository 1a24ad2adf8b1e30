"""The way of a process to its broker beside the outbox: as many messages at once as it bears, each confirmed."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from arnia.chassis.brokers.broker import MOST_BYTES, Broker, Undeliverable
from arnia.chassis.messages import Message
from arnia.errors import ContentTooLarge, DeadlineExceeded, InternalError, Unavailable

__all__ = ["Outlet"]

MOST_AT_ONCE: Final = 8
"""How many publish at the same time: beyond that each only waits longer for the broker's disk."""
CONFIRM_SECONDS: Final = 10.0
"""How long a broker may take to confirm, where the caller has the patience."""
BUSY: Final = "Too much is being published: nothing of this was."
UNCONFIRMED: Final = "The message broker did not confirm in time: it is not known whether it has it. Send it again."

log: Final = logging.getLogger("arnia.events")


class Outlet:
    """Publishes for all requests of a process; shared by them.

    Attributes:
        sent: How many messages the broker confirmed.
        failed: How many it did not.
    """

    def __init__(self, broker: Broker, *, most: int = MOST_AT_ONCE) -> None:
        """Publish through `broker`, for at most `most` callers at once; the others wait for their turn."""
        self._broker = broker
        self._turns = asyncio.Semaphore(most)
        self._publishing = 0
        self.sent = 0
        self.failed = 0

    async def publish(self, messages: Sequence[Message], until: float) -> None:
        """Publish all of them, and return once the broker has confirmed each.

        Args:
            messages: What to publish.
            until: When the caller stops waiting, as `time.monotonic()` counts.

        Raises:
            ContentTooLarge: A message is larger than what every broker takes; none was published.
            DeadlineExceeded: The caller has stopped waiting; none was published.
            InternalError: The broker never takes one of them, whoever sends it again.
            Unavailable: The broker is away, busy, or did not confirm in time: it may have some of them.
        """
        if any(len(message.payload) > MOST_BYTES for message in messages):
            detail = f"An event would have more than {MOST_BYTES} bytes."
            raise ContentTooLarge(detail)
        patience = min(until - time.monotonic(), CONFIRM_SECONDS)
        if patience <= 0:
            detail = "The deadline passed before it was published; nothing of this was."
            raise DeadlineExceeded(detail)
        begun = False
        try:
            async with asyncio.timeout(patience), self._turns:
                begun = True
                await self._send(messages)
        except TimeoutError:
            raise Unavailable(UNCONFIRMED if begun else BUSY) from None

    async def _send(self, messages: Sequence[Message]) -> None:
        self._publishing += 1
        confirmed = 0
        try:
            await self._broker.publish(messages)
            confirmed = len(messages)
        except Undeliverable as error:
            confirmed = len(messages) - len(error.messages)
            log.critical("events that are published directly are refused: %s", error)
            raise InternalError from error
        finally:
            self._publishing -= 1
            self.sent += confirmed
            self.failed += len(messages) - confirmed

    def collect(self) -> Iterable[Metric]:
        """Return what happened, in prometheus-client's terms."""
        name, meaning = "arnia_ingest_messages", "Messages that were published without the outbox."
        outcomes = CounterMetricFamily(name, meaning, labels=("outcome",))
        outcomes.add_metric(("confirmed",), self.sent)
        outcomes.add_metric(("failed",), self.failed)
        yield outcomes
        meaning = "Calls that publish without the outbox now."
        yield GaugeMetricFamily("arnia_ingest_publishing", meaning, value=self._publishing)

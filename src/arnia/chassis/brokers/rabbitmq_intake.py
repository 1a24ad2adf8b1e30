"""What a consumer reads from RabbitMQ: its queues, on a connection of their own, acknowledged by hand.

A receipt belongs to the channel that handed a message over. When that channel is gone its messages come again on the
next one, with other numbers: a receipt from before acknowledges nothing then.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelClosed
from aiormq.abc import AbstractChannel as WireChannel
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelAccessRefused
from pamqp.commands import Basic

from arnia.chassis.brokers.broker import Received, Subscription, Undeliverable
from arnia.chassis.brokers.rabbitmq_line import GONE, RECONNECT_SECONDS, Line, away, bounded
from arnia.chassis.brokers.rabbitmq_topology import ANSWER_SECONDS, make_end, make_exchange
from arnia.chassis.messages import Message, Undecodable, read
from arnia.errors import Unavailable

__all__ = ["PREFIX", "RabbitIntake", "prefix_of"]

PREFIX: Final = "cloudEvents:"
PREFIXES: Final = ("cloudevents:", "cloudevents_")
"""The binding allows both; what we publish has the first."""
DELIVERED_BEFORE: Final = "x-delivery-count"
PREPARE_SECONDS: Final = 20.0


class _Reading:
    """One channel, as long as it lasts."""

    def __init__(self, channel: AbstractChannel, wire: WireChannel, arrived: asyncio.Event, each: int) -> None:
        self._channel = channel
        self.wire = wire
        self._arrived = arrived
        self.each = each
        self._cancelled = False
        self.queues: list[str] = []
        self.ready: deque[Received] = deque()
        self.unacknowledged: dict[int, None] = {}
        channel.close_callbacks.add(self._end)
        wire.on_consumer_cancel_callbacks.add(self._cancel)

    @property
    def alive(self) -> bool:
        """Whether messages can come on it, and be acknowledged."""
        return not self._channel.is_closed and not self._cancelled

    async def read(self, queue: str, channel: str) -> None:
        """Take what comes from `queue`."""

        async def take(message: DeliveredMessage) -> None:
            if message.delivery_tag is not None:
                self.unacknowledged[message.delivery_tag] = None
                self.ready.append(_received(message, channel, (self, message.delivery_tag)))
                self._arrived.set()

        self.queues.append(queue)
        await self.wire.basic_consume(queue, take, timeout=ANSWER_SECONDS)

    async def acknowledge(self, tags: Sequence[int]) -> None:
        """Acknowledge these, in as few words as they allow, and return when the server has read that."""
        mine, last = set(tags), 0
        for tag in tuple(self.unacknowledged):
            if tag not in mine:
                break
            last = tag
        if last:
            await self.wire.basic_ack(last, multiple=True, wait=False)
        for tag in sorted(mine):
            if tag > last:
                await self.wire.basic_ack(tag, wait=False)
            self.unacknowledged.pop(tag, None)
        await self.heard()

    async def heard(self) -> None:
        """Return when the server has read everything that was said on this channel: it answers in order."""
        await self.wire.basic_qos(prefetch_count=self.each, timeout=ANSWER_SECONDS)

    async def close(self) -> None:
        """Part from it; what it held comes again."""
        await self._channel.close()

    async def _cancel(self, _: Basic.Cancel) -> None:
        self._cancelled = True
        self._arrived.set()

    def _end(self, *_: object) -> None:
        self._arrived.set()


class RabbitIntake:
    """What several queues hand over, as it comes."""

    def __init__(self, line: Line, subscription: Subscription) -> None:
        self._line = line
        self._subscription = subscription
        self._arrived = asyncio.Event()
        self._reading: _Reading | None = None

    async def begin(self) -> None:
        """Make the queues, and begin to read them.

        Raises:
            Unavailable: The server is not there, or nobody has made a channel yet.
            Undeliverable: This service may not read there.
        """
        try:
            self._reading = await bounded(self._read(), PREPARE_SECONDS)
        except ChannelAccessRefused as error:
            message = f"RabbitMQ does not let {self._subscription.consumer} read that: {_said(error)}"
            raise Undeliverable(message, ()) from error
        except GONE as error:
            await self._line.drop()
            raise away() from error

    async def end(self) -> None:
        """Read no more; what was handed over and not acknowledged comes again to whoever is next."""
        reading, self._reading = self._reading, None
        if reading is not None and reading.alive:
            try:
                await bounded(reading.close(), ANSWER_SECONDS)
            except GONE:
                reading = None  # gone is gone
        await self._line.close()

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return what is there, or comes within `wait` seconds.

        Raises:
            Unavailable: The server was not there all that time.
            Undeliverable: This service may not read there any more.
        """
        until = time.monotonic() + wait
        while True:
            reading = await self._living(until)
            if reading.ready:
                return [reading.ready.popleft() for _ in range(min(most, len(reading.ready)))]
            self._arrived.clear()
            left = until - time.monotonic()
            if left <= 0:
                return ()
            if reading.alive:
                try:
                    await asyncio.wait_for(self._arrived.wait(), left)
                except TimeoutError:
                    if reading.alive:
                        return ()
                    raise away() from None

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Never hand these over again.

        Raises:
            Unavailable: The channel that handed some over is gone; those come again.
        """
        reading, tags = self._reading, _receipts(received)
        mine = [tag for one, tag in tags if one is reading]
        if reading is not None and mine:
            try:
                await bounded(reading.acknowledge(mine), ANSWER_SECONDS)
            except GONE as error:
                await self._line.drop()
                raise away() from error
        if len(mine) < len(tags):
            raise away()

    async def give_back(self, received: Sequence[Received], *, delay: float = 0.0) -> None:
        """Hand these over again, at once: RabbitMQ cannot wait."""
        del delay
        for reading, tag in _receipts(received):
            if reading is self._reading and reading.alive:
                try:
                    reading.unacknowledged.pop(tag, None)
                    await bounded(reading.wire.basic_nack(tag, requeue=True, wait=False), ANSWER_SECONDS)
                except GONE as error:
                    raise away() from error

    async def lag(self) -> int:
        """Return how many messages wait in the queues, and how many are handed over and not acknowledged."""
        reading = self._reading
        if reading is None or not reading.alive:
            raise away()
        total = len(reading.unacknowledged)
        for queue in reading.queues:
            try:
                found = await bounded(
                    reading.wire.queue_declare(queue, passive=True, timeout=ANSWER_SECONDS), ANSWER_SECONDS
                )
            except GONE as error:
                raise away() from error
            total += found.message_count or 0
        return total

    async def _living(self, until: float) -> _Reading:
        """Return a reading that lives; one that is gone is begun again."""
        while self._reading is None or not self._reading.alive:
            if self._reading is not None:
                self._reading = None
                await self._line.drop()
            try:
                await self.begin()
            except Unavailable:
                if time.monotonic() + RECONNECT_SECONDS > until:
                    raise
                await asyncio.sleep(RECONNECT_SECONDS)
        return self._reading

    async def _read(self) -> _Reading:
        subscription = self._subscription
        each = max(1, subscription.in_flight // len(subscription.channels))
        for channel in subscription.channels:
            await self._make(channel)
        line = await self._line.channel()
        reading = _Reading(line, await line.get_underlay_channel(), self._arrived, each)
        await reading.heard()
        for channel in subscription.channels:
            await reading.read(f"{subscription.consumer}.{channel}", channel)
        return reading

    async def _make(self, channel: str) -> None:
        """Make the queue for `channel`; the exchange too, where we may: whoever emits may come later than we."""
        try:
            line = await self._line.channel()
            await make_end(line, self._subscription.consumer, channel)
            await line.close()
        except Unavailable as error:
            if not self._line.up:
                raise
            try:
                line = await self._line.channel()
                await make_exchange(line, channel)
                await make_end(line, self._subscription.consumer, channel)
                await line.close()
            except ChannelClosed:
                raise error from None


def _receipts(received: Sequence[Received]) -> list[tuple[_Reading, int]]:
    receipts = []
    for each in received:
        if not isinstance(each.receipt, tuple):
            message = "this was not handed over by RabbitMQ"
            raise TypeError(message)
        receipts.append(each.receipt)
    return receipts


def _received(message: DeliveredMessage, channel: str, receipt: tuple[_Reading, int]) -> Received:
    properties = message.header.properties
    carried = (properties.headers or {}).items()
    headers = {name: value if isinstance(value, str) else _text(value) for name, value in carried}
    event: Message | None = None
    fault = ""
    try:
        event = read(headers, message.body, prefix=prefix_of(headers), content_type=properties.content_type or "")
    except Undecodable as error:
        fault = str(error)
    return Received(
        message=event,
        channel=channel,
        body=message.body,
        headers=headers,
        fault=fault,
        deliveries=1 + _number(headers.get(DELIVERED_BEFORE, "0")),
        receipt=receipt,
    )


def prefix_of(headers: Mapping[str, str]) -> str:
    """Return what the attributes of an event begin with in these headers, in lower case."""
    if f"{PREFIX}id" in headers:
        return PREFIXES[0]
    return next(
        (prefix for prefix in PREFIXES if any(name.lower().startswith(prefix) for name in headers)), PREFIXES[0]
    )


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _said(error: BaseException) -> str:
    return " ".join(str(part) for part in error.args)

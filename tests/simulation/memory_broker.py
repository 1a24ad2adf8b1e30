"""A broker in memory: keeps what it confirmed, and does to it whatever a broker may do.

It confirms late or not at all, hands over late, twice, out of order and again, counts or does not count how often, and
lets one process or several read for a consumer, as NATS, RabbitMQ and Kafka each do in their own way.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from tests.simulation.processes import Killed, Process
from tests.simulation.world import World
from typing_extensions import override

from arnia.chassis.brokers.broker import Intake, Received, Subscription
from arnia.chassis.messages import Message
from arnia.errors import Unavailable

__all__ = ["STYLES", "Channel", "MemoryBroker", "MemoryIntake", "Style", "Wire"]

AWAY: Final = "The message broker is not there."


@dataclass(frozen=True, slots=True)
class Style:
    """How a kind of broker hands over.

    Attributes:
        alone: Whether one process at a time reads for a consumer, and loses that when it seems dead.
        counts: Whether it tells how often it handed something over.
        patience: Seconds after which it hands over again what was not acknowledged, or takes a process for dead.
    """

    name: str
    alone: bool
    counts: bool
    patience: float = 2.0


STYLES: Final = (
    Style("nats", alone=False, counts=True),
    Style("rabbitmq", alone=True, counts=True),
    Style("kafka", alone=True, counts=False),
)


@dataclass(slots=True, eq=False)
class Copy:
    """What one consumer has to be handed of one message."""

    message: Message
    ready_at: float
    deliveries: int = 0
    reader: "MemoryIntake | None" = None
    until: float = 0.0


@dataclass(slots=True)
class Channel:
    """What waits for one consumer."""

    consumer: str
    copies: list[Copy] = field(default_factory=list)
    active: "MemoryIntake | None" = None
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Wire:
    """The broker itself, which outlives every process.

    Attributes:
        log: All that it keeps, in its order.
        away: Whether nobody reaches it.
    """

    def __init__(self, world: World, style: Style) -> None:
        self.world = world
        self.style = style
        self.log: list[Message] = []
        self.channels: dict[str, Channel] = {}
        self.away = False

    def bind(self, consumer: str) -> Channel:
        """Make the end of a consumer; it is handed what comes from then on."""
        return self.channels.setdefault(consumer, Channel(consumer))

    def keep(self, message: Message) -> None:
        """Keep a message for everybody who hears it."""
        world, rates = self.world, self.world.rates
        self.log.append(message)
        for channel in self.channels.values():
            late = world.random() * 3.0 if world.random() < rates.late else 0.0
            channel.copies.append(Copy(message, world.loop.now + late))
            if world.random() < rates.doubled:
                channel.copies.append(Copy(message, world.loop.now + world.random()))
            channel.wake()

    def lose(self, process: Process) -> None:
        """Notice that a process is gone, or seems to be: what it did not acknowledge is for others."""
        for channel in self.channels.values():
            active = channel.active
            if active is not None and active.process is process:
                active.close()

    @property
    def waiting(self) -> int:
        """How much is not acknowledged yet."""
        return sum(len(channel.copies) for channel in self.channels.values())

    def check(self) -> None:
        """Let nobody through while it is away."""
        if self.away:
            raise Unavailable(AWAY)


class MemoryBroker:
    """What one process has of it."""

    def __init__(self, wire: Wire, process: Process) -> None:
        self.wire = wire
        self.process = process

    async def publish(self, messages: Sequence[Message]) -> None:
        """Keep all of these, in their order, and confirm; a connection that breaks has carried the first of them."""
        wire, world = self.wire, self.wire.world
        await self.process.enter("publish")
        wire.check()
        kept = len(messages)
        torn = world.random() < world.rates.torn
        if torn:
            kept = int(world.random() * (kept + 1))
        for message in messages[:kept]:
            world.note(self.process.name, "published", message)
            wire.keep(message)
        if torn:
            world.note(self.process.name, "no confirmation")
            raise Unavailable(AWAY)
        self.process.reach("answer.publish")
        await self.process.enter("confirm")
        wire.check()

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Intake]:
        """Return the intake of a subscription."""
        return MemoryIntake(self.wire, self.process, self.wire.bind(subscription.consumer), subscription.in_flight)

    async def close(self) -> None:
        """Part."""


class MemoryIntake(AbstractAsyncContextManager[Intake]):
    """What one process reads for a consumer."""

    def __init__(self, wire: Wire, process: Process, channel: Channel, in_flight: int) -> None:
        self.process = process
        self._wire = wire
        self._channel = channel
        self._most = in_flight
        self._closed = False

    @override
    async def __aenter__(self) -> Self:
        await self.process.enter("subscribe")
        self._wire.check()
        return self

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back at once, where the broker notices."""
        self._closed = True
        channel = self._channel
        if channel.active is self:
            channel.active = None
        if self._wire.style.alone:
            for copy in channel.copies:
                if copy.reader is self:
                    copy.reader, copy.until = None, 0.0
        channel.wake()

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return what there is, or what comes within `wait` seconds."""
        loop = self._wire.world.loop
        await self.process.enter("fetch")
        end = loop.now + wait
        while True:
            self._check()
            if found := self._ready(min(most, self._most)):
                return [self._hand_over(copy) for copy in found]
            if loop.now >= end:
                return ()
            await self._wait(min(end, self._next(end)))

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Never hand these over again; unless nobody hears it."""
        world = self._wire.world
        await self.process.enter("acknowledge")
        self._check()
        if world.random() < world.rates.unheard:
            world.note(self.process.name, "acknowledgement lost")
            if self._wire.style.alone:
                self.close()
            if self._closed or world.random() < 0.5:
                raise Unavailable(AWAY)
            return
        for each in received:
            self.settle(each.receipt)
        self.process.reach("answer.acknowledge")

    def settle(self, receipt: object) -> None:
        """Forget one copy."""
        if isinstance(receipt, Copy) and receipt in self._channel.copies:
            self._channel.copies.remove(receipt)

    async def give_back(self, received: Sequence[Received], *, delay: float = 0.0) -> None:
        """Hand these over again."""
        await self.process.enter("give back")
        for each in received:
            if isinstance(each.receipt, Copy):
                each.receipt.reader, each.receipt.ready_at = None, self._wire.world.loop.now + delay
        self._channel.wake()

    async def lag(self) -> int:
        """Return how much waits."""
        return len(self._channel.copies)

    def _check(self) -> None:
        self._wire.check()
        if self._closed:
            message = "This process was taken for dead."
            raise Unavailable(message)

    def _ready(self, most: int) -> list[Copy]:
        channel, now = self._channel, self._wire.world.loop.now
        if self._wire.style.alone:
            if channel.active is None:
                channel.active = self
            if channel.active is not self:
                return []
        found = [copy for copy in channel.copies if self._is_free(copy, now)]
        return found[:most]

    def _is_free(self, copy: Copy, now: float) -> bool:
        if copy.reader is not None and (self._wire.style.alone or copy.until > now):
            return False
        return copy.ready_at <= now

    def _next(self, end: float) -> float:
        """Return when to look again without being woken."""
        now = self._wire.world.loop.now
        times = [copy.ready_at if copy.reader is None else copy.until for copy in self._channel.copies]
        return min((time for time in times if time > now), default=end)

    async def _wait(self, until: float) -> None:
        loop = self._wire.world.loop
        timer = loop.later(until - loop.now)
        self._channel.waiters.append(timer)
        await timer
        if timer in self._channel.waiters:
            self._channel.waiters.remove(timer)
        if not self.process.alive:
            raise Killed

    def _hand_over(self, copy: Copy) -> Received:
        world, style = self._wire.world, self._wire.style
        copy.reader, copy.until = self, world.loop.now + style.patience
        copy.deliveries += 1
        world.note(self.process.name, "handed", copy.message)
        return Received(
            message=copy.message,
            channel=copy.message.aggregate_type,
            body=b"",
            headers={},
            deliveries=copy.deliveries if style.counts else 1,
            receipt=copy,
        )

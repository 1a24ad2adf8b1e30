"""The loop of a consumer: what is acknowledged is kept, and no fault ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import pytest

from arnia.chassis.brokers.broker import Received, Subscription
from arnia.chassis.consumers import Consumer
from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable

pytestmark = pytest.mark.anyio


@dataclass
class Belt:
    """A broker that hands over what lies on it, and remembers what was acknowledged."""

    batches: list[list[Received]]
    acknowledged: list[Received] = field(default_factory=list)

    @asynccontextmanager
    async def subscribe(self, subscription: Subscription) -> AsyncIterator["Belt"]:
        """Hand over."""
        assert subscription.consumer == "kitchen"
        yield self

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return the next batch."""
        assert most
        await asyncio.sleep(0)
        if self.batches:
            return self.batches.pop(0)
        await asyncio.sleep(min(wait, 0.01))
        return ()

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Remember these."""
        self.acknowledged += received


@dataclass
class Cellar:
    """An inbox, and what is no event, in lists; `fault` says what it raises for a batch."""

    fault: Callable[[Sequence[Message]], Exception | None] = lambda _: None
    taken: list[UUID] = field(default_factory=list)
    careful: list[bool] = field(default_factory=list)
    stowed: list[Received] = field(default_factory=list)
    tries: int = 0

    def stop(self) -> None:
        """Be told to stop."""

    async def take(self, messages: Sequence[Message], *, careful: bool) -> bool:
        """Take these, or raise."""
        self.tries += 1
        if (error := self.fault(messages)) is not None:
            raise error
        self.taken += [message.id for message in messages]
        self.careful.append(careful)
        return False

    async def resume(self, *, together: int) -> int:
        """Have nothing that waits."""
        return together * 0

    async def stow(self, received: Sequence[Received]) -> None:
        """Keep these."""
        self.stowed += received


def received(deliveries: int = 1) -> Received:
    message = Message(
        id=uuid7(),
        type="parcel.weighed",
        version=1,
        aggregate_type="parcel",
        aggregate_id=uuid7(),
        sequence=1,
        source="scales",
        time=datetime.now(UTC),
        payload=b"{}",
    )
    return Received(message=message, channel="parcel", body=b"{}", headers={}, deliveries=deliveries)


def consumer(belt: Belt, cellar: Cellar, batch: int = 2) -> Consumer:
    subscription = Subscription(consumer="kitchen", channels=("parcel",))
    return Consumer(belt, subscription, cellar, cellar, batch=batch)  # type: ignore[arg-type]  # what they lack is not used


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_what_was_not_kept_is_never_acknowledged() -> None:
    """Told to stop while the database is away, a consumer leaves its batch to whoever is handed it next."""
    belt, cellar = Belt([[received()]]), Cellar(lambda _: Unavailable("away"))
    hearing = consumer(belt, cellar)
    task = asyncio.create_task(hearing.hear())
    await until(lambda: cellar.tries > 1)
    hearing.stop()
    await asyncio.wait_for(task, 60)
    assert (cellar.taken, belt.acknowledged) == ([], [])


async def test_a_batch_in_hand_is_kept_and_acknowledged_when_told_to_stop() -> None:
    """Told to stop while the database is slow, a consumer finishes what it has, and takes nothing more."""
    first, second = received(), received()
    belt, cellar = Belt([[first], [second]]), Cellar()
    hearing = consumer(belt, cellar)
    cellar.fault = lambda _: hearing.stop()
    await asyncio.wait_for(hearing.hear(), 5)
    assert belt.acknowledged == [first]


async def test_what_no_database_can_keep_is_in_nobodys_way() -> None:
    """Of a batch that cannot be kept, what is at fault is stowed away as it came, and the others are taken."""
    well, strange, other = received(), received(), received()

    def fault(messages: Sequence[Message]) -> Exception | None:
        return OverflowError() if strange.message in messages else None

    belt, cellar = Belt([[well, strange, other]]), Cellar(fault)
    hearing = consumer(belt, cellar, batch=3)
    task = asyncio.create_task(hearing.hear())
    await until(lambda: bool(belt.acknowledged))
    hearing.stop()
    await task
    assert [each.body for each in cellar.stowed] == [strange.body]
    assert len(cellar.taken) == 2
    assert belt.acknowledged == [well, strange, other]


async def test_who_begins_is_careful_for_a_whole_batch() -> None:
    """As many messages as one batch has are counted before they are tried, however few come at once; then none is."""
    belt, cellar = Belt([[], [received()], [received()], [received()], [received(deliveries=2)]]), Cellar()
    hearing = consumer(belt, cellar)
    task = asyncio.create_task(hearing.hear())
    await until(lambda: len(belt.acknowledged) == 4)
    hearing.stop()
    await task
    assert cellar.careful == [True, True, False, True]
    assert hearing.redelivered == 1


async def test_no_fault_ends_the_loop() -> None:
    """A fault of the chassis or of an adapter is said, and the loop goes on."""
    belt, cellar = Belt([[received()]]), Cellar()
    fetch, faults = belt.fetch, [KeyError("x")]

    async def stumble(most: int, wait: float) -> Sequence[Received]:
        if faults:
            raise faults.pop()
        return await fetch(most, wait)

    belt.fetch = stumble  # type: ignore[method-assign]  # it stumbles once
    hearing = consumer(belt, cellar)
    task = asyncio.create_task(hearing.hear())
    await until(lambda: bool(belt.acknowledged))
    hearing.stop()
    await task
    assert len(cellar.taken) == 1

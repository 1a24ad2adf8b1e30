"""Publishing without the outbox: confirmed or not, a few at a time, and recognisable when it is repeated."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import pytest

from arnia.chassis.brokers.broker import Intake, Subscription, Undeliverable
from arnia.chassis.context import RequestContext, Runtime
from arnia.chassis.events import Event
from arnia.chassis.ingest import Ingest
from arnia.chassis.messages import Message
from arnia.chassis.outlet import Outlet
from arnia.chassis.settings import ServiceSettings
from arnia.chassis.traces import continue_trace
from arnia.chassis.uuids import uuid7
from arnia.errors import ContentTooLarge, DeadlineExceeded, InternalError, Unavailable


class Measured(Event):
    """A fact of which there are many."""

    topic: ClassVar[str] = "weather.measured"
    aggregate_type: ClassVar[str] = "weather"

    degrees: int


class Post:
    """A broker whose confirms the test gives; it counts how many publish at once."""

    def __init__(self) -> None:
        self.given: list[Message] = []
        self.confirm = asyncio.Event()
        self.at_once = self.most_at_once = 0
        self.refusal: Exception | None = None

    async def publish(self, messages: Sequence[Message]) -> None:
        self.given.extend(messages)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.refusal is not None:
                raise self.refusal
            await self.confirm.wait()
        finally:
            self.at_once -= 1

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Intake]:
        raise NotImplementedError(subscription)

    async def close(self) -> None:
        """Part."""


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


def message(size: int = 2) -> Message:
    return Message(
        id=uuid7(),
        type="weather.measured",
        version=1,
        aggregate_type="weather",
        aggregate_id=uuid7(),
        sequence=0,
        source="test",
        time=datetime.now(UTC),
        payload=b"x" * size,
    )


def ingest(outlet: Outlet, key: str | None, route: str) -> Ingest:
    runtime = Runtime(service="barometer", version="1", settings=ServiceSettings(port=0))
    context = RequestContext(runtime, continue_trace(None), "r")
    context.deadline, context.template = soon(), "/measurements"
    return Ingest(outlet, context, route, key)


async def test_nothing_is_done_before_it_is_confirmed() -> None:
    """The caller waits for as long as the broker has not confirmed, and no longer."""
    post = Post()
    task = asyncio.create_task(Outlet(post).publish([message()], soon()))
    await asyncio.sleep(0.05)
    assert post.given
    assert not task.done()
    post.confirm.set()
    await task


async def test_a_few_publish_at_once() -> None:
    """Of many callers only so many are with the broker at a time; all of them are served."""
    post = Post()
    outlet = Outlet(post, most=3)
    tasks = [asyncio.create_task(outlet.publish([message()], soon())) for _ in range(20)]
    await asyncio.sleep(0.05)
    post.confirm.set()
    await asyncio.gather(*tasks)
    assert (post.most_at_once, outlet.sent, len(post.given)) == (3, 20, 20)


async def test_who_gets_no_turn_or_no_confirm_is_told_so() -> None:
    """Without a confirm in time nobody knows; without a turn in time nothing was published; both are a 503."""
    post = Post()
    outlet = Outlet(post, most=1)
    first = asyncio.create_task(outlet.publish([message()], soon(0.3)))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="nothing of this"):
        await outlet.publish([message()], soon(0.1))
    with pytest.raises(Unavailable, match="not known"):
        await first
    assert (len(post.given), outlet.sent, outlet.failed) == (1, 0, 1)


async def test_a_passed_deadline_publishes_nothing() -> None:
    """Who has stopped waiting is told that nothing was published, and nothing is."""
    post = Post()
    with pytest.raises(DeadlineExceeded):
        await Outlet(post).publish([message()], soon(-1))
    assert not post.given


async def test_what_no_broker_takes_is_refused() -> None:
    """A message that is too large is a 413 before any is published; one that the broker refuses is a fault of ours."""
    post = Post()
    outlet = Outlet(post)
    with pytest.raises(ContentTooLarge):
        await outlet.publish([message(), message(1_000_000)], soon())
    assert not post.given
    given = message()
    post.refusal = Undeliverable("nobody may", [given])
    with pytest.raises(InternalError):
        await outlet.publish([message(), given], soon())
    assert (outlet.sent, outlet.failed) == (1, 1)


async def test_an_absent_broker_is_a_503() -> None:
    """What the broker says of itself reaches the caller, and the turn is given back."""
    post = Post()
    outlet = Outlet(post, most=1)
    for _ in range(2):
        post.refusal = Unavailable("gone")
        with pytest.raises(Unavailable, match="gone"):
            await outlet.publish([message()], soon())


async def test_a_repetition_has_the_same_ids() -> None:
    """With a key the messages of the same request have the same ids again; what differs, or has no key, has others."""
    post = Post()
    post.confirm.set()
    outlet = Outlet(post)
    asked = (("a", 1, "POST /one"), ("a", 1, "POST /one"), ("a", 1, "PUT /one"), ("a", 1, "POST /two"))
    others = (("a", 2, "POST /one"), ("b", 1, "POST /one"), (None, 1, "POST /one"), (None, 1, "POST /one"))
    for key, degrees, route in (*asked, *others):
        events = [Measured(aggregate_id=uuid7(), degrees=degrees), Measured(aggregate_id=uuid7(), degrees=degrees)]
        told = ingest(outlet, key, route)
        await told.publish(events)
        assert told.published == 2
    ids = [each.id for each in post.given]
    assert ids[0:2] == ids[2:4]
    assert len(set(ids)) == 14
    assert {UUID(str(each)).version for each in ids} == {7, 8}
    assert {each.sequence for each in post.given} == {0}

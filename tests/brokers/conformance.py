"""What every broker promises, asked of its real server: a class for each broker inherits these tests."""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import ClassVar

import pytest
from tests.brokers.premises import (
    CHANNELS,
    PATIENCE,
    SECRET,
    UNMADE,
    Premises,
    collect,
    drained,
    events,
    facts,
    fetch_all,
    insist,
    patiently,
)
from tests.brokers.tearing import AWAY_SECONDS, Tearing

from arnia.chassis.brokers.broker import MOST_BYTES, Broker, Intake, Received, Subscription, Undeliverable
from arnia.chassis.brokers.opening import open_broker
from arnia.chassis.messages import STRUCTURED, Message, attributes
from arnia.chassis.uuids import uuid7
from arnia.errors import OutsideError, Unavailable


class Conformance(Tearing, ABC):
    """The suite. Its fixture `premises` is given by the subclass, once for the class.

    Attributes:
        adapter: The module that is tested.
        counts_deliveries: Whether the broker says how often it handed a message over.
    """

    adapter: ClassVar[str]
    counts_deliveries: ClassVar[bool] = True

    @abstractmethod
    async def send(self, premises: Premises, channel: str, headers: Mapping[str, str], body: bytes) -> None:
        """Publish something as somebody else's program does, with `content-type` among the headers."""

    @pytest.fixture(autouse=True)
    def hasten(self, premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the adapter wait less than it does in earnest."""
        for name, seconds in premises.haste.items():
            monkeypatch.setattr(f"{self.adapter}.{name}", seconds)

    async def test_hands_over_what_was_published_and_in_order(self, premises: Premises) -> None:
        """Everything arrives as it was sent, and what is said about one thing in its order."""
        told = [facts("order", 40) for _ in range(5)]
        mixed = [message for row in zip(*told, strict=True) for message in row]
        async with premises.broker("writer", emits=CHANNELS) as writer, premises.reading("reader", "order") as intake:
            for begin in range(0, len(mixed), 70):
                await writer.publish(mixed[begin : begin + 70])
            got = await collect(intake, len(mixed))
            assert {message.id: message for message in events(got)} == {message.id: message for message in mixed}
            for one in told:
                about = one[0].aggregate_id
                assert [each.sequence for each in events(got) if each.aggregate_id == about] == list(range(1, 41))
            await intake.acknowledge(got)
            assert await _becomes_idle(intake)

    async def test_hands_over_again_what_was_not_acknowledged(self, premises: Premises) -> None:
        """What was left comes again to whoever is next, and what was acknowledged a moment before the end does not."""
        told = facts("leftovers", 10)
        await _publish(premises, told)
        async with premises.reading("reader", "leftovers") as intake:
            got = await collect(intake, 10)
            await intake.acknowledge(got[:4])
        async with premises.reading("reader", "leftovers") as intake:
            again = await collect(intake, 6)
            assert [message.id for message in events(again)] == [message.id for message in told[4:]]
            if self.counts_deliveries:
                assert all(each.deliveries > 1 for each in again)
            await intake.acknowledge(again)
            assert await intake.fetch(10, 1.0) == ()

    async def test_hands_over_again_what_a_killed_process_held(self, premises: Premises) -> None:
        """A consumer that is killed takes nothing with it."""
        told = facts("killed", 8)
        await _publish(premises, told)
        async with premises.killable_holder(self.adapter, "reader", "killed", 8):
            pass
        async with premises.reading("reader", "killed") as intake:
            again = await collect(intake, 8, seconds=PATIENCE)
            assert [message.id for message in events(again)] == [message.id for message in told]
            await intake.acknowledge(again)

    async def test_hands_over_no_more_than_may_be_in_flight(self, premises: Premises) -> None:
        """Who acknowledges nothing gets no more than was agreed, and all of it later."""
        told = facts("flight", 60)
        await _publish(premises, told)
        async with premises.reading("reader", "flight", 10) as intake:
            got = await collect(intake, 10)
            assert len(got) == 10
            assert await intake.fetch(1, 0.8) == ()
            found = list(got)
            await intake.acknowledge(got)
            while len(found) < 60:
                more = await intake.fetch(20, PATIENCE)
                assert 0 < len(more) <= 10
                found += more
                await intake.acknowledge(more)
            assert [message.sequence for message in events(found)] == list(range(1, 61))

    async def test_hands_over_again_what_was_given_back(self, premises: Premises) -> None:
        """What a consumer gives back comes again, and nothing else does."""
        told = facts("returned", 3)
        await _publish(premises, told)
        async with premises.reading("reader", "returned") as intake:
            got = await collect(intake, 3)
            await intake.give_back(got[2:])
            await intake.acknowledge(got[:2])
            again = await collect(intake, 1)
            assert [message.id for message in events(again)] == [told[2].id]
            await intake.acknowledge(again)
            assert await intake.fetch(10, 0.5) == ()

    async def test_survives_the_death_of_the_server(self, premises: Premises) -> None:
        """What was confirmed is there after kill -9; the same connections go on; in between everybody is told.

        A receipt from before acknowledges its own message, or nothing, and never another.
        """
        before, after = facts("restart", 30), facts("restart", 10)
        left = {message.id for message in (*before[3:], *after)}
        async with premises.broker("writer", emits=CHANNELS) as writer, premises.reading("reader", "restart") as intake:
            await writer.publish(before[:10])
            held = await collect(intake, 10)
            await intake.acknowledge(held[:3])
            await writer.publish(before[10:])
            premises.kill()
            publishing = asyncio.create_task(asyncio.wait_for(writer.publish(after), AWAY_SECONDS))
            with pytest.raises(Unavailable):
                await fetch_all(intake, 2.0)
            with pytest.raises(Unavailable):
                await publishing
            with pytest.raises(Unavailable):
                await intake.acknowledge(held[3:])
            await premises.start_again()
            await insist(writer, after)
            assert await patiently(intake, 1)
            with suppress(Unavailable):
                await intake.acknowledge(held[3:])
                left -= {message.id for message in events(held[3:])}
        async with premises.reading("reader", "restart") as intake:
            assert left <= await drained(intake, left)
            assert await intake.fetch(10, 1.0) == ()

    async def test_refuses_what_is_too_large(self, premises: Premises) -> None:
        """A message that no broker takes is named; what was published with it is confirmed; a large one passes."""
        small, large = facts("size", 3), facts("size", 1, size=4 * MOST_BYTES)
        fits = replace(small[0], id=uuid7(), payload=b'{"filling": "%s"}' % (b"x" * (MOST_BYTES - 20)))
        async with premises.broker("writer", emits=CHANNELS) as writer:
            with pytest.raises(Undeliverable) as caught:
                await writer.publish([small[0], large[0], fits, *small[1:]])
            assert [message.id for message in caught.value.messages] == [large[0].id]
        async with premises.reading("reader", "size") as intake:
            got = await collect(intake, 4)
            assert [message.id for message in events(got)] == [small[0].id, fits.id, small[1].id, small[2].id]
            await intake.acknowledge(got)

    async def test_lets_nobody_publish_elsewhere(self, premises: Premises) -> None:
        """What a service may not publish is named, whether the channel exists or not; the rest is confirmed."""
        own, foreign, unknown = facts(SECRET, 2), facts("order", 1), facts("nowhere", 1)
        async with premises.broker("stranger", emits=(SECRET,)) as stranger:
            for never in (foreign, unknown):
                with pytest.raises(Undeliverable) as caught:
                    await stranger.publish([own[0], *never, own[1]])
                assert [message.id for message in caught.value.messages] == [never[0].id]
        async with premises.reading("stranger", SECRET) as intake:
            assert {own[0].id, own[1].id} == await drained(intake, {own[0].id, own[1].id})

    async def test_tells_each_what_is_its_own(self, premises: Premises) -> None:
        """A batch that is refused says so, whatever is published and confirmed beside it."""
        async with premises.broker("stranger", emits=(SECRET,)) as stranger:
            for _ in range(3):
                refused = asyncio.create_task(stranger.publish(facts("order", 1)))
                while not refused.done():
                    # RabbitMQ closes the channel over what it refuses, and what was on its way there with it.
                    await insist(stranger, facts(SECRET, 1))
                assert isinstance(refused.exception(), Undeliverable)

    async def test_lets_nobody_read_elsewhere(self, premises: Premises) -> None:
        """A service reads only what it hears, and only as itself."""
        await _publish(premises, ())
        async with premises.broker("stranger", emits=(SECRET,)) as stranger:
            for consumer, channel in (("stranger", "order"), ("reader", SECRET)):
                with pytest.raises(Undeliverable):
                    await _peep(stranger, Subscription(consumer=consumer, channels=(channel,)))

    async def test_waits_for_a_channel_that_nobody_made(self, premises: Premises) -> None:
        """Who hears what nobody emits yet is told so, in time."""
        async with premises.broker("reader") as reader:
            with pytest.raises(Unavailable):
                await _peep(reader, Subscription(consumer="reader", channels=(UNMADE,)))

    async def test_refuses_a_wrong_password(self, premises: Premises) -> None:
        """Who is not who it says is told at once, and what to look at."""
        url = premises.server.url_of("writer").replace("writer:", "writer:wrong", 1)
        with pytest.raises(OutsideError, match="broker_url"):
            await open_broker(url, "writer", ())

    async def test_takes_structured_events_and_hands_over_garbage(self, premises: Premises) -> None:
        """An event in structured mode is one; what is none is handed over with its reason, and stops nothing."""
        told = facts("foreign", 1)[0]
        document = {**attributes(told), "data": json.loads(told.payload)}
        await _publish(premises, ())
        await self.send(premises, "foreign", {"content-type": "text/plain", "colour": "green"}, b"not an event")
        await self.send(premises, "foreign", {"content-type": STRUCTURED}, json.dumps(document).encode())
        async with premises.reading("reader", "foreign") as intake:
            garbage, event = await collect(intake, 2)
            assert garbage.message is None
            assert garbage.fault
            assert garbage.body == b"not an event"
            assert garbage.channel == "foreign"
            assert "green" in garbage.headers.values()
            assert event.message is not None
            assert (event.message.id, event.message.headers) == (told.id, told.headers)
            assert json.loads(event.message.payload) == json.loads(told.payload)
            await intake.acknowledge([garbage, event])
            assert await intake.fetch(10, 0.5) == ()

    async def test_shares_among_the_processes_of_one_consumer(self, premises: Premises) -> None:
        """Two processes get each message once between them; when one ends, the other goes on."""
        told = facts("shared", 40)
        await _publish(premises, ())
        async with premises.reading("reader", "shared") as stays:
            async with premises.reading("reader", "shared") as leaves:
                await _publish(premises, told[:20])
                got = await _from_both(stays, leaves, 20)
            await _publish(premises, told[20:])
            rest = await collect(stays, 20)
            await stays.acknowledge(rest)
        heard = [message.id for message in events([*got, *rest])]
        assert sorted(heard) == sorted(message.id for message in told)

    async def test_gives_each_consumer_a_copy(self, premises: Premises) -> None:
        """Two consumers each get everything, and neither waits for the other."""
        told = facts("each", 10)
        await _publish(premises, ())
        async with premises.reading("reader", "each") as first, premises.reading("second", "each") as other:
            await _publish(premises, told)
            for intake in (first, other):
                got = await collect(intake, 10)
                assert events(got) == told
                await intake.acknowledge(got)


async def _peep(broker: Broker, subscription: Subscription) -> None:
    async with broker.subscribe(subscription) as intake:
        await intake.fetch(1, 1.0)


async def _publish(premises: Premises, messages: Sequence[Message]) -> None:
    async with premises.broker("writer", emits=CHANNELS) as writer:
        await writer.publish(messages)


async def _from_both(one: Intake, other: Intake, count: int) -> list[Received]:
    """Fetch and acknowledge with both at once: two processes do not wait for each other."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE

    async def hear(intake: Intake) -> None:
        while len(found) < count and time.monotonic() < until:
            got = await intake.fetch(5, 0.2)
            await intake.acknowledge(got)
            found.extend(got)

    await asyncio.gather(hear(one), hear(other))
    return found


async def _becomes_idle(intake: Intake) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if await intake.lag() == 0:
            return True
        await asyncio.sleep(0.1)
    return False

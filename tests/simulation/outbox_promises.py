"""What every outbox keeps to, in memory and in PostgreSQL: the simulation is worth as much as they are alike."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from arnia.chassis.messages import Message
from arnia.chassis.relay import OutboxStore
from arnia.chassis.uuids import uuid7

__all__ = ["OutboxBench", "OutboxPromises", "event", "story"]


SOON = 0.05
"""Seconds in which a statement comes as far as it can."""


class OutboxBench(Protocol):
    """An outbox, and who writes into it."""

    def relay(self) -> OutboxStore:
        """Return what one more relay sees of it."""

    def emitting(self, messages: Sequence[Message]) -> AbstractAsyncContextManager[None]:
        """Return a transaction that has stored these; committed when its block ends well."""


def event(thing: UUID, sequence: int, *, identity: UUID | None = None) -> Message:
    return Message(
        id=identity or uuid7(),
        type="parcel.weighed",
        version=1,
        aggregate_type="parcel",
        aggregate_id=thing,
        sequence=sequence,
        source="scales",
        time=datetime.now(UTC),
        payload=b'{"aggregate_id": "%s", "grams": 1}' % str(thing).encode(),
    )


def story(thing: UUID, *sequences: int) -> list[Message]:
    return [event(thing, sequence) for sequence in sequences]


async def send(store: OutboxStore, most: int = 100) -> list[tuple[UUID, int]]:
    """Claim and mark, as a relay whose broker takes everything; return what was sent."""
    async with store.claim(most) as claim:
        await claim.mark(claim.messages)
        return [(message.aggregate_id, message.sequence) for message in claim.messages]


class Broken(Exception):
    """What ends a transaction badly."""


class OutboxPromises:
    """Subclasses give the fixture `bench`."""

    async def test_what_is_marked_is_not_claimed_again(self, bench: OutboxBench) -> None:
        """A claim holds what is unsent in the order of its sequence; what it marks is sent, and nothing else is."""
        thing, relay = uuid7(), bench.relay()
        last, first = event(thing, 2), event(thing, 1)
        async with bench.emitting([last, first]):
            pass
        assert await send(relay) == [(thing, 1), (thing, 2)]
        assert await send(relay) == []

    async def test_a_claim_that_is_undone_marks_nothing(self, bench: OutboxBench) -> None:
        """What was marked in a transaction that does not end well is claimed again, with the same id."""
        messages, relay = story(uuid7(), 1, 2), bench.relay()
        async with bench.emitting(messages):
            pass
        with suppress(Broken):
            async with relay.claim(9) as claim:
                await claim.mark(claim.messages)
                raise Broken
        async with relay.claim(9) as claim:
            assert [message.id for message in claim.messages] == [message.id for message in messages]

    async def test_two_claims_share_no_aggregate(self, bench: OutboxBench) -> None:
        """While one relay has an aggregate, another gets nothing of it, not even what is told meanwhile."""
        one, other = uuid7(), uuid7()
        async with bench.emitting(story(one, 1)):
            pass
        async with bench.relay().claim(9) as claim:
            async with bench.emitting([*story(one, 2), *story(other, 1)]):
                pass
            assert await send(bench.relay()) == [(other, 1)]
            await claim.mark(claim.messages)
        assert await send(bench.relay()) == [(one, 2)]

    async def test_what_another_sends_meanwhile_is_not_claimed(self, bench: OutboxBench) -> None:
        """A relay that asks while another one sends gets nothing of what that one marks, however long it waits."""
        thing = uuid7()
        async with bench.emitting(story(thing, 1)):
            pass
        async with bench.relay().claim(9) as claim:
            second = asyncio.ensure_future(send(bench.relay()))
            await asyncio.sleep(SOON)
            await claim.mark(claim.messages)
        assert await second == []

    async def test_what_commits_late_is_sent_whatever_its_id(self, bench: OutboxBench) -> None:
        """An event that is not committed is not seen; once it is, it is sent, though later ids went before."""
        one, other, relay = uuid7(), uuid7(), bench.relay()
        early = event(one, 1)
        async with bench.emitting([early]):
            async with bench.emitting(story(other, 1)):
                pass
            assert await send(relay) == [(other, 1)]
        assert await send(relay) == [(one, 1)]

    async def test_a_claim_takes_the_first_of_an_aggregate(self, bench: OutboxBench) -> None:
        """A claim that is smaller than what waits leaves no hole: what it leaves is later than what it takes."""
        thing, relay = uuid7(), bench.relay()
        async with bench.emitting(story(thing, 1, 2, 3)):
            pass
        assert [await send(relay, 2), await send(relay, 2)] == [[(thing, 1), (thing, 2)], [(thing, 3)]]

    async def test_what_is_refused_holds_its_aggregate(self, bench: OutboxBench) -> None:
        """Behind an event that can never be sent nothing of its aggregate is claimed, and of others everything."""
        one, other, relay = uuid7(), uuid7(), bench.relay()
        async with bench.emitting([*story(one, 1), *story(other, 1)]):
            pass
        async with relay.claim(9) as claim:
            refused = [message for message in claim.messages if message.aggregate_id == one]
            await claim.refuse(refused, "it may not")
        async with bench.emitting(story(one, 2)):
            pass
        assert [await send(relay), await send(relay)] == [[(other, 1)], []]

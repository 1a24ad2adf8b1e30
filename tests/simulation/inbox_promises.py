"""What every inbox keeps to, in memory and in PostgreSQL: the simulation is worth as much as they are alike."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from tests.simulation.outbox_promises import Broken, event, story

from arnia.chassis.inbox_turns import TOGETHER, Aggregate, Entry, InboxStore, Kept, Progress, State, Turn
from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7

__all__ = ["InboxPromises"]

SOON = 0.05
"""Seconds after which what waits is taken to wait."""
LATER = 60.0


async def keep(inbox: InboxStore, *entries: Entry) -> None:
    """Remember messages as it is said of them."""
    async with inbox.turn() as turn:
        await turn.remember([entry.message for entry in entries])
        await turn.progress({of(entry.message) for entry in entries if entry.message.sequence})
        await turn.keep(entries)


def of(message: Message) -> Aggregate:
    return message.aggregate_type, message.aggregate_id


def waiting(messages: Sequence[Message], *, due: float | None = 0.0) -> list[Entry]:
    return [Entry(message=message, state=State.WAITING, due=due) for message in messages]


async def head(turn: Turn, thing: Aggregate) -> Kept | None:
    return next(iter((await turn.first([thing])).get(thing, [])), None)


def done(message: Message) -> Entry:
    return Entry(message=message, state=State.DONE)


async def remember(inbox: InboxStore, *messages: Message) -> frozenset[UUID]:
    async with inbox.turn() as turn:
        return await turn.remember(messages)


class InboxPromises:
    """Subclasses give the fixture `inbox`."""

    async def test_a_message_is_new_once(self, inbox: InboxStore) -> None:
        """What was remembered is known from then on; what was remembered in a transaction that was undone is not."""
        one, other = story(uuid7(), 1, 2)
        with suppress(Broken):
            async with inbox.turn() as turn:
                assert await turn.remember([one]) == {one.id}
                raise Broken
        assert await remember(inbox, one) == {one.id}
        assert await remember(inbox, other, one) == {other.id}

    async def test_who_remembers_the_same_waits(self, inbox: InboxStore) -> None:
        """Of two who remember the same at once the second waits, and finds it known if the first one's is kept."""
        for kept in (True, False):
            message = event(uuid7(), 1)
            with suppress(Broken):
                async with inbox.turn() as turn:
                    await turn.remember([message])
                    second = asyncio.ensure_future(remember(inbox, message))
                    await asyncio.sleep(SOON)
                    assert not second.done()
                    if not kept:
                        raise Broken
            assert await second == (frozenset() if kept else {message.id})

    async def test_progress_is_locked_and_newest(self, inbox: InboxStore) -> None:
        """How far an aggregate is can be asked by one at a time; the next one sees what the one before has done."""
        thing = of(event(uuid7(), 1))

        async def ask() -> Progress:
            async with inbox.turn() as turn:
                return (await turn.progress([thing]))[thing]

        async with inbox.turn() as turn:
            assert await turn.progress([thing]) == {thing: Progress()}
            second = asyncio.ensure_future(ask())
            await asyncio.sleep(SOON)
            assert not second.done()
            assert (await turn.progress([])) == {}
            await turn.advance({thing: Progress(last=3, baseline=1, waiting=True, parked=True)})
        assert await second == Progress(last=3, baseline=1, waiting=True, parked=True)

    async def test_progress_of_the_same_things_does_not_deadlock(self, inbox: InboxStore) -> None:
        """Who asks for the same aggregates in another order waits, and nobody is undone for it."""
        things = [of(event(uuid7(), 1)) for _ in range(4)]

        async def ask(asked: Sequence[Aggregate]) -> int:
            async with inbox.turn() as turn:
                return len(await turn.progress(asked))

        for _ in range(3):
            counts = await asyncio.gather(ask(things), ask(things[::-1]), ask(things[2:] + things[:2]))
            assert list(counts) == [4, 4, 4]

    async def test_a_claim_takes_what_is_free(self, inbox: InboxStore) -> None:
        """An aggregate is claimed by one at a time without waiting, and only if something is known of it."""
        thing = of(event(uuid7(), 1))
        async with inbox.turn() as turn:
            assert not await turn.claim([thing])
            await turn.progress([thing])
        async with inbox.turn() as turn, inbox.turn() as other:
            assert await turn.claim([thing]) == {thing: Progress()}
            assert not await other.claim([thing])

    async def test_several_are_claimed_but_those_that_others_hold(self, inbox: InboxStore) -> None:
        """Of several aggregates those are claimed that nobody holds and something is known of; the rest is left."""
        one, two, three, unknown = (of(event(uuid7(), 1)) for _ in range(4))
        async with inbox.turn() as turn:
            await turn.progress([one, two, three])
            await turn.advance({one: Progress(last=7)})
            assert not await turn.claim([])
        async with inbox.turn() as turn, inbox.turn() as other:
            assert await turn.claim([two]) == {two: Progress()}
            assert await other.claim([three, two, unknown, one]) == {one: Progress(last=7), three: Progress()}
            assert not await turn.claim([one, three])

    async def test_the_first_that_wait_are_told_of_each(self, inbox: InboxStore) -> None:
        """Of each of several aggregates the first that wait are told in their order, so many at the most, whole."""
        one, other, empty = (story(uuid7(), 1, 2, 3, 4) for _ in range(3))
        single = replace(event(uuid7(), 0), aggregate_id=one[0].aggregate_id)
        await keep(inbox, *waiting([one[3], one[1], one[2], single, *other[::-1]]), *map(done, empty))
        async with inbox.turn() as turn:
            found = await turn.first([of(empty[0]), of(other[0]), of(one[0])], 3)
            told = {aggregate: [kept.message for kept in its] for aggregate, its in found.items()}
            assert told == {of(one[0]): one[1:], of(other[0]): other[:3]}
            assert not await turn.first([])

    async def test_what_was_begun_among_others_is_told_apart(self, inbox: InboxStore) -> None:
        """What was begun among others is unfinished without an attempt, and no more what it was before."""
        message, single = event(uuid7(), 1), event(uuid7(), 0)
        await keep(inbox, *waiting([message, single]))
        async with inbox.turn() as turn:
            before = await turn.find([message.id, single.id])
            await turn.keep([Entry(message=each, state=State.WAITING, cause=TOGETHER) for each in (message, single)])
            begun = await turn.find([message.id, single.id])
            assert begun.keys() == {message.id, single.id}
            for identity, kept in begun.items():
                assert (kept.attempts, kept.together, kept.unfinished) == (0, True, True)
                assert not kept.is_as(before[identity])
                assert kept.is_as(replace(before[identity], together=True))
            await turn.keep([Entry(message=message, state=State.WAITING, attempts=1)])
            alone = await head(turn, of(message))
            assert alone is not None
            assert (alone.attempts, alone.together, alone.unfinished) == (1, False, True)
            assert not alone.is_as(begun[message.id])

    async def test_the_head_is_what_is_first_of_what_waits(self, inbox: InboxStore) -> None:
        """Of an aggregate the lowest sequence that waits is its head, with its attempts, whole."""
        one, two, three = story(uuid7(), 1, 2, 3)
        await keep(inbox, *waiting([three, two]), Entry(message=one, state=State.DONE))
        async with inbox.turn() as turn:
            top = await head(turn, of(one))
            assert top is not None
            assert (top.message, top.attempts, top.unfinished, top.due <= 0) == (two, 0, False, True)
            await turn.keep([Entry(message=two, state=State.WAITING, attempts=1, due=LATER)])
            begun = await head(turn, of(one))
            assert begun is not None
            assert (begun.attempts, begun.unfinished, begun.due > 0) == (1, True, True)
            await turn.keep([Entry(message=two, state=State.WAITING, cause="no", attempts=2, due=LATER)])
            failed = await head(turn, of(one))
            assert failed is not None
            assert (failed.attempts, failed.unfinished) == (2, False)
            await turn.keep([Entry(message=two, state=State.DROPPED)])
            last = await head(turn, of(one))
            assert last is not None
            assert last.message.sequence == 3
            await turn.park(of(one))
            assert await head(turn, of(one)) is None

    async def test_what_is_due_is_told(self, inbox: InboxStore) -> None:
        """Aggregates of which something is due are told once each, and single messages by their id."""
        thing, later, behind, single = uuid7(), uuid7(), uuid7(), event(uuid7(), 0)
        await keep(
            inbox,
            *waiting([*story(thing, 1, 2), single]),
            *waiting(story(later, 1), due=LATER),
            *waiting(story(behind, 1), due=None),
        )
        due = await inbox.due(9)
        assert sorted(due, key=str) == sorted([(("parcel", thing), None), (of(single), single.id)], key=str)
        assert len(await inbox.due(1)) == 1

    async def test_who_is_woken_is_due_and_who_is_hushed_is_not(self, inbox: InboxStore) -> None:
        """Waking makes the first that waits due; hushing leaves nothing due but the first."""
        one, two, three = story(uuid7(), 1, 2, 3)
        await keep(inbox, *waiting([one], due=LATER), *waiting([two, three]))
        async with inbox.turn() as turn:
            await turn.hush(of(one))
        assert await inbox.due(9) == []
        async with inbox.turn() as turn:
            await turn.wake([of(one)])
        assert await inbox.due(9) == [(of(one), None)]
        await keep(inbox, Entry(message=one, state=State.DONE))
        assert await inbox.due(9) == []

    async def test_a_single_message_is_found_by_one(self, inbox: InboxStore) -> None:
        """A message without a sequence is found while it waits, by one at a time."""
        single = event(uuid7(), 0)
        async with inbox.turn() as turn:
            assert not await turn.find([single.id])
            assert not await turn.find([])
        await keep(inbox, *waiting([single]))
        async with inbox.turn() as turn, inbox.turn() as other:
            found = await turn.find([single.id])
            assert found[single.id].message == replace(single, headers=dict(single.headers))
            assert not await other.find([single.id])
            await turn.keep([Entry(message=single, state=State.DONE)])
        async with inbox.turn() as turn:
            assert not await turn.find([single.id])

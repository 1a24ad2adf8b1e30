"""A redrive against a real server: what was parked has its effect once, in order, with the ids that it had."""

import json
import time
from collections.abc import Sequence
from typing import Final

import pytest
from sqlalchemy import text
from tests.data.kitchen import EMPTY, Kitchen, story, weighed

from arnia.chassis.brokers.broker import Received
from arnia.chassis.database import Database
from arnia.chassis.event_ledger import Document, Inquiry, find_events, show_event
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.outbox_store import SqlOutbox
from arnia.chassis.redrives import Redrive
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.errors import UsageError
from arnia.testing.parcels import ParcelWeighed

pytestmark = pytest.mark.anyio

CLEAR: Final = Statement(text("TRUNCATE arnia_redrives, arnia_undecodable, arnia_outbox, arnia_sequences"))
NOTES: Final = Statement(text("SELECT action, by, reason, cause, message_id FROM arnia_redrives ORDER BY at, id"))


@pytest.fixture
async def kitchen(database: Database) -> Kitchen:
    """Give a consumer with nothing in its inbox."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
        await session.execute(CLEAR)
    return Kitchen(database)


async def redrive(kitchen: Kitchen, **asked: object) -> list[Document]:
    given = {"action": "redrive", "reason": "mended", "by": "maia", "rate": 1000.0, **asked}
    inquiry = Inquiry.model_validate_json(json.dumps(given, default=str))
    return await Redrive(kitchen.database, "kitchen", inquiry).run()


async def listed(kitchen: Kitchen, *states: str) -> list[str]:
    async with kitchen.database.session(read_only=True) as session:
        lines = await find_events(session, "kitchen", Inquiry(action="list", states=states))
    return [str(line["state"]) for line in lines]


async def notes(kitchen: Kitchen) -> Sequence[tuple[str, str, str, str]]:
    async with kitchen.database.session(read_only=True) as session:
        rows = await session.fetch_all(NOTES)
    return [(row["action"], row["by"], row["reason"], row["cause"]) for row in rows]


async def test_what_was_parked_goes_on_in_order(kitchen: Kitchen) -> None:
    """Redriven once its fault is mended, an aggregate goes on where it stopped; whoever did it, and why, is kept."""
    one, other = uuid7(), uuid7()
    kitchen.faults = {2: [ValueError()] * 9}
    messages = story(one, [1, 2, 3])
    await kitchen.inbox.take([*messages, *story(other, [1, 2])])
    await kitchen.settle()
    assert await listed(kitchen, "parked") == ["parked"] * 3
    assert await listed(kitchen, "waiting") == []
    kitchen.faults = {}
    done = await redrive(kitchen, aggregate=one)
    await kitchen.inbox.take(messages)
    await kitchen.settle()
    assert [change["id"] for change in done] == [str(messages[1].id)]
    assert sorted(await kitchen.effects()) == [1, 1, 2, 3]
    assert await redrive(kitchen, aggregate=one) == []
    await redrive(kitchen, every=True)
    await kitchen.settle()
    assert sorted(await kitchen.effects()) == [1, 1, 2, 2, 3]
    assert await notes(kitchen) == [("redrive", "maia", "mended", "ValueError")] * 2


async def test_what_fails_again_is_parked_again(kitchen: Kitchen) -> None:
    """A redrive counts anew, and what still fails is parked with everything behind it."""
    kitchen.faults = {1: [ValueError()] * 9}
    messages = story(uuid7(), [1, 2])
    await kitchen.inbox.take(messages)
    await kitchen.settle()
    await redrive(kitchen, id=messages[1].id)
    await kitchen.settle()
    assert await kitchen.states() == [(1, "parked"), (2, "parked")]


async def test_what_is_given_up_makes_way(kitchen: Kitchen) -> None:
    """Skipping gives up the one event that is parked, or those that are missing, and the aggregate goes on."""
    poisoned, torn = uuid7(), uuid7()
    kitchen.faults = {1: [ValueError()] * 9}
    await kitchen.inbox.take([*story(poisoned, [1, 2]), weighed(torn, 3)])
    await kitchen.settle()
    await kitchen.inbox.take(story(torn, [6]))
    await kitchen.settle()
    await redrive(kitchen, aggregate=poisoned, skip=True)
    await redrive(kitchen, aggregate=torn, skip=True)
    await kitchen.settle()
    assert await kitchen.effects() == [2, 3, 6]
    assert [note[0] for note in await notes(kitchen)] == ["skip", "skip missing"]
    await kitchen.inbox.take(story(torn, [5]))
    await kitchen.settle()
    assert await kitchen.effects() == [2, 3, 6]


async def test_single_messages_are_redriven_by_themselves(kitchen: Kitchen) -> None:
    """A message without a sequence is parked, redriven and given up without any other of its aggregate."""
    aggregate = uuid7()
    kitchen.faults = {0: [ValueError()] * 5}
    one, two = story(aggregate, [0, 0])
    await kitchen.inbox.take([one, two])
    await kitchen.settle()
    assert await listed(kitchen) == ["parked"] * 2
    await redrive(kitchen, id=one.id, skip=True)
    await redrive(kitchen, id=two.id)
    await kitchen.settle()
    assert await kitchen.effects() == [0]
    assert [note[0] for note in await notes(kitchen)] == ["skip", "redrive"]


async def test_what_was_refused_is_sent_again(kitchen: Kitchen) -> None:
    """A refused event of the outbox is released, and nothing else than that may be done with it."""
    outbox = SqlOutbox(kitchen.database, "kitchen")
    async with kitchen.database.session(read_only=False) as session:
        session.emit(ParcelWeighed(aggregate_id=uuid7(), grams=1))
    async with outbox.claim(10) as claim:
        (message,) = claim.messages
        await claim.refuse([message], "it may not")
    assert await listed(kitchen) == ["refused"]
    assert await redrive(kitchen, id=message.id, skip=True) == []
    assert [change["cause"] for change in await redrive(kitchen, id=message.id)] == ["it may not"]
    async with outbox.claim(10) as claim:
        assert [each.id for each in claim.messages] == [message.id]


async def test_what_is_no_event_is_looked_at_and_thrown_away(kitchen: Kitchen) -> None:
    """A message that is no event is shown as it came, stays through a redrive, and goes only when it is named."""
    strange = Received(message=None, channel="parcel", body=b"\xff\0", headers={"a": "b\0"}, fault="no JSON")
    await SqlInbox(kitchen.database, "kitchen").stow([strange, strange])
    async with kitchen.database.session(read_only=True) as session:
        ((line),) = await find_events(session, "kitchen", Inquiry(action="list"))
        (shown,) = await show_event(session, "kitchen", str(line["id"]))
    assert (shown["cause"], shown["payload"], shown["headers"]) == ("no JSON", "\\xff\0", {"a": "b\\x00"})
    assert await redrive(kitchen, every=True) == []
    (done,) = await redrive(kitchen, id=line["id"], skip=True)
    assert done["action"] == "throw away"
    assert await listed(kitchen) == []


async def test_an_event_is_shown_whole(kitchen: Kitchen) -> None:
    """An event that is parked is shown with what it says, its trace, its cause, and who redrove it."""
    kitchen.faults = {1: [ValueError()] * 9}
    (message,) = story(uuid7(), [1])
    await kitchen.inbox.take([message])
    await kitchen.settle()
    await redrive(kitchen, id=message.id)
    await kitchen.settle()
    async with kitchen.database.session(read_only=True) as session:
        (shown,) = await show_event(session, "kitchen", str(message.id))
        assert await show_event(session, "kitchen", "nothing") == []
    assert (shown["state"], shown["cause"], shown["source"]) == ("parked", "ValueError", "scales")
    assert shown["payload"] == json.loads(message.payload)
    assert [one["reason"] for one in shown["redriven"]] == ["mended"]  # type: ignore[index,union-attr,call-overload]  # JSON


@pytest.mark.parametrize(
    "asked", [{"every": True, "reason": " "}, {}, {"every": True, "skip": True}], ids=["why", "what", "all"]
)
async def test_a_redrive_says_what_and_why(kitchen: Kitchen, asked: dict[str, object]) -> None:
    """Without a reason, or a target, or giving up everything at once, nothing is done."""
    with pytest.raises(UsageError):
        await redrive(kitchen, **asked)


async def test_no_faster_than_asked(kitchen: Kitchen) -> None:
    """Aggregates are redriven one after the other, no more of them in a second than asked."""
    kitchen.faults = {1: [ValueError()] * 99}
    await kitchen.inbox.take([weighed(uuid7(), 1) for _ in range(4)])
    await kitchen.settle()
    begun = time.monotonic()
    assert len(await redrive(kitchen, every=True, rate=20.0)) == 4
    assert time.monotonic() - begun > 3 / 20

"""The inbox against a real server: an effect once, in order, and nothing ever in the way of anything else."""

import asyncio

import pytest
from tests.data.kitchen import EMPTY, KEEP, SWIFT, Given, Kitchen, ParcelWeighed, story, weighed

from arnia.chassis.database import Database
from arnia.chassis.hearers import Hearer, Reception
from arnia.chassis.inbox import Inbox, Patience
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable


@pytest.fixture
async def kitchen(database: Database) -> Kitchen:
    """Give a consumer with nothing in its inbox."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
    return Kitchen(database)


@pytest.mark.anyio
async def test_an_event_has_one_effect_however_often_it_comes(kitchen: Kitchen) -> None:
    """The same batch twice, and each message twice in it, is one effect each, in order."""
    messages = story(uuid7(), [1, 2, 3])
    for _ in range(2):
        await kitchen.inbox.take([*messages, *messages])
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3]
    assert kitchen.inbox.counts.duplicates == 3


@pytest.mark.anyio
async def test_what_comes_early_waits_for_what_is_missing(kitchen: Kitchen) -> None:
    """Events that are ahead of their turn have their effect after those that they follow."""
    one, two, three, four = story(uuid7(), [1, 2, 3, 4])
    await kitchen.inbox.take([one, four, three])
    await kitchen.settle()
    assert await kitchen.effects() == [1]
    await kitchen.inbox.take([two])
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3, 4]
    assert {state for _, state in await kitchen.states()} == {"done"}


@pytest.mark.anyio
async def test_a_poisoned_event_parks_its_aggregate_and_nothing_else(kitchen: Kitchen) -> None:
    """What no repetition mends is kept with everything later of its aggregate; others go on."""
    poisoned, well = uuid7(), uuid7()
    kitchen.faults = {2: [ValueError("no")] * 99}
    first = story(poisoned, [1, 2, 3])
    await kitchen.inbox.take([*first, *story(well, [1, 3])])
    await kitchen.settle()
    await kitchen.inbox.take(story(poisoned, [4]))
    await kitchen.settle()
    assert await kitchen.effects() == [1, 1]
    assert sorted(await kitchen.states()) == [
        (1, "done"),
        (1, "done"),
        (2, "parked"),
        (3, "parked"),
        (3, "waiting"),
        (4, "parked"),
    ]


@pytest.mark.anyio
async def test_a_transient_fault_is_tried_again_in_order(kitchen: Kitchen) -> None:
    """After a fault that may pass the event is tried again, and nothing of its aggregate overtakes it."""
    kitchen.faults = {2: [Unavailable("not now")] * 2}
    await kitchen.inbox.take(story(uuid7(), [1, 2, 3]))
    await kitchen.settle()
    assert await kitchen.effects() == [1, 2, 3]
    assert kitchen.inbox.counts.parked == 0


@pytest.mark.anyio
async def test_too_many_attempts_park(kitchen: Kitchen) -> None:
    """A fault that does not pass parks the aggregate once its attempts are used up."""
    kitchen.faults = {1: [Unavailable("not now")] * 99}
    await kitchen.inbox.take(story(uuid7(), [1, 2]))
    await kitchen.settle()
    assert await kitchen.effects() == []
    assert await kitchen.states() == [(1, "parked"), (2, "parked")]


@pytest.mark.anyio
async def test_an_aggregate_that_is_met_in_the_middle_begins_there(kitchen: Kitchen) -> None:
    """The first event that is seen is the baseline, once nothing earlier came; and what is late then is not lost."""
    _, two, three, four = story(one_aggregate := uuid7(), [1, 2, 3, 4])
    await kitchen.inbox.take([three])
    await kitchen.settle()
    await kitchen.inbox.take([four])
    assert await kitchen.effects() == [3, 4]
    await kitchen.inbox.take([two])
    assert sorted(await kitchen.effects()) == [2, 3, 4]
    await kitchen.inbox.take([weighed(one_aggregate, 4)])
    assert kitchen.inbox.counts.dropped == 1


@pytest.mark.anyio
async def test_what_the_broker_has_in_hand_may_be_earlier(kitchen: Kitchen) -> None:
    """What was handed to somebody who died comes again, however late: until then nothing later is a beginning."""
    one, two = story(uuid7(), [1, 2])
    patient, in_hand = Kitchen(kitchen.database, Patience(baseline=0.5, gap=0.0)), [one]

    async def drained() -> bool:
        return not in_hand

    await patient.inbox.take([two])
    for _ in range(4):
        await asyncio.sleep(0.2)
        await patient.inbox.resume(drained=drained)
    assert await kitchen.effects() == []
    await patient.inbox.take([in_hand.pop()])
    await patient.settle()
    assert await kitchen.effects() == [1, 2]


@pytest.mark.anyio
async def test_careful_batches_count_before_they_try(kitchen: Kitchen) -> None:
    """An attempt is committed before the function runs, so that one which kills the process is counted too."""
    message = weighed(uuid7(), 1)
    await kitchen.inbox.take([message], careful=True)

    class Killed(BaseException):
        """What no handler of faults sees."""

    kitchen.faults = {1: [Killed() for _ in range(9)]}  # type: ignore[misc]  # no Exception: that is the point
    for _ in range(3):
        with pytest.raises(Killed):
            await kitchen.inbox.resume()
    await kitchen.settle()
    assert await kitchen.states() == [(1, "parked")]


@pytest.mark.anyio
async def test_what_kills_the_process_is_parked_without_those_beside_it(kitchen: Kitchen) -> None:
    """An attempt that nobody finished is repeated with nothing beside it, so that only what kills is counted out."""

    class Killed(BaseException):
        """What no handler of faults sees."""

    async def weigh(event: ParcelWeighed, reception: Reception) -> None:
        await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)
        await asyncio.sleep(0.05)
        if event.aggregate_id == deadly:
            raise Killed

    deadly = uuid7()
    hearer = Hearer()
    hearer.on(ParcelWeighed)(weigh)
    store = SqlInbox(kitchen.database, "kitchen")
    inbox = Inbox(store, hearer.handlers, Given, patience=SWIFT)  # type: ignore[arg-type]  # what it lacks is not used
    await inbox.take([weighed(deadly, 1), *(weighed(uuid7(), 1) for _ in range(3))], careful=True)
    for _ in range(SWIFT.attempts):
        with pytest.raises(Killed):
            await inbox.resume(together=4)
    await inbox.resume(together=4)
    assert await kitchen.effects() == [1, 1, 1]
    assert sorted(state for _, state in await kitchen.states()) == ["done", "done", "done", "parked"]


@pytest.mark.anyio
async def test_one_failure_costs_the_others_of_its_batch_nothing(kitchen: Kitchen) -> None:
    """Of a batch in which one event fails, the others are handled at once, and only its aggregate is left behind."""
    bad, messages = uuid7(), [weighed(uuid7(), 1) for _ in range(50)]
    kitchen.faults = {7: [ValueError()] * 9}
    messages.insert(20, weighed(bad, 1, body=b'{"aggregate_id": "%s", "grams": 7}' % str(bad).encode()))
    await kitchen.inbox.take(messages)
    assert await kitchen.effects() == [1] * 50
    assert [state for _, state in await kitchen.states()].count("waiting") == 1


@pytest.mark.anyio
async def test_a_function_that_never_ends_is_ended(kitchen: Kitchen) -> None:
    """What takes too long is interrupted and counted as a fault that may pass; what cancels itself, as one for good."""

    async def weigh(event: ParcelWeighed, reception: Reception) -> None:
        assert reception.kept is None
        if event.grams == 1:
            await asyncio.sleep(60)
        raise asyncio.CancelledError

    hearer = Hearer()
    hearer.on(ParcelWeighed)(weigh)
    store = SqlInbox(kitchen.database, "kitchen")
    patience = Patience(attempts=2, first=0.000_001, handling=0.05, baseline=0.0)
    inbox = Inbox(store, hearer.handlers, Given, patience=patience)  # type: ignore[arg-type]  # what it lacks is not used
    endless, cancelled = uuid7(), uuid7()
    body = b'{"aggregate_id": "%s", "grams": 2}' % str(cancelled).encode()
    await inbox.take([weighed(endless, 1), weighed(cancelled, 1, body=body)])
    for _ in range(5):
        await inbox.resume()
    causes = await kitchen.causes()
    assert causes == {endless: "DeadlineExceeded: It was not handled within 0.05 s.", cancelled: "RuntimeError"}


@pytest.mark.anyio
async def test_the_flag_of_what_waits_is_true(kitchen: Kitchen) -> None:
    """Once the last event that waited is handled, the next one that is early is looked at after a while by itself."""
    kitchen.faults = {1: [Unavailable()]}
    aggregate = uuid7()
    await kitchen.inbox.take(story(aggregate, [1]), careful=True)
    await kitchen.settle()
    assert await kitchen.waiting(aggregate) is False

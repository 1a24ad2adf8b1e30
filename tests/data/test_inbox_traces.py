"""What hears an event works in its trace, and an errand in one of its own: what it emits and whom it calls."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from sqlalchemy import text
from tests.client import garden
from tests.client.scripted import Scripted, scripted
from tests.data.kitchen import EMPTY, SWIFT, ParcelWeighed, weighed

from arnia.chassis.clients import Clients
from arnia.chassis.context import Runtime
from arnia.chassis.database import Database
from arnia.chassis.errands import Errand
from arnia.chassis.hearers import Hearer, Reception
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.receptions import EventReception
from arnia.chassis.spans import HeardSpans
from arnia.chassis.statements import Statement
from arnia.chassis.traces import CURRENT, Trace, continue_trace, ratio_bound
from arnia.chassis.uuids import uuid7
from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER
from arnia.testing import parcels

pytestmark = pytest.mark.anyio

EMITTED = Statement(text("SELECT aggregate_id, headers FROM arnia_outbox ORDER BY sequence"))
FORGET = Statement(text("TRUNCATE arnia_outbox, arnia_sequences"))


class Spans:
    """Keeps what was recorded of events and errands."""

    def __init__(self) -> None:
        self.heard_: list[tuple[Trace, list[UUID], bool]] = []
        self.worked_: list[tuple[Trace, str, bool]] = []

    def requested(self, trace: Trace, *, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        """Serve nobody."""

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Serve nobody."""

    def called(
        self, trace: Trace, span_id: str, *, server: str, operation: str, method: str, status: int, seconds: float
    ) -> None:
        """Leave calls to their own tests."""

    def heard(
        self, trace: Trace, messages: Sequence[Message], *, system: str, consumer: str, failed: bool, seconds: float
    ) -> None:
        """Keep what was heard."""
        assert seconds > 0
        assert (system, consumer) == ("nats", "shop")
        self.heard_.append((trace, [message.id for message in messages], failed))

    def worked(self, trace: Trace, *, name: str, failed: bool, seconds: float) -> None:
        """Keep what was done."""
        assert seconds >= 0
        self.worked_.append((trace, name, failed))


@dataclass
class Shop:
    """A service that asks the nursery about each parcel that it hears of, and says something of it.

    Attributes:
        database: Where it remembers and emits.
        nursery: Whom it asks.
        runtime: What its receptions are made of.
        reached: The steps that its inbox has come by.
    """

    database: Database
    nursery: Scripted
    runtime: Runtime
    reached: list[str] = field(default_factory=list)
    spans: Spans = field(default_factory=Spans)

    def inbox(self, hearer: Hearer) -> Inbox:
        """Return what hears for it."""
        return Inbox(
            SqlInbox(self.database, "shop"),
            hearer.handlers,
            lambda message, session: EventReception(self.runtime, message, session),
            patience=SWIFT,
            reach=self.reached.append,
            spans=HeardSpans(self.spans, "nats", "shop"),
        )

    def called(self) -> dict[UUID, tuple[str, str]]:
        """Return in which trace, and with which state of it, the nursery was asked about each parcel."""
        return {UUID(seen.target.rpartition("/")[2]): _place(seen.headers) for seen in self.nursery.seen}

    async def emitted(self) -> dict[UUID, tuple[str, str]]:
        """Return in which trace, and with which state of it, something was said of each parcel."""
        async with self.database.session(read_only=True) as session:
            rows = await session.fetch_all(EMITTED)
        return {row["aggregate_id"]: _place(row["headers"]) for row in rows}


def _place(headers: Mapping[str, str]) -> tuple[str, str]:
    """Return which trace these name, with its flags, and its state; nothing where they name none."""
    _, trace_id, _, flags = headers.get(TRACE_HEADER, "---").split("-")
    return f"{trace_id}-{flags}", headers.get(TRACE_STATE_HEADER, "")


@pytest.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """Give the service with nothing in its tables."""
    async with database.session(read_only=False) as session:
        await session.execute(EMPTY)
        await session.execute(FORGET)
    async with scripted() as nursery:
        settings = garden.settings(nursery.url)
        clients = Clients.open("shop", [garden.NurseryClient], settings)
        runtime = Runtime("shop", "1", settings, database=database, callers=clients.callers)
        yield Shop(database, nursery, runtime)
        await clients.close()


async def ask_and_say(event: ParcelWeighed, reception: Reception) -> None:
    """Call another service about a parcel, and emit."""
    await reception.client(garden.NurseryClient).read(event.aggregate_id)
    reception.session.emit(parcels.ParcelWeighed(aggregate_id=event.aggregate_id, grams=event.grams))


def traced(number: int, sequence: int = 1, flags: str = "01") -> Message:
    """Return an event of a parcel of its own, from the trace with this number, which is sampled unless said."""
    headers = {TRACE_HEADER: f"00-{number:032x}-{number:016x}-{flags}", TRACE_STATE_HEADER: f"vendor={number}"}
    parcel = uuid7()
    body = b'{"aggregate_id": "%s", "grams": 1}' % str(parcel).encode()
    return replace(weighed(parcel, sequence, body=body), headers=headers)


def places(messages: Sequence[Message]) -> dict[UUID, tuple[str, str]]:
    """Return in which trace, and with which state of it, each parcel's event is."""
    return {message.aggregate_id: _place(message.headers) for message in messages}


async def test_a_handler_works_in_the_trace_of_its_event(shop: Shop) -> None:
    """Of several events in one transaction each is handled in its own trace, which calls and events carry on."""
    hearer = Hearer()
    hearer.on(ParcelWeighed)(ask_and_say)
    messages = [traced(7), traced(8)]
    await shop.inbox(hearer).take(messages)
    assert shop.called() == await shop.emitted() == places(messages)
    assert "inbox.attempted" not in shop.reached


@pytest.mark.parametrize(
    ("together", "sequence"), [(2, 1), (1, 1), (1, 0)], ids=["in a run", "by itself", "without a sequence"]
)
async def test_what_waited_is_handled_in_the_trace_of_its_event(shop: Shop, together: int, sequence: int) -> None:
    """What the inbox has kept is gone on with in its own trace too: among others, alone, and where nobody counts."""
    hearer = Hearer()
    hearer.on(ParcelWeighed)(ask_and_say)
    inbox = shop.inbox(hearer)
    messages = [traced(number, sequence) for number in range(7, 7 + together)]
    await inbox.take(messages, careful=True)
    assert shop.called() == await shop.emitted() == {}
    await inbox.resume()
    assert shop.called() == await shop.emitted() == places(messages)
    assert "inbox.attempted" in shop.reached


async def test_a_batch_is_handled_in_the_trace_of_its_first_event(shop: Shop) -> None:
    """Several events that one call hears are handled in one trace: that of the first of them."""
    hearer = Hearer()

    async def ask_and_say_all(events: Sequence[ParcelWeighed], reception: Reception) -> None:
        for event in events:
            await ask_and_say(event, reception)

    hearer.on_batch(ParcelWeighed)(ask_and_say_all)
    messages = [traced(7), traced(8)]
    await shop.inbox(hearer).take(messages)
    [place] = set(shop.called().values())
    assert place == _place(messages[0].headers)
    assert shop.called() == await shop.emitted()


@pytest.mark.parametrize("careful", [False, True], ids=["at once", "out of the inbox"])
async def test_what_is_logged_meanwhile_names_the_trace(shop: Shop, *, careful: bool) -> None:
    """While a function hears an event, that event's trace is the one that log lines name; afterwards none is."""
    hearer, named = Hearer(), list[Trace | None]()

    async def log(event: ParcelWeighed, reception: Reception) -> None:
        del event, reception
        named.append(CURRENT.get())

    hearer.on(ParcelWeighed)(log)
    inbox = shop.inbox(hearer)
    await inbox.take([traced(7)], careful=careful)
    await inbox.resume()
    assert [trace and trace.trace_id for trace in named] == [f"{7:032x}"]
    assert CURRENT.get() is None


async def test_an_errand_is_one_trace(shop: Shop) -> None:
    """What is called and what is told of it belong together, in as many parts as it is done; the ratio counts there."""
    shop.runtime.trace_bound = ratio_bound(1.0)
    asking = Errand(shop.runtime, seconds=30)
    telling = Errand(shop.runtime, seconds=30, trace=asking.trace)
    parcel = uuid7()
    await asking.client(garden.NurseryClient).read(parcel)
    async with telling.session() as session:
        session.emit(parcels.ParcelWeighed(aggregate_id=parcel, grams=1))
    assert shop.called() == await shop.emitted() == {parcel: (f"{asking.trace.trace_id}-03", "")}
    assert Errand(shop.runtime, seconds=30).trace.trace_id != asking.trace.trace_id


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in a batch"])
async def test_what_is_heard_has_a_span_of_its_own(shop: Shop, *, together: bool) -> None:
    """It stands below the request that emitted, and above what its handler calls and emits; a batch has one."""
    hearer = Hearer()

    async def ask_and_say_all(events: Sequence[ParcelWeighed], reception: Reception) -> None:
        for event in events:
            await ask_and_say(event, reception)

    if together:
        hearer.on_batch(ParcelWeighed)(ask_and_say_all)
    else:
        hearer.on(ParcelWeighed)(ask_and_say)
    messages = [traced(7), traced(8)]
    await shop.inbox(hearer).take(messages)
    ids = [message.id for message in messages]
    told = [(ids, False)] if together else [([one], False) for one in ids]
    assert [(heard, failed) for _, heard, failed in shop.spans.heard_] == told
    for number, (trace, *_) in enumerate(shop.spans.heard_, start=7):
        assert (trace.trace_id, trace.parent_id) == (f"{number:032x}", f"{number:016x}")
    spans = {trace.span_id for trace, *_ in shop.spans.heard_}
    async with shop.database.session(read_only=True) as session:
        rows = await session.fetch_all(EMITTED)
    assert {row["headers"][TRACE_HEADER].split("-")[2] for row in rows} == spans


async def test_the_span_of_what_fails_says_so_and_each_attempt_has_one(shop: Shop) -> None:
    """A handler that raises has a failed span, the attempt after it another one; what is not sampled has none."""
    hearer, faults = Hearer(), [ValueError("once")]

    async def fail_once(event: ParcelWeighed, reception: Reception) -> None:
        del event, reception
        if faults:
            raise faults.pop()

    hearer.on(ParcelWeighed)(fail_once)
    inbox = shop.inbox(hearer)
    await inbox.take([traced(7)])
    while len(shop.spans.heard_) < 2:
        await inbox.resume()
    assert [failed for *_, failed in shop.spans.heard_] == [True, False]
    assert len({trace.span_id for trace, *_ in shop.spans.heard_}) == 2
    await inbox.take([traced(8, flags="00")])
    assert len(shop.spans.heard_) == 2


async def test_an_errand_has_a_span_where_it_is_sampled(shop: Shop) -> None:
    """The block is the span of the errand's place in its trace; it says whether the block failed."""
    shop.runtime.spans = shop.spans
    unsampled = Errand(
        shop.runtime, seconds=30, trace=continue_trace(traced(7, flags="00").headers[TRACE_HEADER].encode())
    )
    with unsampled.span("look"):
        pass
    shop.runtime.trace_bound = ratio_bound(1.0)
    errand = Errand(shop.runtime, seconds=30)
    with pytest.raises(ValueError, match="no"), errand.span("look"):
        raise ValueError("no")
    assert shop.spans.worked_ == [(errand.trace, "look", True)]

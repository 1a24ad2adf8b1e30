"""Consumers as they are usually built, and why they should not be."""

import inspect
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tests.simulation.database import Transaction
from tests.simulation.effects import Effect
from tests.simulation.memory_broker import MemoryBroker, MemoryIntake, Wire
from tests.simulation.memory_inbox import InboxRow, InboxTables, MemoryInbox, MemorySession, MemoryTurn
from tests.simulation.processes import Process
from tests.simulation.scripts import Script
from tests.simulation.story import Given, Wiring
from typing_extensions import override

from arnia.chassis import placing, runs
from arnia.chassis.backlog import Backlog, Drained, at_once
from arnia.chassis.brokers.broker import Intake, Received, Subscription
from arnia.chassis.hearers import Handler
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_turns import TOGETHER, Aggregate, Entry, Kept, State
from arnia.chassis.messages import Message
from arnia.chassis.runs import Runs

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = [
    "AWhileIsEnough",
    "AckBeforeCommit",
    "AutoCommit",
    "CountedWithTheEffect",
    "EffectOutside",
    "GapsSkipped",
    "GivenBackUnasked",
    "Impatient",
    "NewIdOnRedrive",
    "NoCare",
    "NoInbox",
    "ParkedQueue",
    "RunBackwards",
    "RunOverGaps",
    "RunParked",
    "RunRepeated",
    "RunUnbegun",
    "RunUnfenced",
    "SequenceIgnored",
    "SuspectsTogether",
    "Unfenced",
]

Handlers = dict[tuple[str, int], Handler]


class AckBeforeCommit(Wiring):
    """Acknowledges what it is handed before it is remembered."""

    after = 0.0

    @override
    def broker(self, wire: Wire, process: Process) -> MemoryBroker:
        wiring = self

        class Broker(MemoryBroker):
            @override
            def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Intake]:
                return _Hasty(wire, process, wire.bind(subscription.consumer), subscription.in_flight, wiring.after)

        return Broker(wire, process)


class AutoCommit(AckBeforeCommit):
    """Lets the client acknowledge in the background what it has handed over, as Kafka's does by default."""

    after = 0.05


class _Hasty(MemoryIntake):
    def __init__(self, wire: Wire, process: Process, channel: object, in_flight: int, after: float) -> None:
        super().__init__(wire, process, channel, in_flight)  # type: ignore[arg-type]  # what `bind` returns
        self._after = after

    @override
    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        received = await super().fetch(most, wait)
        self._wire.world.loop.call_later(self._after, self._settle_all, received)
        return received

    @override
    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Do nothing: it is done."""

    def _settle_all(self, received: Sequence[Received]) -> None:
        if self.process.alive or not self._after:
            for each in received:
                self.settle(each.receipt)


class EffectOutside(Wiring):
    """Has its effect in a transaction of its own, beside the one that remembers the message."""

    @override
    def inbox(self, tables: InboxTables, process: Process) -> MemoryInbox:
        class Turn(MemoryTurn):
            @property
            @override
            def session(self) -> "Session":
                return cast("Session", _Apart(self.transaction))

        class Store(MemoryInbox):
            @override
            def open(self, transaction: Transaction) -> "MemoryTurn":
                return Turn(tables, transaction)

        return Store(tables, process)


class _Apart(MemorySession):
    @override
    async def record(self, effect: Effect) -> None:
        own = self.transaction.database.begin(self.transaction.host)
        try:
            await MemorySession(own).record(effect)
            await own.commit()
        finally:
            own.end(keep=False)


class ParkedQueue(Wiring):
    """Parks everything behind what fails, whatever it is about."""

    @override
    def inbox(self, tables: InboxTables, process: Process) -> MemoryInbox:
        class Turn(MemoryTurn):
            @override
            async def park(self, aggregate: Aggregate) -> None:
                await self.transaction.statement("park all")
                for row in list(tables.inbox.rows(self.transaction)):
                    if row.state is State.WAITING:
                        await tables.inbox.lock(self.transaction, row.message.id)
                        tables.inbox.put(self.transaction, row.message.id, replace(row, state=State.PARKED))

        class Store(MemoryInbox):
            @override
            def open(self, transaction: Transaction) -> "MemoryTurn":
                return Turn(tables, transaction)

        return Store(tables, process)


class NoInbox(Wiring):
    """Handles what it is handed, as often as it is handed over."""

    @override
    def take_over(self, store: MemoryInbox, handlers: Handlers, script: Script) -> Inbox:
        return cast("Inbox", _Bare(store, handlers))


class _Bare:
    def __init__(self, store: MemoryInbox, handlers: Handlers) -> None:
        self._store = store
        self._handlers = handlers

    def stop(self) -> None:
        """Do nothing: nothing is begun."""

    async def take(self, messages: Sequence[Message], *, careful: bool = False) -> bool:
        async with self._store.turn() as turn:
            for message in messages:
                handler = self._handlers[message.type, message.version]
                event = handler.view.model_validate_json(message.payload)
                given = Given(message, turn.session)
                if handler.one is not None:
                    await handler.one(event, given)  # type: ignore[arg-type]  # what it lacks is not used here
                elif handler.many is not None:
                    await handler.many([event], given)  # type: ignore[arg-type]  # see above
        return False

    async def resume(self, most: int = 400, *, together: int = 1, drained: Drained = at_once) -> int:
        return 0


class SequenceIgnored(Wiring):
    """Knows what it has had, and not what comes next."""

    @override
    def take_over(self, store: MemoryInbox, handlers: Handlers, script: Script) -> Inbox:
        inner = super().take_over(store, handlers, script)

        class Blind(Inbox):
            @override
            async def take(self, messages: Sequence[Message], *, careful: bool = False) -> bool:
                return await inner.take([replace(message, sequence=0) for message in messages], careful=careful)

            @override
            async def resume(self, most: int = 400, *, together: int = 1, drained: Drained = at_once) -> int:
                return await inner.resume(most, together=together, drained=drained)

        return Blind(store, handlers, Given)  # type: ignore[arg-type]  # see `Wiring`


class NoCare(Wiring):
    """Tries what may have killed the process before without counting first."""

    @override
    def take_over(self, store: MemoryInbox, handlers: Handlers, script: Script) -> Inbox:
        inbox = super().take_over(store, handlers, script)
        usual = inbox.take

        async def take(messages: Sequence[Message], *, careful: bool = False) -> bool:
            return await usual(messages)

        inbox.take = take  # type: ignore[method-assign]  # this one only
        return inbox


class Impatient(Wiring):
    """Takes the first message that it sees of an aggregate for the first that there is."""

    @override
    def take_over(self, store: MemoryInbox, handlers: Handlers, script: Script) -> Inbox:
        return super().take_over(store, handlers, replace(script, patience=replace(script.patience, baseline=0.0)))


class NewIdOnRedrive(Wiring):
    """Redrives a message under another id."""

    @override
    def redriven(self, row: InboxRow) -> Message:
        return replace(row.message, id=UUID(int=row.message.id.int ^ (1 << 127)))


class Damaged(Wiring):
    """Runs the code itself, with one line of it damaged."""

    owner: object
    name: str
    line: str
    instead: str

    @override
    @contextmanager
    def planted(self) -> Iterator[None]:
        """Damage the line for as long as the block lasts."""
        whole = getattr(self.owner, self.name)
        source = textwrap.dedent(inspect.getsource(whole))
        if source.count(self.line) != 1:
            message = f"{self.name} has no line {self.line!r} any more: plant the bug anew"
            raise LookupError(message)
        scope = dict(vars(sys.modules[whole.__module__]))
        exec(source.replace(self.line, self.instead), scope)  # noqa: S102 - the code under test, but for one line
        setattr(self.owner, self.name, scope[self.name])
        try:
            yield
        finally:
            setattr(self.owner, self.name, whole)


class Unfenced(Damaged):
    """Finishes an attempt that somebody else has taken over meanwhile."""

    owner, name = Backlog, "_finish"
    line = "if head is None or progress.parked or not head.is_as(attempted):"
    instead = "if False:"


class GapsSkipped(Damaged):
    """Goes on with whatever is later, though something is missing."""

    owner, name = placing, "_place"
    line = "if message.sequence == (progress.last or 0) + 1:"
    instead = "if message.sequence > (progress.last or 0):"


class AWhileIsEnough(Damaged):
    """Takes what it sees first for the first there is after a while, whatever the broker still has in hand."""

    owner, name = Backlog, "_is_first"
    line = "age >= least and (age >= least * BASELINES or await self._drained())"
    instead = "age >= least"


class SuspectsTogether(Damaged):
    """Tries what may have killed the process beside others, and counts them out together."""

    owner, name = Backlog, "_is_time"
    line = "if kept.unfinished and not self._alone:"
    instead = "if False:"


class CountedWithTheEffect(Damaged):
    """Counts an attempt in the transaction of its effect: what kills the process is never counted."""

    owner, name = Kept, "is_as"
    line = "return mine == its"
    instead = "return mine[0] == its[0]"

    def is_begun(self, entry: Entry) -> bool:
        """Tell whether this says that something is about to be tried."""
        begun = entry.cause == TOGETHER or (entry.attempts > 0 and not entry.cause)
        return begun and entry.state is State.WAITING

    @override
    def inbox(self, tables: InboxTables, process: Process) -> MemoryInbox:
        is_begun = self.is_begun

        class Counting(MemoryTurn):
            @override
            async def keep(self, entries: Sequence[Entry]) -> None:
                await super().keep([each for each in entries if not is_begun(each)])

        class Store(MemoryInbox):
            @override
            def open(self, transaction: Transaction) -> "MemoryTurn":
                return Counting(tables, transaction)

        return Store(tables, process)


class RunUnbegun(CountedWithTheEffect):
    """Writes nothing down before a run is handled: what kills the process among others does so for ever."""

    @override
    def is_begun(self, entry: Entry) -> bool:
        """Tell whether this says that something is about to be tried among others."""
        return entry.cause == TOGETHER and entry.state is State.WAITING


class RunRepeated(Damaged):
    """Takes what may have killed the process among others into the next run."""

    owner, name = runs, "_is_fresh"
    line = "not kept.attempts and not kept.together and"
    instead = "not kept.attempts and"


class RunParked(Damaged):
    """Parks a run of which something fails, with all that had nothing to do with it."""

    owner, name = Runs, "give_back"
    line = 'await turn.keep(_entries(still, cause="", due=0.0))'
    instead = (
        "await turn.keep([replace(each, state=State.PARKED, cause=str(error)) "
        'for each in _entries(still, cause="", due=0.0)])'
    )


class RunOverGaps(Damaged):
    """Takes into a run whatever waits of an aggregate, though something between is missing."""

    owner, name = runs, "_is_next"
    line = "ends == (first, first + len(members) - 1)"
    instead = "ends[0] >= first"


class RunBackwards(Damaged):
    """Handles a run in another order than that of its aggregates."""

    owner, name = Runs, "finish"
    line = "await self._handling.handle(turn, [kept.message for kept in still.members])"
    instead = "await self._handling.handle(turn, [kept.message for kept in reversed(still.members)])"


class RunUnfenced(Damaged):
    """Finishes a run of which somebody else has gone on with something meanwhile."""

    owner, name = Runs, "finish"
    line = "still = await self._still(turn, run, known)"
    instead = "still = run"


class GivenBackUnasked(Damaged):
    """Gives a run back without a look at what became of it: it may be done, and only the answer was lost."""

    owner, name = Runs, "give_back"
    line = "still = await self._still(turn, run, await turn.progress(run.its))"
    instead = "still = run"

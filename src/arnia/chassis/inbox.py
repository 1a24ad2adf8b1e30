"""From the broker to its effect: once inside the service's database, in order for each aggregate, and never stuck.

A batch is one transaction: remember the messages, handle what is next of each aggregate, keep what cannot be handled
yet. Who has it acknowledged afterwards may die in between: what comes again is known. Where anything goes wrong the
transaction is undone, all of the batch is kept as *waiting*, and each aggregate goes on by itself (`resume`), its
attempts counted in transactions of their own, so that a message that kills the process is counted too.

What waits, waits in the service's own table and not at the broker, whose queue is never blocked:

- ahead of its turn: until what is missing has come;
- to be tried again: after a transient fault, with growing pauses, and everything later of its aggregate behind it;
- parked: after a fault that no repetition mends, or too many, together with everything later of its aggregate, until
  somebody redrives it.

The first message that is seen of an aggregate is its baseline, once nothing earlier has come for a while.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.hearers import Handler, Heard, Reception
from arnia.chassis.inbox_turns import Aggregate, Entry, InboxStore, Kept, Progress, State, Turn
from arnia.chassis.messages import Message
from arnia.errors import DeadlineExceeded, ServiceError, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = ["Counts", "Inbox", "Patience"]

TRANSIENT: Final = (Unavailable, DeadlineExceeded, TooManyRequests)
LONGEST_CAUSE: Final = 500
MISSING: Final = "earlier events are missing"
BEHIND: Final = "an earlier event is parked"
OLDER: Final = "it is older than what was heard"
TOO_OFTEN: Final = "it was tried too often"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the inbox waits for what.

    Attributes:
        attempts: How often a message is tried before its aggregate is parked.
        first: Seconds after the first failure, at the most; twice as many after each further one.
        longest: Seconds between two attempts, at the most.
        lease: Seconds after which an attempt that nobody finished is taken for dead.
        baseline: Seconds that something earlier may come late; longer than a broker takes to hand over again.
        gap: Seconds after which a gap is looked at again.
    """

    attempts: int = 8
    first: float = 0.2
    longest: float = 60.0
    lease: float = 45.0
    baseline: float = 45.0
    gap: float = 5.0

    def pause(self, attempts: int) -> float:
        """Return how long to wait after so many failed attempts: full jitter (Brooker, 2015)."""
        return random.uniform(0.0, min(self.longest, self.first * 2 ** max(0, attempts - 1)))  # noqa: S311 - no secret


@dataclass(slots=True)
class Counts:
    """What happened, since the process began."""

    handled: int = 0
    duplicates: int = 0
    dropped: int = 0
    early: int = 0
    late: int = 0
    failed: int = 0
    parked: int = 0


@dataclass(slots=True)
class _Plan:
    """What is to be done with the new messages of a batch."""

    now: list[Message] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    changed: dict[Aggregate, Progress] = field(default_factory=dict)
    woken: list[Aggregate] = field(default_factory=list)


class Inbox:
    """What a service does with what it is handed.

    Attributes:
        counts: What happened.
    """

    def __init__(
        self,
        store: InboxStore,
        handlers: Mapping[tuple[str, int], Handler],
        receive: Callable[[Message, "Session"], Reception],
        *,
        patience: Patience | None = None,
        reach: Reach = nowhere,
    ) -> None:
        """Remember in `store`, call `handlers` with what `receive` makes of a message and a transaction."""
        self._store = store
        self._handlers = handlers
        self._receive = receive
        self._patience = patience or Patience()
        self._reach = reach
        self.counts = Counts()

    async def take(self, messages: Sequence[Message], *, careful: bool = False) -> bool:
        """Take a batch over: when this returns, all of it is remembered, and may be acknowledged.

        Args:
            messages: As they came, in their order.
            careful: Whether one of them may have killed a process before: then none is handled before that is counted.

        Returns:
            Whether some of it waits, for `resume`.

        Raises:
            Unavailable: The database is not there; nothing is remembered.
        """
        batch = list({message.id: message for message in messages}.values())
        if not careful:
            try:
                return await self._take_at_once(batch)
            except Exception:  # noqa: BLE001 - whatever a handler raises: each aggregate finds out by itself
                self.counts.failed += 1
        await self._keep_all(batch)
        return True

    async def resume(self, most: int = 100) -> int:
        """Go on with what waits and is due; return how many aggregates were looked at.

        Raises:
            Unavailable: The database is not there.
        """
        due = await self._store.due(most)
        for aggregate, single in due:
            if single is not None:
                await self._follow_single(single)
            else:
                await self._follow(aggregate)
        return len(due)

    async def _take_at_once(self, batch: Sequence[Message]) -> bool:
        async with self._store.turn() as turn:
            known = await turn.remember(batch)
            new = [message for message in batch if message.id in known]
            self._reach("inbox.remembered")
            plan = await self._plan(turn, new)
            await self._handle(turn, plan.now)
            self._reach("inbox.handled")
            if plan.entries:
                await turn.keep(plan.entries)
            if plan.changed:
                await turn.advance(plan.changed)
            if plan.woken:
                await turn.wake(plan.woken)
        self._reach("inbox.committed")
        self.counts.duplicates += len(batch) - len(new)
        self.counts.handled += len(plan.now)
        return bool(plan.woken)

    async def _plan(self, turn: Turn, new: Sequence[Message]) -> _Plan:
        plan = _Plan()
        for aggregate, progress in (await turn.progress(_aggregates(new))).items():
            was_waiting, advanced = progress.waiting, False
            plan.changed[aggregate] = progress
            its = [message for message in new if message.sequence and _aggregate(message) == aggregate]
            for message in sorted(its, key=lambda each: each.sequence):
                advanced = self._place(message, progress, plan) or advanced
            if was_waiting and advanced:
                plan.woken.append(aggregate)
        plan.now.extend(message for message in new if not message.sequence)
        return plan

    def _place(self, message: Message, progress: Progress, plan: _Plan) -> bool:
        """Decide about one message; return whether its aggregate went on."""
        if progress.parked:
            plan.entries.append(Entry(message=message, state=State.PARKED, cause=BEHIND))
            return False
        if message.sequence == (progress.last or 0) + 1:
            plan.now.append(message)
            progress.last = message.sequence
            return True
        if progress.last is None or message.sequence > progress.last:
            wait = self._patience.baseline if progress.last is None else self._patience.gap
            due = None if progress.waiting else wait
            plan.entries.append(Entry(message=message, state=State.WAITING, cause=MISSING, due=due))
            progress.waiting = True
            self.counts.early += 1
            return False
        if message.sequence <= progress.baseline:
            # It was given up, wrongly: late is better than never.
            plan.now.append(message)
            self.counts.late += 1
            return False
        plan.entries.append(Entry(message=message, state=State.DROPPED, cause=OLDER))
        self.counts.dropped += 1
        return False

    async def _handle(self, turn: Turn, messages: Sequence[Message]) -> None:
        """Call the functions that hear these, in this order; neighbours go together to one that hears batches."""
        together: list[tuple[Heard, Message]] = []
        gathering: Handler | None = None
        for message in messages:
            handler = self._handlers.get((message.type, message.version))
            if gathering is not None and handler is not gathering:
                await self._handle_many(gathering, together, turn)
                gathering, together = None, []
            if handler is None:
                continue
            event = handler.view.model_validate_json(message.payload)
            if handler.one is not None:
                await handler.one(event, self._receive(message, turn.session))
            else:
                gathering = handler
                together.append((event, message))
        if gathering is not None:
            await self._handle_many(gathering, together, turn)

    async def _handle_many(self, handler: Handler, together: Sequence[tuple[Heard, Message]], turn: Turn) -> None:
        if handler.many is not None:
            await handler.many([event for event, _ in together], self._receive(together[0][1], turn.session))

    async def _keep_all(self, batch: Sequence[Message]) -> None:
        """Keep every new message of a batch as one that waits."""
        async with self._store.turn() as turn:
            known = await turn.remember(batch)
            new = [message for message in batch if message.id in known]
            progress = await turn.progress(_aggregates(new))
            entries = []
            for message in new:
                its = progress.get(_aggregate(message)) if message.sequence else None
                if its is not None and its.parked:
                    entries.append(Entry(message=message, state=State.PARKED, cause=BEHIND))
                else:
                    entries.append(Entry(message=message, state=State.WAITING))
                    if its is not None:
                        its.waiting = True
            await turn.keep(entries)
            await turn.advance(progress)
        self._reach("inbox.kept")

    async def _follow(self, aggregate: Aggregate) -> None:
        """Go on with an aggregate until nothing of it is next."""
        while (attempted := await self._attempt(aggregate)) is not None:
            self._reach("inbox.attempted")
            try:
                if not await self._finish(aggregate, attempted):
                    return
            except Exception as error:  # noqa: BLE001 - whatever a handler raises decides about its aggregate only
                await self._fail(aggregate, attempted, error)
                return

    async def _attempt(self, aggregate: Aggregate) -> Kept | None:
        """Count an attempt on what is next of an aggregate, and return it; None where nothing is."""
        async with self._store.turn() as turn:
            progress = await turn.claim(aggregate)
            if progress is None:
                return None
            head = await turn.head(aggregate)
            if head is None:
                progress.waiting = False
                await turn.advance({aggregate: progress})
                return None
            if progress.parked:
                await turn.park(aggregate)
                return None
            if head.due > 0:
                await turn.hush(aggregate)
                return None
            if progress.last is None and (head.message.sequence == 1 or head.age >= self._patience.baseline):
                progress.last = progress.baseline = head.message.sequence - 1
                await turn.advance({aggregate: progress})
            return await self._count(turn, aggregate, progress, head)

    async def _count(self, turn: Turn, aggregate: Aggregate, progress: Progress, head: Kept) -> Kept | None:
        message, waiting = head.message, State.WAITING
        if progress.last is None or message.sequence > progress.last + 1:
            due = self._patience.gap
            await turn.keep([Entry(message=message, state=waiting, cause=MISSING, attempts=head.attempts, due=due)])
            return None
        if progress.baseline < message.sequence <= progress.last:
            await turn.keep([Entry(message=message, state=State.DROPPED, cause=OLDER)])
            await turn.wake([aggregate])
            self.counts.dropped += 1
            return None
        if head.attempts >= self._patience.attempts:
            await self._park(turn, aggregate, progress, head, TOO_OFTEN)
            return None
        counted = Kept(message=message, attempts=head.attempts + 1, age=head.age)
        await turn.keep([Entry(message=message, state=waiting, attempts=counted.attempts, due=self._patience.lease)])
        return counted

    async def _finish(self, aggregate: Aggregate, attempted: Kept) -> bool:
        """Handle what was attempted, unless somebody else has gone on from there; return whether to look for more."""
        async with self._store.turn() as turn:
            progress = (await turn.progress([aggregate]))[aggregate]
            head = await turn.head(aggregate)
            if head is None or progress.parked or _differ(head, attempted):
                return False
            await self._handle(turn, [attempted.message])
            self._reach("inbox.handled")
            await turn.keep([Entry(message=attempted.message, state=State.DONE, attempts=attempted.attempts)])
            progress.last = max(progress.last or 0, attempted.message.sequence)
            await turn.advance({aggregate: progress})
            await turn.wake([aggregate])
        self._reach("inbox.resumed")
        self.counts.handled += 1
        return True

    async def _fail(self, aggregate: Aggregate, attempted: Kept, error: Exception) -> None:
        self.counts.failed += 1
        async with self._store.turn() as turn:
            progress = (await turn.progress([aggregate]))[aggregate]
            head = await turn.head(aggregate)
            if head is None or progress.parked or _differ(head, attempted):
                return
            if isinstance(error, TRANSIENT) and attempted.attempts < self._patience.attempts:
                await turn.keep([self._again(attempted, error)])
            else:
                await self._park(turn, aggregate, progress, attempted, _describe(error))

    async def _park(self, turn: Turn, aggregate: Aggregate, progress: Progress, head: Kept, cause: str) -> None:
        progress.parked = True
        await turn.keep([Entry(message=head.message, state=State.PARKED, cause=cause, attempts=head.attempts)])
        await turn.park(aggregate)
        await turn.advance({aggregate: progress})
        self.counts.parked += 1
        self._reach("inbox.parked")

    async def _follow_single(self, message_id: UUID) -> None:
        """Try a message that has no sequence."""
        async with self._store.turn() as turn:
            kept = await turn.find(message_id)
            if kept is None:
                return
            if kept.attempts >= self._patience.attempts:
                cause = TOO_OFTEN
                await turn.keep([Entry(message=kept.message, state=State.PARKED, cause=cause, attempts=kept.attempts)])
                self.counts.parked += 1
                return
            attempted = Kept(message=kept.message, attempts=kept.attempts + 1, age=kept.age)
            due = self._patience.lease
            await turn.keep([Entry(message=kept.message, state=State.WAITING, attempts=attempted.attempts, due=due)])
        self._reach("inbox.attempted")
        try:
            async with self._store.turn() as turn:
                still = await turn.find(message_id)
                if still is None or _differ(still, attempted):
                    return
                await self._handle(turn, [attempted.message])
                await turn.keep([Entry(message=attempted.message, state=State.DONE, attempts=attempted.attempts)])
            self.counts.handled += 1
        except Exception as error:  # noqa: BLE001 - whatever a handler raises decides about its message only
            await self._fail_single(attempted, error)

    async def _fail_single(self, attempted: Kept, error: Exception) -> None:
        self.counts.failed += 1
        async with self._store.turn() as turn:
            still = await turn.find(attempted.message.id)
            if still is None or _differ(still, attempted):
                return
            if isinstance(error, TRANSIENT) and attempted.attempts < self._patience.attempts:
                await turn.keep([self._again(attempted, error)])
            else:
                cause, attempts = _describe(error), attempted.attempts
                await turn.keep([Entry(message=attempted.message, state=State.PARKED, cause=cause, attempts=attempts)])
                self.counts.parked += 1

    def _again(self, attempted: Kept, error: Exception) -> Entry:
        return Entry(
            message=attempted.message,
            state=State.WAITING,
            cause=_describe(error),
            attempts=attempted.attempts,
            due=self._patience.pause(attempted.attempts),
        )


def _aggregate(message: Message) -> Aggregate:
    return message.aggregate_type, message.aggregate_id


def _aggregates(messages: Iterable[Message]) -> list[Aggregate]:
    return sorted({_aggregate(message) for message in messages if message.sequence})


def _differ(one: Kept, other: Kept) -> bool:
    """Tell whether somebody else went on meanwhile: the number of attempts is the fence."""
    return one.message.id != other.message.id or one.attempts != other.attempts


def _describe(error: Exception) -> str:
    """Return what kind of fault it was and what it says of itself, without values of the event."""
    if isinstance(error, ServiceError):
        return f"{type(error).__name__}: {error.detail}"[:LONGEST_CAUSE]
    return type(error).__name__

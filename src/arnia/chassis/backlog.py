"""What waits in an inbox, gone on with: what is clear in runs, the rest one by one, each attempt counted before."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import TypeAlias
from uuid import UUID

from arnia.chassis.crash_points import Reach
from arnia.chassis.handling import TRANSIENT, Failed, Handling, describe
from arnia.chassis.inbox_turns import Aggregate, Due, Entry, InboxStore, Kept, Progress, State, Turn
from arnia.chassis.patience import BASELINES, Counts, Patience
from arnia.chassis.placing import MISSING, OLDER
from arnia.chassis.runs import ROUNDS, Run, Runs
from arnia.errors import ArniaError

__all__ = ["Backlog", "Drained", "at_once"]

TOO_OFTEN = "it was tried too often"

log = logging.getLogger("arnia.consumer")

Drained: TypeAlias = Callable[[], Awaitable[bool]]
"""Tells whether the broker has nothing more, neither waiting nor handed over to anybody."""


async def at_once() -> bool:
    """Expect nothing more."""
    return True


class _Unfinished(Exception):
    """An attempt was begun, and nobody has finished it."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        super().__init__(attempts)


class Backlog:
    """What waits."""

    def __init__(self, store: InboxStore, handling: Handling, patience: Patience, counts: Counts, reach: Reach) -> None:
        self._store = store
        self._handling = handling
        self._patience = patience
        self._counts = counts
        self._reach = reach
        self._runs = Runs(store, handling, patience, counts, reach)
        self.stopping = False
        self._alone = False
        self._drained: Drained = at_once

    async def resume(self, most: int, together: int, drained: "Drained") -> int:
        """Go on with what is due; return with how many aggregates.

        What was begun before and never finished may have killed its process, or was only beside what did. So it is
        tried after the others and with nothing beside it: then only what kills is counted as such, and parked.

        Raises:
            Unavailable: The database is not there.
        """
        self._drained = drained
        due = deque(await self._store.due(most))
        share = math.ceil(len(due) / together)
        unfinished: list[tuple[int, Due]] = []
        free: set[Due] = set()

        async def work() -> None:
            while due and not self.stopping:
                size = min(share, self._runs.size, len(due))
                free.update(await self._go([due.popleft() for _ in range(size)], unfinished))

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(together):
                    workers.create_task(work())
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        self._alone = True
        try:
            for _, each in sorted(unfinished, key=itemgetter(0)):
                more = True
                while more and not self.stopping:
                    was_free, more = await self._step(each)
                    free |= {each} if was_free else set()
        finally:
            self._alone = False
        return len(free)

    async def _go(self, due: Sequence[Due], unfinished: list[tuple[int, Due]]) -> set[Due]:
        """Go on with these until nothing of them is next; return those that were free to be looked at."""
        aside: set[UUID] = set()
        free: set[Due] = set()
        failures = 0
        while due and not self.stopping:
            run, more = await self._begin(due, aside), []
            free.update(run.due)
            if run.members:
                try:
                    more = await self._runs.finish(run)
                except Exception as error:  # noqa: BLE001 - whatever a function or a commit says to all of them
                    failures += 1
                    aside |= await self._runs.give_back(run, error)
                    aside |= {kept.message.id for kept in run.members if failures >= ROUNDS}
                    more = run.due
            due = more + await self._try_each(run.unclear, free, unfinished)
        return free

    async def _begin(self, due: Sequence[Due], aside: set[UUID]) -> Run:
        try:
            return await self._runs.begin(due, aside)
        except ArniaError:
            raise
        except Exception:
            # A fault of the chassis: each finds out by itself whether it is the one.
            log.exception("what waits cannot be gone on with together")
            return Run(unclear=list(due))

    async def _try_each(self, due: Sequence[Due], free: set[Due], unfinished: list[tuple[int, Due]]) -> list[Due]:
        """Try the next message of each of these by itself; return those of which more waits."""
        more = []
        for each in due:
            if self.stopping:
                break
            try:
                was_free, goes_on = await self._step(each)
            except _Unfinished as found:
                unfinished.append((found.attempts, each))
            else:
                free |= {each} if was_free else set()
                more += [each] if goes_on else []
        return more

    async def _step(self, due: Due) -> tuple[bool, bool]:
        """Try the next message by itself; return whether it was free to be looked at, and whether more waits."""
        aggregate, single = due
        try:
            return await (self._follow(aggregate) if single is None else self._follow_single(single))
        except (ArniaError, _Unfinished):
            raise
        except Exception:
            # A fault of the chassis: others wait as well, and are not to wait for this one.
            log.exception("what waits of %s %s cannot be gone on with", *aggregate)
            return False, False

    async def _follow(self, aggregate: Aggregate) -> tuple[bool, bool]:
        free, attempted = await self._attempt(aggregate)
        if attempted is None:
            return free, False
        self._reach("inbox.attempted")
        try:
            return free, await self._finish(aggregate, attempted)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises decides about its aggregate only
            await self._fail(aggregate, attempted, error)
            return free, False

    async def _attempt(self, aggregate: Aggregate) -> tuple[bool, Kept | None]:
        """Count an attempt on what is next of an aggregate; return whether nobody else is at it, and what is next."""
        async with self._store.turn() as turn:
            claimed = await turn.claim([aggregate])
            if aggregate not in claimed:
                return False, None
            return True, await self._next(turn, aggregate, claimed[aggregate])

    async def _next(self, turn: Turn, aggregate: Aggregate, progress: Progress) -> Kept | None:
        head = await _head(turn, aggregate)
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
        if not self._is_time(head):
            return None
        if progress.last is None and (head.message.sequence == 1 or await self._is_first(head.age)):
            progress.last = progress.baseline = head.message.sequence - 1
            await turn.advance({aggregate: progress})
        return await self._count(turn, aggregate, progress, head)

    async def _is_first(self, age: float) -> bool:
        """Tell whether nothing earlier comes any more.

        A while is not enough: what was handed to a process that died, and to the next one that died, comes later yet.
        """
        least = self._patience.baseline
        return age >= least and (age >= least * BASELINES or await self._drained())

    def _is_time(self, kept: Kept) -> bool:
        """Tell whether a message is tried now: what is unfinished alone, and nothing else then."""
        if kept.unfinished and not self._alone:
            raise _Unfinished(kept.attempts)
        return kept.unfinished or not self._alone

    async def _count(self, turn: Turn, aggregate: Aggregate, progress: Progress, head: Kept) -> Kept | None:
        message, waiting = head.message, State.WAITING
        if progress.last is None or message.sequence > progress.last + 1:
            due = self._patience.gap
            await turn.keep([Entry(message=message, state=waiting, cause=MISSING, attempts=head.attempts, due=due)])
            return None
        if progress.baseline < message.sequence <= progress.last:
            await turn.keep([Entry(message=message, state=State.DROPPED, cause=OLDER)])
            await turn.wake([aggregate])
            self._counts.dropped += 1
            return None
        if head.attempts >= self._patience.attempts:
            await self._park(turn, aggregate, progress, head, TOO_OFTEN)
            return None
        counted = Kept(message=message, attempts=head.attempts + 1, age=head.age)
        await turn.keep([Entry(message=message, state=waiting, attempts=counted.attempts, due=self._patience.lease)])
        return counted

    async def _finish(self, aggregate: Aggregate, attempted: Kept) -> bool:
        """Handle what was attempted, unless somebody else has gone on from there; return whether more waits."""
        async with self._store.turn() as turn:
            progress = (await turn.progress([aggregate]))[aggregate]
            head = await _head(turn, aggregate)
            if head is None or progress.parked or not head.is_as(attempted):
                return False
            await self._handling.handle(turn, [attempted.message])
            self._reach("inbox.handled")
            await turn.keep([Entry(message=attempted.message, state=State.DONE, attempts=attempted.attempts)])
            progress.last = max(progress.last or 0, attempted.message.sequence)
            progress.waiting = await _head(turn, aggregate) is not None
            await turn.advance({aggregate: progress})
            if progress.waiting:
                await turn.wake([aggregate])
        self._reach("inbox.resumed")
        self._counts.handled += 1
        return progress.waiting

    async def _fail(self, aggregate: Aggregate, attempted: Kept, error: Exception) -> None:
        self._counts.failed += 1
        async with self._store.turn() as turn:
            progress = (await turn.progress([aggregate]))[aggregate]
            head = await _head(turn, aggregate)
            if head is None or progress.parked or not head.is_as(attempted):
                return
            again, cause = self._judge(attempted, error)
            if again is not None:
                await turn.keep([again])
            else:
                await self._park(turn, aggregate, progress, attempted, cause)

    async def _park(self, turn: Turn, aggregate: Aggregate, progress: Progress, head: Kept, cause: str) -> None:
        progress.parked, progress.waiting = True, False
        await turn.keep([Entry(message=head.message, state=State.PARKED, cause=cause, attempts=head.attempts)])
        await turn.park(aggregate)
        await turn.advance({aggregate: progress})
        self._counts.parked += 1
        log.warning("%s %s is parked: %s", *aggregate, cause)
        self._reach("inbox.parked")

    async def _follow_single(self, message_id: UUID) -> tuple[bool, bool]:
        """Try a message that has no sequence; nothing more waits behind it."""
        async with self._store.turn() as turn:
            kept = (await turn.find([message_id])).get(message_id)
            if kept is None:
                return False, False
            if not self._is_time(kept):
                return True, False
            if kept.attempts >= self._patience.attempts:
                await self._park_single(turn, kept, TOO_OFTEN)
                return True, False
            attempted = Kept(message=kept.message, attempts=kept.attempts + 1, age=kept.age)
            due = self._patience.lease
            await turn.keep([Entry(message=kept.message, state=State.WAITING, attempts=attempted.attempts, due=due)])
        self._reach("inbox.attempted")
        try:
            async with self._store.turn() as turn:
                still = (await turn.find([message_id])).get(message_id)
                if still is None or not still.is_as(attempted):
                    return True, False
                await self._handling.handle(turn, [attempted.message])
                self._reach("inbox.handled")
                await turn.keep([Entry(message=attempted.message, state=State.DONE, attempts=attempted.attempts)])
            self._counts.handled += 1
        except Exception as error:  # noqa: BLE001 - whatever a handler raises decides about its message only
            await self._fail_single(attempted, error)
        return True, False

    async def _fail_single(self, attempted: Kept, error: Exception) -> None:
        self._counts.failed += 1
        async with self._store.turn() as turn:
            still = (await turn.find([attempted.message.id])).get(attempted.message.id)
            if still is None or not still.is_as(attempted):
                return
            again, cause = self._judge(attempted, error)
            if again is not None:
                await turn.keep([again])
            else:
                await self._park_single(turn, attempted, cause)

    async def _park_single(self, turn: Turn, kept: Kept, cause: str) -> None:
        await turn.keep([Entry(message=kept.message, state=State.PARKED, cause=cause, attempts=kept.attempts)])
        self._counts.parked += 1
        log.warning("event %s is parked: %s", kept.message.id, cause)
        self._reach("inbox.parked")

    def _judge(self, attempted: Kept, error: Exception) -> tuple[Entry | None, str]:
        """Return how a message is tried again, if it is, and why it was not handled."""
        fault = error.error if isinstance(error, Failed) else error
        cause = describe(fault)
        if not isinstance(fault, TRANSIENT) or attempted.attempts >= self._patience.attempts:
            return None, cause
        asked = getattr(fault, "retry_after", None) or 0.0
        due = max(self._patience.pause(attempted.attempts), min(float(asked), self._patience.longest))
        return Entry(
            message=attempted.message, state=State.WAITING, cause=cause, attempts=attempted.attempts, due=due
        ), cause


async def _head(turn: Turn, aggregate: Aggregate) -> Kept | None:
    waiting = (await turn.first([aggregate])).get(aggregate)
    return waiting[0] if waiting else None

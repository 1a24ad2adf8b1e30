"""What waits and is clear, gone on with by the hundred: begun in one transaction, handled and finished in the next.

A run takes of each aggregate what is next of it and was never tried. That it was begun is written down before anything
of it is handled, and is no attempt of anybody's: whose fault the end of a run is, nobody knows.

- Where a function fails, the run is undone and given back. What failed is tried by itself, and counted; the others go
  on in another run, and lost nothing.
- What killed its process among others is found begun and unfinished. Each message of such a run is tried by itself,
  with nothing beside it.
- What is behind a gap, parked, failed before, or without a beginning is no part of a run.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from arnia.chassis.crash_points import Reach
from arnia.chassis.handling import Failed, Handling
from arnia.chassis.inbox_turns import TOGETHER, Aggregate, Due, Entry, InboxStore, Kept, Progress, State, Turn
from arnia.chassis.patience import Counts, Patience

__all__ = ["Run", "Runs"]

FIRST: Final = 10
"""Messages of the first run of a process: whoever comes up may have been killed by one of them."""
MOST: Final = 100
LONG: Final = 1.0
"""Seconds that a run should last at the most: its aggregates wait for each other."""
SOON: Final = 5.0
"""Seconds after which a run that nobody finished is taken for dead: while it is handled, locks keep others away."""
ROUNDS: Final = 3
"""How often others are tried together without what failed, before each is tried by itself."""


@dataclass(slots=True)
class Run:
    """What is tried together.

    Attributes:
        its: Of each aggregate what is next of it, in its order.
        singles: Messages that have no sequence.
        unclear: What is to be looked at by itself.
    """

    its: dict[Aggregate, list[Kept]] = field(default_factory=dict)
    singles: list[Kept] = field(default_factory=list)
    unclear: list[Due] = field(default_factory=list)

    @property
    def members(self) -> list[Kept]:
        """All of it, in the order in which it is handled."""
        return [*(kept for aggregate in sorted(self.its) for kept in self.its[aggregate]), *self.singles]

    @property
    def due(self) -> list[Due]:
        """What it is about."""
        return [*((aggregate, None) for aggregate in self.its), *_singles(self.singles)]


class Runs:
    """Runs, each as large as the ones before allow.

    Attributes:
        size: Messages of the next one, at the most.
    """

    def __init__(self, store: InboxStore, handling: Handling, patience: Patience, counts: Counts, reach: Reach) -> None:
        self._store = store
        self._handling = handling
        self._patience = patience
        self._counts = counts
        self._reach = reach
        self.size = FIRST

    async def begin(self, wanted: Sequence[Due], aside: Iterable[UUID]) -> Run:
        """Write down that what is clear of these is tried together; the messages `aside` are not.

        Raises:
            Unavailable: The database is not there.
        """
        apart, run = set(aside), Run()
        aggregates = [aggregate for aggregate, single in wanted if single is None]
        async with self._store.turn() as turn:
            claimed = await turn.claim(aggregates)
            waiting = await turn.first(claimed, max(1, self.size // max(1, len(aggregates))))
            found = await turn.find([single for _, single in wanted if single is not None])
            for aggregate, progress in claimed.items():
                if its := _next(progress, waiting.get(aggregate, []), apart):
                    run.its[aggregate] = its
                else:
                    run.unclear.append((aggregate, None))
            for kept in found.values():
                if _is_fresh(kept, apart):
                    run.singles.append(kept)
                else:
                    run.unclear += _singles([kept])
            if len(run.members) > 1:
                await turn.keep(_entries(run, cause=TOGETHER, due=min(self._patience.lease, SOON)))
                return _begun(run)
        # One that is alone is counted as such.
        return Run(unclear=run.unclear + run.due)

    async def finish(self, run: Run) -> list[Due]:
        """Handle a run, without those of it that somebody else has gone on with; return of what more waits.

        Raises:
            Failed: A function raised something; nothing is done.
            Unavailable: The database is not there.
        """
        self._reach("inbox.attempted")
        began = asyncio.get_running_loop().time()
        async with self._store.turn() as turn:
            known = await turn.progress(run.its)
            still = await self._still(turn, run, known)
            if not still.members:
                return []
            await self._handling.handle(turn, [kept.message for kept in still.members])
            self._reach("inbox.handled")
            await turn.keep(
                [Entry(message=each.message, state=State.DONE, attempts=each.attempts + 1) for each in still.members]
            )
            more = await self._advance(turn, still, known)
        self._reach("inbox.resumed")
        self._counts.handled += len(still.members)
        took = asyncio.get_running_loop().time() - began
        self.size = min(MOST, self.size * 2) if took < LONG else max(1, int(self.size * LONG / took))
        return more

    async def _advance(self, turn: Turn, run: Run, known: dict[Aggregate, Progress]) -> list[Due]:
        following = await turn.first(run.its)
        for aggregate, members in run.its.items():
            known[aggregate].last = members[-1].message.sequence
            known[aggregate].waiting = aggregate in following
        await turn.advance({aggregate: known[aggregate] for aggregate in run.its})
        if following:
            await turn.wake(list(following))
        return [(aggregate, None) for aggregate in following]

    async def give_back(self, run: Run, error: Exception) -> set[UUID]:
        """Let what was begun be as it was before; return the messages that are to be tried by themselves.

        Raises:
            Unavailable: The database is not there: what was begun is found unfinished.
        """
        self._counts.failed += 1
        async with self._store.turn() as turn:
            still = await self._still(turn, run, await turn.progress(run.its))
            if still.members:
                await turn.keep(_entries(still, cause="", due=0.0))
        blamed = error.messages if isinstance(error, Failed) else [kept.message for kept in run.members]
        return {message.id for message in blamed}

    async def _still(self, turn: Turn, run: Run, known: dict[Aggregate, Progress]) -> Run:
        """Return what of a run nobody else has gone on with."""
        found = await turn.find([kept.message.id for kept in run.members])
        its = {
            aggregate: members
            for aggregate, members in run.its.items()
            if _is_next(known[aggregate], members) and all(_is_still(found, kept) for kept in members)
        }
        return Run(its, [kept for kept in run.singles if _is_still(found, kept)])


def _next(progress: Progress, waiting: Sequence[Kept], aside: set[UUID]) -> list[Kept]:
    """Return what is next of an aggregate, as far as it can be tried among others."""
    its: list[Kept] = []
    for kept in waiting:
        if not _is_fresh(kept, aside) or not _is_next(progress, [*its, kept]):
            break
        its.append(kept)
    return its if its and its[0].due <= 0 else []


def _is_next(progress: Progress, members: Sequence[Kept]) -> bool:
    """Tell whether an aggregate goes on with these, without a gap."""
    first = (progress.last or 0) + 1
    ends = members[0].message.sequence, members[-1].message.sequence
    return not progress.parked and ends == (first, first + len(members) - 1)


def _is_fresh(kept: Kept, aside: set[UUID]) -> bool:
    """Tell whether a message was never tried, neither by itself nor among others."""
    return not kept.attempts and not kept.together and kept.message.id not in aside


def _is_still(found: dict[UUID, Kept], kept: Kept) -> bool:
    return kept.message.id in found and kept.is_as(found[kept.message.id])


def _singles(kept: Iterable[Kept]) -> list[Due]:
    return [((each.message.aggregate_type, each.message.aggregate_id), each.message.id) for each in kept]


def _entries(run: Run, *, cause: str, due: float) -> list[Entry]:
    """Return that these wait: what is first of each aggregate until it is due, and the others behind it."""
    behind = {kept.message.id for members in run.its.values() for kept in members[1:]}
    return [
        Entry(message=each.message, state=State.WAITING, cause=cause, due=None if each.message.id in behind else due)
        for each in run.members
    ]


def _begun(run: Run) -> Run:
    its = {aggregate: [replace(kept, together=True) for kept in members] for aggregate, members in run.its.items()}
    return replace(run, its=its, singles=[replace(kept, together=True) for kept in run.singles])

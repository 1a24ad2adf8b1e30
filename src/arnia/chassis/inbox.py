"""From the broker to its effect: once inside the service's database, in order for each aggregate, and never stuck.

A batch is one transaction: remember the messages, handle what is next of each aggregate, keep what cannot be handled
yet. Who has it acknowledged afterwards may die in between: what comes again is known. Where a function fails the
transaction is undone and the batch taken again with that aggregate left aside, or all of them when several fail: kept
as *waiting*, and gone on with by the backlog: in runs, and by itself what a run does not get over, its attempts counted
in transactions of their own, so that a message that kills the process is counted too.

What waits, waits in the service's own table and not at the broker, whose queue is never blocked:

- ahead of its turn: until what is missing has come;
- to be tried again: after a transient fault, with growing pauses, and everything later of its aggregate behind it;
- parked: after a fault that no repetition mends, or too many, together with everything later of its aggregate, until
  somebody redrives it.

The first message that is seen of an aggregate is its baseline, once nothing earlier has come for a while and the broker
has nothing in hand.
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from arnia.chassis.backlog import Backlog, Drained, at_once
from arnia.chassis.crash_points import Reach, nowhere
from arnia.chassis.handling import Failed, Handling
from arnia.chassis.hearers import Handler, Reception
from arnia.chassis.inbox_turns import InboxStore, Key, aggregate_of, key_of
from arnia.chassis.messages import Message
from arnia.chassis.patience import Counts, Patience
from arnia.chassis.placing import Plan, place
from arnia.chassis.spans import HeardSpans

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = ["Counts", "Inbox", "Patience"]

ROUNDS: Final = 3
"""How often a batch is tried as a whole: each round leaves aside what failed in the one before."""


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
        spans: HeardSpans | None = None,
    ) -> None:
        """Remember in `store`, call `handlers` with what `receive` makes of a message and a transaction.

        Args:
            store: Where what came is kept.
            handlers: What is done with it, by topic and version.
            receive: Makes what they are given.
            patience: How long and how often is tried.
            reach: Told of each durable step, for tests that die there.
            spans: Where each call of a handler is recorded, if its trace is sampled.
        """
        self._store = store
        self._patience = patience or Patience()
        self._handling = Handling(handlers, receive, self._patience.handling, spans)
        self._reach = reach
        self.counts = Counts()
        self._backlog = Backlog(store, self._handling, self._patience, self.counts, reach)

    def stop(self) -> None:
        """Let `resume` end after the message in hand."""
        self._backlog.stopping = True

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
        aside: set[Key] = set()
        for _ in range(0 if careful else ROUNDS):
            try:
                return await self._take(batch, aside)
            except Failed as failed:
                self.counts.failed += 1
                aside |= {key_of(message) for message in failed.messages}
            except Exception:  # noqa: BLE001 - whatever a commit says to what was handled: each finds out by itself
                self.counts.failed += 1
                break
        later = await self._take(batch, {key_of(message) for message in batch})
        self._reach("inbox.kept")
        return later

    async def resume(self, most: int = 400, *, together: int = 1, drained: Drained = at_once) -> int:
        """Go on with what waits and is due; return with how many aggregates.

        Args:
            most: How many at the most.
            together: How many at once, each with a connection of its own.
            drained: Tells whether the broker has nothing more that could be earlier.

        Raises:
            Unavailable: The database is not there.
        """
        return await self._backlog.resume(most, together, drained)

    async def _take(self, batch: Sequence[Message], aside: Container[Key]) -> bool:
        async with self._store.turn() as turn:
            known = await turn.remember(batch)
            new = [message for message in batch if message.id in known]
            self._reach("inbox.remembered")
            aggregates = {aggregate_of(message) for message in new if message.sequence}
            plan: Plan = place(new, await turn.progress(aggregates), self._patience, aside)
            await self._handling.handle(turn, plan.now)
            self._reach("inbox.handled")
            if plan.entries:
                await turn.keep(plan.entries)
            if plan.changed:
                await turn.advance(plan.changed)
            if plan.woken:
                await turn.wake(plan.woken)
        self._reach("inbox.committed")
        self.counts.add(plan.counts)
        self.counts.duplicates += len(batch) - len(new)
        return plan.later

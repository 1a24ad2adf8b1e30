"""What is to be done with messages that are new: now, later, or never. No I/O."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from arnia.chassis.inbox_turns import Aggregate, Entry, Key, Progress, State, aggregate_of
from arnia.chassis.messages import Message
from arnia.chassis.patience import Counts, Patience

__all__ = ["BEHIND", "MISSING", "OLDER", "Plan", "place"]

MISSING: Final = "earlier events are missing"
BEHIND: Final = "an earlier event is parked"
OLDER: Final = "it is older than what was heard"


@dataclass(slots=True)
class Plan:
    """What is to be done.

    Attributes:
        now: What is handled, in this order.
        entries: What is to be remembered of the others.
        changed: How far aggregates are afterwards.
        woken: Aggregates of which something waits that may be next now.
        later: Whether something is left for the backlog.
        counts: What is counted once all of that is committed.
    """

    now: list[Message] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    changed: dict[Aggregate, Progress] = field(default_factory=dict)
    woken: list[Aggregate] = field(default_factory=list)
    later: bool = False
    counts: Counts = field(default_factory=Counts)


def place(
    new: Iterable[Message],
    progress: Mapping[Aggregate, Progress],
    patience: Patience,
    aside: Container[Key],
) -> Plan:
    """Decide about messages that were never seen.

    Args:
        new: They.
        progress: How far their aggregates are; changed as the plan says.
        patience: How long what is early waits.
        aside: What is left for the backlog.
    """
    plan = Plan()
    its: defaultdict[Aggregate, list[Message]] = defaultdict(list)
    singles = []
    for message in new:
        if message.sequence:
            its[aggregate_of(message)].append(message)
        else:
            singles.append(message)
    for aggregate in sorted(its):
        known = plan.changed[aggregate] = progress[aggregate]
        was_waiting, advanced = known.waiting, False
        leave = aggregate in aside
        for message in sorted(its[aggregate], key=lambda each: each.sequence):
            advanced = _place(message, known, plan, patience, aside=leave) or advanced
        if was_waiting and advanced:
            plan.woken.append(aggregate)
            plan.later = True
    for message in singles:
        if message.id in aside:
            plan.entries.append(Entry(message=message, state=State.WAITING))
            plan.later = True
        else:
            plan.now.append(message)
    plan.counts.handled = len(plan.now)
    return plan


def _place(message: Message, progress: Progress, plan: Plan, patience: Patience, *, aside: bool) -> bool:
    """Decide about one message; return whether its aggregate went on."""
    if progress.parked:
        plan.entries.append(Entry(message=message, state=State.PARKED, cause=BEHIND))
        return False
    if aside:
        plan.entries.append(Entry(message=message, state=State.WAITING))
        plan.later = progress.waiting = True
        return False
    if message.sequence == (progress.last or 0) + 1:
        plan.now.append(message)
        progress.last = message.sequence
        return True
    if progress.last is None or message.sequence > progress.last:
        wait = patience.baseline if progress.last is None else patience.gap
        due = None if progress.waiting else wait
        plan.entries.append(Entry(message=message, state=State.WAITING, cause=MISSING, due=due))
        progress.waiting = True
        plan.counts.early += 1
        return False
    if message.sequence <= progress.baseline:
        # It was given up, wrongly: late is better than never.
        plan.now.append(message)
        plan.counts.late += 1
        return False
    plan.entries.append(Entry(message=message, state=State.DROPPED, cause=OLDER))
    plan.counts.dropped += 1
    return False

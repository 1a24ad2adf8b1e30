"""The judge of the faults is judged: books that are well pass, and each way in which they can be wrong is named."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from tests.faults.books import Assignment, Books, Delivery, Fact, Told, View
from tests.faults.checker import Plant, judge
from tests.faults.ledger import Batch, Change, Kind, Ledger, Outcome, read_batches, read_ledger

A, B, DRONE, POISON = (UUID(int=number) for number in range(1, 5))
POISONED: Final = Plant(POISON, (UUID(int=98), UUID(int=99)), ("scheduler",))
RESERVATION: Final = UUID(int=50)
AT: Final = "2030-01-01T00:00:07Z"
CHANGES: Final = (
    Change("one", Kind.CREATE, Outcome.OK, str(A)),
    Change("two", Kind.CREATE, Outcome.UNKNOWN),
    Change("three", Kind.CREATE, Outcome.FAIL),
    Change(AT, Kind.RESCHEDULE, Outcome.OK, str(A)),
    Change("over", Kind.CANCEL, Outcome.OK, str(B)),
)
BATCHES: Final = (
    Batch(1, 3, Outcome.OK),
    Batch(2, 3, Outcome.UNKNOWN),
    Batch(3, 3, Outcome.UNKNOWN),
    Batch(4, 3, Outcome.FAIL),
)
FACTS: Final = (
    Fact(UUID(int=10), "delivery.created", "delivery", A, 1, "one"),
    Fact(UUID(int=11), "delivery.rescheduled", "delivery", A, 2, AT),
    Fact(UUID(int=12), "delivery.created", "delivery", B, 1, "two"),
    Fact(UUID(int=13), "delivery.cancelled", "delivery", B, 2, "over"),
    Fact(UUID(int=14), "assignment.reserved", "assignment", A, 1),
    Fact(UUID(int=15), "drone.reserved", "drone", DRONE, 1),
)


def well() -> Books:
    """Return books in which nothing is wrong: one delivery has a drone, one is cancelled, one poison is parked."""
    heard = {
        "delivery": ("assignment",),
        "notification": ("assignment", "delivery", "drone"),
        "scheduler": ("delivery",),
        "telemetry": ("telemetry",),
    }
    books = Books(
        facts=list(FACTS),
        told=[Told(fact.id, fact.type, fact.aggregate_id, fact.sequence) for fact in FACTS],
        heard={name: {fact.id: "done" for fact in FACTS if fact.aggregate_type in heard[name]} for name in heard},
        blocked={"delivery": set(), "notification": set(), "scheduler": {POISON}, "telemetry": set()},
        undecodable=dict.fromkeys(heard, 0),
        deliveries=[Delivery(A, "one", "scheduled", DRONE), Delivery(B, "two", "cancelled")],
        assignments={A: Assignment("reserved", DRONE, RESERVATION), B: Assignment("released", closed=True)},
        reservations={A: (RESERVATION, DRONE)},
        capacity={DRONE: (500, 500)},
        positions={1: [0, 1, 2], 2: [1]},
        views=[View("web", A, whole=True, carried=True), View("mobile", B, whole=True)],
    )
    books.heard["telemetry"][UUID(int=40)] = "done"
    books.told.append(Told(POISONED.messages[0], "delivery.created", POISON, 1))
    books.heard["scheduler"] |= {POISONED.messages[0]: "parked", POISONED.messages[1]: "waiting"}
    return books


def without_fact(books: Books, number: int) -> None:
    """Forget a fact, and all that came of it."""
    identity = books.facts[number].id
    del books.facts[number]
    books.told = [told for told in books.told if told.id != identity]


def once_more(books: Books, number: int, **changed: object) -> None:
    """Let a fact have been told twice: two facts of which each has its effects."""
    fact = replace(books.facts[number], id=UUID(int=60), **changed)  # type: ignore[arg-type]  # what a test gives
    books.facts.append(fact)
    books.told.append(Told(fact.id, fact.type, fact.aggregate_id, fact.sequence))
    for heard in books.heard.values():
        heard[fact.id] = "done"


def swap(books: Books) -> None:
    """Tell of what followed first."""
    books.told[0], books.told[1] = books.told[1], books.told[0]


FLAWS: Final[dict[str, tuple[str, Callable[[Books], object]]]] = {
    "an acknowledged change has no fact": ("lost", lambda books: without_fact(books, 1)),
    "an acknowledged change has two facts": ("doubled", lambda books: once_more(books, 1, sequence=3)),
    "a refused change has a fact": ("orphaned", lambda books: once_more(books, 0, mark="three", sequence=3)),
    "a fact that nobody asked for": ("orphaned", lambda books: once_more(books, 3, mark="what", sequence=3)),
    "a fact without its delivery": ("torn", lambda books: books.deliveries.pop()),
    "an acknowledged delivery is gone": ("lost", lambda books: books.deliveries.pop(0)),
    "a delivery that nobody asked for": (
        "orphaned",
        lambda books: books.deliveries.append(Delivery(POISON, "what", "pending")),
    ),
    "a fact of which nobody is notified": ("lost", lambda books: books.told.pop(2)),
    "two notifications of one fact": ("doubled", lambda books: books.told.append(books.told[0])),
    "a notification of no fact": (
        "orphaned",
        lambda books: books.told.append(Told(UUID(int=70), "drone.changed", DRONE, 9)),
    ),
    "notifications out of order": ("order", swap),
    "a number is missing": ("order", lambda books: books.facts.append(replace(FACTS[5], id=UUID(int=71), sequence=4))),
    "an event is not sent": ("stuck", lambda books: books.facts.append(replace(books.facts.pop(), sent=False))),
    "an event is not heard": ("lost", lambda books: books.heard["scheduler"].pop(FACTS[0].id)),
    "an event is dropped": ("lost", lambda books: books.heard["delivery"].update({FACTS[4].id: "dropped"})),
    "an event waits": ("stuck", lambda books: books.heard["delivery"].update({FACTS[4].id: "waiting"})),
    "an event is parked": ("stuck", lambda books: books.heard["notification"].update({FACTS[5].id: "parked"})),
    "an aggregate is held up": ("stuck", lambda books: books.blocked["notification"].add(A)),
    "the poison holds up who can read it": ("stuck", lambda books: books.blocked["notification"].add(POISON)),
    "the poison is not parked": (
        "orphaned",
        lambda books: books.heard["scheduler"].update(dict.fromkeys(POISONED.messages, "done")),
    ),
    "a message is taken for no event": ("stuck", lambda books: books.undecodable.update(scheduler=1)),
    "a delivery without an assignment": ("lost", lambda books: books.assignments.pop(A)),
    "an assignment that never ends": (
        "stuck",
        lambda books: books.assignments.update({A: Assignment("requested", driven=True)}),
    ),
    "a delivery with another drone": (
        "torn",
        lambda books: books.assignments.update({A: Assignment("reserved", B, RESERVATION)}),
    ),
    "a cancelled delivery keeps its drone": (
        "torn",
        lambda books: books.reservations.update({B: (UUID(int=51), DRONE)}),
    ),
    "a drone reserved for nobody": (
        "orphaned",
        lambda books: books.reservations.update({UUID(int=80): (UUID(int=51), DRONE)}),
    ),
    "a drone that has given too much away": ("torn", lambda books: books.capacity.update({DRONE: (1000, 500)})),
    "a drone is promised twice": ("doubled", lambda books: once_more(books, 4, sequence=2)),
    "an acknowledged position is not stored": ("lost", lambda books: books.positions[1].pop()),
    "all of an acknowledged batch are gone": ("lost", lambda books: books.positions.pop(1)),
    "an acknowledged position is stored twice": ("doubled", lambda books: books.positions[1].insert(1, 1)),
    "a position of an unanswered batch is stored twice": ("doubled", lambda books: books.positions[2].append(1)),
    "a position that was not sent so": ("orphaned", lambda books: books.positions[2].append(3)),
    "another position instead of an acknowledged one": (
        "lost",
        lambda books: books.positions.update({1: [0, 1, 7]}),
    ),
    "a position of a refused batch": ("orphaned", lambda books: books.positions.update({4: [0]})),
    "positions that nobody sent": ("orphaned", lambda books: books.positions.update({9: [0]})),
    "positions with the moments of others": ("torn", lambda books: books.positions[1].reverse()),
    "a drone's last position is another": ("torn", lambda books: books.misplaced.add(DRONE)),
    "positions are parked": ("stuck", lambda books: books.heard["telemetry"].update({UUID(int=40): "parked"})),
    "positions are dropped": ("lost", lambda books: books.heard["telemetry"].update({UUID(int=40): "dropped"})),
    "positions hold others up": ("stuck", lambda books: books.blocked["telemetry"].add(UUID(int=41))),
    "positions are taken for no event": ("stuck", lambda books: books.undecodable.update(telemetry=1)),
    "a view lacks a part": ("stuck", lambda books: books.views.append(View("web", A, whole=False))),
    "a view shows no drone": ("torn", lambda books: books.views.append(View("web", A, whole=True))),
    "a view shows a drone of nobody": (
        "torn",
        lambda books: books.views.append(View("mobile", B, whole=True, carried=True)),
    ),
}


def test_what_is_well_passes() -> None:
    """Where each change has its one effect, and an unknown one or a poison what it may have, nothing is wrong."""
    assert judge(CHANGES, well(), POISONED, BATCHES) == []


@pytest.mark.parametrize("flaw", FLAWS)
def test_each_flaw_is_named(flaw: str) -> None:
    """Each way in which books can be wrong is found, and called by its name."""
    rule, spoil = FLAWS[flaw]
    books = well()
    spoil(books)
    assert rule in {violation.rule for violation in judge(CHANGES, books, POISONED, BATCHES)}


def test_a_freed_poison_may_hold_nothing_up() -> None:
    """Once an operator has given the poison up, whatever is still held up by it is stuck."""
    violations = judge(CHANGES, well(), replace(POISONED, parked=()), BATCHES)
    assert [violation.rule for violation in violations] == ["stuck"]


def test_a_torn_ledger_knows_what_it_does_not_know(tmp_path: Path) -> None:
    """What has no end in it is unknown, changes and positions alike; faults that were noted are no changes."""
    path = tmp_path / "ledger.jsonl"
    ledger = Ledger(path)
    ledger.invoke("one", Kind.CREATE)
    ledger.note(fault="kill broker")
    ledger.end(CHANGES[0])
    ledger.invoke("two", Kind.CREATE)
    ledger.send(1, 3)
    ledger.sent(BATCHES[0])
    ledger.send(2, 3)
    ledger.close()
    assert (read_ledger(path), ledger.acknowledged) == ([CHANGES[0], CHANGES[1]], 1)
    assert read_batches(path) == [BATCHES[0], BATCHES[1]]

"""Holds what is kept against what a client was told, and says in sentences what is wrong.

Every change carries a mark of its own, every fact an identity: so a lost effect, a doubled one, one without a cause and
one out of order are each seen for what they are. What is told of a planted poison is given, and allowed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tests.faults.books import CONSUMERS, Assignment, Books, Delivery
from tests.faults.ledger import Batch, Change, Kind, Outcome

__all__ = ["Plant", "Violation", "judge"]

TOPICS: Final = {
    Kind.CREATE: "delivery.created",
    Kind.RESCHEDULE: "delivery.rescheduled",
    Kind.CANCEL: "delivery.cancelled",
}
ALLOWED: Final = {Outcome.OK: {1}, Outcome.UNKNOWN: {0, 1}, Outcome.FAIL: {0}}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong.

    Attributes:
        rule: `lost`, `doubled`, `orphaned`, `order` or `stuck`; `torn` where two services disagree.
        about: A sentence.
    """

    rule: str
    about: str


@dataclass(frozen=True, slots=True)
class Plant:
    """A poison event that was published by hand.

    Attributes:
        aggregate: What it is about; nothing else is.
        messages: The ids of what was published about it.
        parked: For whom it is, as long as nobody has freed it.
    """

    aggregate: UUID
    messages: tuple[UUID, ...]
    parked: tuple[str, ...] = ()


def judge(
    changes: Collection[Change], books: Books, plant: Plant | None = None, batches: Collection[Batch] = ()
) -> list[Violation]:
    """Return everything that is wrong; nothing where all is well."""
    return [
        *_changes(changes, books),
        *_told(books, plant),
        *_heard(books, plant),
        *_sagas(books),
        *_positions(batches, books),
        *_views(books),
    ]


def _changes(changes: Collection[Change], books: Books) -> Iterator[Violation]:
    """Hold the facts of deliveries, and the deliveries, against what was asked for."""
    facts = Counter((fact.type, fact.mark) for fact in books.facts if fact.type in TOPICS.values())
    made = Counter(delivery.mark for delivery in books.deliveries)
    for change in changes:
        topic = TOPICS[change.kind]
        effects = {topic: facts.pop((topic, change.mark), 0)}
        if change.kind is Kind.CREATE:
            effects["the delivery"] = made.pop(change.mark, 0)
        for what, count in effects.items():
            if count not in ALLOWED[change.outcome]:
                rule = "doubled" if count > 1 else "lost" if count == 0 else "orphaned"
                yield Violation(rule, f"{change.kind} {change.mark}, {change.outcome}: {count} times {what}")
        if len(set(effects.values())) > 1:
            yield Violation("torn", f"{change.kind} {change.mark}: {effects}")
    yield from (Violation("orphaned", f"{topic} {mark}: nobody asked for it") for topic, mark in facts)
    yield from (Violation("orphaned", f"the delivery {mark}: nobody asked for it") for mark in made)


def _told(books: Books, plant: Plant | None) -> Iterator[Violation]:
    """Hold notifications against facts: one each, in order."""
    facts = {fact.id: fact for fact in books.facts}
    planted = set(plant.messages) if plant else set()
    counts = Counter(told.id for told in books.told)
    for identity in facts.keys() - counts.keys():
        fact = facts[identity]
        yield Violation("lost", f"nobody was notified of {fact.type} {fact.aggregate_id}#{fact.sequence}")
    for told in books.told:
        if told.id not in facts and told.id not in planted:
            yield Violation("orphaned", f"a notification of {told.topic} {told.id}, which nobody emitted")
    yield from (Violation("doubled", f"{count} notifications of {one}") for one, count in counts.items() if count > 1)
    yield from _order(books)


def _order(books: Books) -> Iterator[Violation]:
    """Look for what was told after what follows it, and for numbers that were given twice or never."""
    last: dict[tuple[str, UUID], int] = defaultdict(int)
    for told in books.told:
        about = told.topic.partition(".")[0], told.aggregate_id  # an assignment has the identity of its delivery
        if told.sequence <= last[about]:
            yield Violation("order", f"{about}: {told.sequence} was told after {last[about]}")
        last[about] = told.sequence
    numbers: dict[tuple[str, UUID], list[int]] = defaultdict(list)
    for fact in books.facts:
        numbers[fact.aggregate_type, fact.aggregate_id].append(fact.sequence)
    for (kind, aggregate), given in numbers.items():
        if sorted(given) != list(range(1, len(given) + 1)):
            yield Violation("order", f"{kind} {aggregate} is numbered {sorted(given)}")


def _heard(books: Books, plant: Plant | None) -> Iterator[Violation]:
    """Look for what has not arrived: in the outboxes and in the inboxes."""
    unsent = [fact for fact in books.facts if not fact.sent]
    yield from (Violation("stuck", f"{fact.type} {fact.id} is not sent") for fact in unsent)
    planted = set(plant.messages) if plant else set()
    for consumer, channels in CONSUMERS.items():
        heard, parked = books.heard[consumer], plant is not None and consumer in plant.parked
        for fact in books.facts:
            state = heard.get(fact.id) if fact.aggregate_type in channels else "done"
            if state != "done":
                rule = "lost" if state in {None, "dropped"} else "stuck"
                yield Violation(rule, f"for {consumer} {fact.type} {fact.id} is {state or 'unheard'}")
        if parked and "parked" not in {heard.get(message) for message in planted}:
            yield Violation("orphaned", f"for {consumer} the planted poison had an effect")
        expected = {plant.aggregate} if plant and parked else set()
        yield from (Violation("stuck", f"{consumer} is stuck at {one}") for one in books.blocked[consumer] - expected)
        if books.undecodable[consumer]:
            yield Violation("stuck", f"{consumer} took {books.undecodable[consumer]} messages for no events")
    for message, state in books.heard["telemetry"].items():  # which nobody has in an outbox
        if state != "done":
            yield Violation("lost" if state == "dropped" else "stuck", f"for telemetry {message} is {state}")


def _sagas(books: Books) -> Iterator[Violation]:
    """Hold what delivery, scheduler and drone keep of the same thing against each other."""
    deliveries = {delivery.id: delivery for delivery in books.deliveries}
    for identity, delivery in deliveries.items():
        assignment, reservation = books.assignments.get(identity), books.reservations.get(identity)
        if assignment is None:
            yield Violation("lost", f"the scheduler knows nothing of {identity}")
        elif assignment.driven:
            yield Violation("stuck", f"the assignment of {identity} is {assignment.status} and never ends")
        elif not _agree(delivery, assignment, reservation):
            yield Violation("torn", f"{delivery}, {assignment}, {reservation}")
    for identity in books.reservations.keys() - deliveries.keys():
        yield Violation("orphaned", f"a drone is reserved for {identity}, which is no delivery")
    for drone, (taken, reserved) in books.capacity.items():
        if taken != reserved:
            yield Violation("torn", f"drone {drone} has given {taken} g away, and its reservations weigh {reserved} g")
    balance: Counter[UUID] = Counter()
    signs = {"assignment.reserved": 1, "assignment.released": -1}
    for fact in books.facts:
        balance[fact.aggregate_id] += signs.get(fact.type, 0)
    for identity, count in balance.items():
        held = identity in books.assignments and books.assignments[identity].status == "reserved"
        if count != held and identity in deliveries:
            yield Violation("doubled" if count > held else "lost", f"{identity} was told to have {count} drones")


def _agree(delivery: Delivery, assignment: Assignment, reservation: tuple[UUID, UUID] | None) -> bool:
    match delivery.status:
        case "scheduled":
            promised = (assignment.reservation, assignment.drone)
            return assignment.status == "reserved" and delivery.drone == assignment.drone and reservation == promised
        case "cancelled":
            return assignment.status == "released" and assignment.closed and reservation is None
        case "pending":
            return assignment.status == "refused" and reservation is None
        case _:
            return False


def _positions(batches: Collection[Batch], books: Books) -> Iterator[Violation]:
    """Hold the positions that are stored against those that were sent."""
    stored = dict(books.positions)
    for batch in batches:
        places = stored.pop(batch.number, [])
        wrong = set(places) - set(range(batch.positions))
        if wrong or (places and batch.outcome is Outcome.FAIL):
            yield Violation("orphaned", f"{batch}: {len(wrong or places)} positions were not sent so")
        if len(set(places)) < len(places):
            yield Violation("doubled", f"{batch}: {len(places)} positions are {len(set(places))}")
        if batch.outcome is Outcome.OK and len(set(places) - wrong) < batch.positions:
            yield Violation("lost", f"{batch}: only {len(places)} are stored")
        if sorted(places) != places:
            yield Violation("torn", f"{batch}: positions have the moments of others")
    yield from (Violation("orphaned", f"positions of batch {number}, which nobody sent") for number in stored)
    yield from (Violation("torn", f"the last position of {drone} is another") for drone in books.misplaced)


def _views(books: Books) -> Iterator[Violation]:
    """Look for views that lack a part though everybody is there, or show another drone than there is."""
    statuses = {delivery.id: delivery.status for delivery in books.deliveries}
    for view in books.views:
        if not view.whole:
            yield Violation("stuck", f"the {view.face} view of {view.delivery} is not whole")
        elif view.carried != (statuses.get(view.delivery) == "scheduled"):
            yield Violation("torn", f"{view}, which is {statuses.get(view.delivery)}")

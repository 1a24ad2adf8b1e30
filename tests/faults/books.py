"""What all services have kept, read from their databases once nothing moves any more."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

__all__ = ["CONSUMERS", "PRODUCERS", "WITNESS", "Assignment", "Books", "Delivery", "Fact", "Told", "View", "read_books"]

PRODUCERS: Final = ("delivery", "drone", "scheduler")
CONSUMERS: Final[Mapping[str, tuple[str, ...]]] = {
    "delivery": ("assignment",),
    "notification": ("assignment", "delivery", "drone"),
    "scheduler": ("delivery",),
    "telemetry": ("telemetry",),
}
"""Who hears about which aggregates."""
WITNESS: Final = """
CREATE TABLE witnessed (place bigserial, id uuid, topic text, aggregate_id uuid, sequence bigint);
GRANT ALL ON witnessed, witnessed_place_seq TO PUBLIC;
CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witnessed (id, topic, aggregate_id, sequence)
    VALUES (NEW.id, NEW.topic, NEW.aggregate_id, NEW.sequence);
    RETURN NEW;
END $$;
CREATE TRIGGER witness BEFORE INSERT ON notifications FOR EACH ROW EXECUTE FUNCTION witness();
"""
"""Which notifications the service made, and in which order, where it had to make one twice too: it keeps only one then,
and that is not what is to be shown here."""
TOLD: Final = """
SELECT id, made.topic, made.aggregate_id, made.sequence FROM witnessed AS made JOIN notifications USING (id)
ORDER BY place
"""
FACTS: Final = "SELECT id, type, aggregate_type, aggregate_id, sequence, payload, sent_at FROM arnia_outbox"
HEARD: Final = "SELECT message_id, aggregate_id, state FROM arnia_inbox WHERE consumer = $1"
BLOCKED: Final = "SELECT aggregate_id FROM arnia_heard WHERE consumer = $1 AND (waiting OR parked)"
DELIVERIES: Final = "SELECT id, status, drone_id, items, pickup_time, cancellation_reason FROM deliveries"
ASSIGNMENTS: Final = "SELECT id, status, drone_id, reservation_id, leftovers, closed FROM assignments"
RESERVATIONS: Final = "SELECT id, drone_id, delivery_id, weight_grams FROM reservations"
POSITIONS: Final = """
SELECT round(longitude * 1000000)::int AS number, array_agg(altitude_m::int ORDER BY at) AS places
FROM positions GROUP BY number
"""
LAST: Final = """
SELECT coalesce(known.drone_id, flown.drone_id) AS drone_id, known.at IS NOT DISTINCT FROM flown.at AS agrees
FROM last_positions AS known FULL JOIN (SELECT drone_id, max(at) AS at FROM positions GROUP BY drone_id) AS flown
USING (drone_id)
"""


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that a producer has kept."""

    id: UUID
    type: str
    aggregate_type: str
    aggregate_id: UUID
    sequence: int
    mark: str = ""
    sent: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """A notification; they are in the order in which they were made."""

    id: UUID
    topic: str
    aggregate_id: UUID
    sequence: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the delivery service sees a delivery."""

    id: UUID
    mark: str
    status: str
    drone: UUID | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """How the scheduler sees one; `driven` is whether something is still to be asked."""

    status: str
    drone: UUID | None = None
    reservation: UUID | None = None
    closed: bool = False
    driven: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """How a delivery is shown to a kind of client; `whole` is whether all of it was there."""

    face: str
    delivery: UUID
    whole: bool
    carried: bool = False


@dataclass(slots=True)
class Books:
    """Everything that is kept.

    Attributes:
        facts: The outbox of every producer.
        told: The notifications, in the order in which they were made.
        heard: By consumer and message, what became of it.
        blocked: By consumer, the aggregates that wait or are parked.
        undecodable: By consumer, how many messages were taken for no events.
        deliveries: All of them.
        assignments: By delivery.
        reservations: By delivery: the reservation and its drone.
        capacity: By drone, what is taken off its capacity and what its reservations weigh, in grams.
        positions: By batch, the places in it of those that are stored, in the order of their moments.
        misplaced: The drones whose last position is not the last one.
        views: How some deliveries are shown; nothing where nobody has looked.
    """

    facts: list[Fact] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    heard: dict[str, dict[UUID, str]] = field(default_factory=dict)
    blocked: dict[str, set[UUID]] = field(default_factory=dict)
    undecodable: dict[str, int] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    assignments: dict[UUID, Assignment] = field(default_factory=dict)
    reservations: dict[UUID, tuple[UUID, UUID]] = field(default_factory=dict)
    capacity: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    positions: dict[int, list[int]] = field(default_factory=dict)
    misplaced: set[UUID] = field(default_factory=set)
    views: list[View] = field(default_factory=list)


async def read_books(urls: Mapping[str, str]) -> Books:
    """Read everything; `urls` are those of the databases, by service."""
    books = Books()
    for service in sorted({*PRODUCERS, *CONSUMERS}):
        connection = await asyncpg.connect(urls[service])
        try:
            await _read_chassis(books, service, connection)
            await _READ[service](books, connection)
        finally:
            await connection.close()
    return books


async def _read_chassis(books: Books, service: str, connection: asyncpg.Connection) -> None:
    books.facts += [
        Fact(
            row["id"],
            row["type"],
            row["aggregate_type"],
            row["aggregate_id"],
            row["sequence"],
            _mark(row["type"], json.loads(row["payload"])),
            row["sent_at"] is not None,
        )
        for row in await connection.fetch(FACTS)
    ]
    if service in CONSUMERS:
        books.heard[service] = {row["message_id"]: row["state"] for row in await connection.fetch(HEARD, service)}
        books.blocked[service] = {row["aggregate_id"] for row in await connection.fetch(BLOCKED, service)}
        books.undecodable[service] = await connection.fetchval("SELECT count(*) FROM arnia_undecodable")


def _mark(topic: str, payload: dict[str, Any]) -> str:
    """Return what the client wrote into the change that this is told of."""
    match topic:
        case "delivery.created":
            return str(payload["items"][0]["name"])
        case "delivery.rescheduled":
            return str(payload["pickup_time"]).replace("+00:00", "Z")
        case "delivery.cancelled":
            return str(payload["reason"])
        case _:
            return ""


async def _read_delivery(books: Books, connection: asyncpg.Connection) -> None:
    books.deliveries = [
        Delivery(row["id"], json.loads(row["items"])[0]["name"], row["status"], row["drone_id"])
        for row in await connection.fetch(DELIVERIES)
    ]


async def _read_scheduler(books: Books, connection: asyncpg.Connection) -> None:
    for row in await connection.fetch(ASSIGNMENTS):
        driven = row["status"] in {"requested", "releasing"} or bool(row["leftovers"])
        books.assignments[row["id"]] = Assignment(
            row["status"], row["drone_id"], row["reservation_id"], row["closed"], driven
        )


async def _read_drone(books: Books, connection: asyncpg.Connection) -> None:
    weights: dict[UUID, int] = {}
    for row in await connection.fetch(RESERVATIONS):
        books.reservations[row["delivery_id"]] = (row["id"], row["drone_id"])
        weights[row["drone_id"]] = weights.get(row["drone_id"], 0) + row["weight_grams"]
    for row in await connection.fetch("SELECT id, capacity_grams - free_grams AS taken FROM drones"):
        books.capacity[row["id"]] = (row["taken"], weights.get(row["id"], 0))


async def _read_notification(books: Books, connection: asyncpg.Connection) -> None:
    books.told = [
        Told(row["id"], row["topic"], row["aggregate_id"], row["sequence"]) for row in await connection.fetch(TOLD)
    ]


async def _read_telemetry(books: Books, connection: asyncpg.Connection) -> None:
    books.positions = {row["number"]: row["places"] for row in await connection.fetch(POSITIONS)}
    books.misplaced = {row["drone_id"] for row in await connection.fetch(LAST) if not row["agrees"]}


_READ: Final = {
    "delivery": _read_delivery,
    "drone": _read_drone,
    "notification": _read_notification,
    "scheduler": _read_scheduler,
    "telemetry": _read_telemetry,
}

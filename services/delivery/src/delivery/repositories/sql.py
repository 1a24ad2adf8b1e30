"""Deliveries in PostgreSQL: the only place that knows the columns. One statement per request, compiled once."""

from typing import Final
from uuid import UUID

from sqlalchemy import Executable, Table, and_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from arnia.chassis.ownership import Ownership, reached
from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement
from delivery.models.deliveries import Delivery
from delivery.models.parts import Assignment, Cancellation, Confirmation, Departure, Refusal
from delivery.models.tables import DeliveryRow
from delivery.models.values import Location, Order, Schedule
from delivery.repositories.deliveries import Filters, Place, Sort

TABLE: Final[Table] = DeliveryRow.metadata.tables[DeliveryRow.__tablename__]
STATE: Final = tuple(name for name in TABLE.columns.keys() if name not in {"id", "owner"})  # noqa: SIM118 - not a dict

ADD: Final = Statement(
    insert(TABLE)
    .values({name: bindparam(name) for name in ("id", "owner", *STATE)})
    .on_conflict_do_nothing(index_elements=[TABLE.c.id])
)
ONE: Final = and_(TABLE.c.id == bindparam("id"), reached(TABLE))
GET: Final = Statement(select(TABLE).where(ONE))
LOCK: Final = Statement(select(TABLE).where(ONE).with_for_update())
SAVE: Final = Statement(update(TABLE).where(ONE).values({name: bindparam(name) for name in STATE}))
REMOVE: Final = Statement(delete(TABLE).where(ONE))


@Shapes
def find(filters: frozenset[str], sort: Sort, resumed: bool) -> Executable:  # noqa: FBT001 - part of the shape
    """Build the listing for the `filters` that are set, in the order of `sort`, from the start or `resumed`."""
    key = (TABLE.c[sort.key], TABLE.c.id)
    query = select(TABLE).limit(bindparam("limit"))
    query = query.order_by(*(column.desc() if sort.descending else column.asc() for column in key))
    if "reach" in filters:
        query = query.where(TABLE.c.owner == bindparam("reach"))
    if "status" in filters:
        query = query.where(TABLE.c.status == bindparam("status"))
    if "pickup_after" in filters:
        query = query.where(TABLE.c.pickup_time >= bindparam("pickup_after"))
    if "pickup_before" in filters:
        query = query.where(TABLE.c.pickup_time < bindparam("pickup_before"))
    if resumed:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if sort.descending else tuple_(*key) > last)
    return query


class SqlDeliveries:
    """Keeps the promise of `DeliveryRepository` within the transaction of a session, for one caller."""

    def __init__(self, session: Session, ownership: Ownership) -> None:
        self._session = session
        self._owner = ownership.subject
        self._reach = ownership.reach

    async def add(self, delivery: Delivery) -> bool:
        """Keep a new delivery, or return False when its identity is taken; waits for whoever is about to take it."""
        return await self._session.execute(ADD, id=delivery.id, owner=self._owner, **_columns(delivery)) == 1

    async def get(self, delivery_id: UUID) -> Delivery | None:
        """Return a delivery, or None."""
        row = await self._session.fetch_one(GET, id=delivery_id, reach=self._reach)
        return None if row is None else _delivery(row)

    async def lock(self, delivery_id: UUID) -> Delivery | None:
        """Return a delivery, or None, and keep others from changing it until the transaction ends."""
        row = await self._session.fetch_one(LOCK, id=delivery_id, reach=self._reach)
        return None if row is None else _delivery(row)

    async def save(self, delivery: Delivery) -> None:
        """Keep the next state of a locked delivery."""
        await self._session.execute(SAVE, id=delivery.id, reach=self._reach, **_columns(delivery))

    async def remove(self, delivery_id: UUID) -> None:
        """Forget a locked delivery."""
        await self._session.execute(REMOVE, id=delivery_id, reach=self._reach)

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Delivery]:
        """Return the matching deliveries in order."""
        given: dict[str, object] = {
            "reach": self._reach,
            "status": filters.status,
            "pickup_after": filters.pickup_after,
            "pickup_before": filters.pickup_before,
        }
        given = {name: value for name, value in given.items() if value is not None}
        statement = find(frozenset(given), sort, after is not None)
        if after is not None:
            given |= {"last_key": after.key, "last_id": after.id}
        return [_delivery(row) for row in await self._session.fetch_all(statement, limit=limit, **given)]


def _columns(delivery: Delivery) -> dict[str, object]:
    order = delivery.order
    assignment, departure = delivery.assignment, delivery.departure
    confirmation, cancellation = delivery.confirmation, delivery.cancellation
    return {
        "status": delivery.status,
        "pickup_latitude": order.pickup.latitude,
        "pickup_longitude": order.pickup.longitude,
        "dropoff_latitude": order.dropoff.latitude,
        "dropoff_longitude": order.dropoff.longitude,
        "items": [item.model_dump(mode="json") for item in order.items],
        "pickup_time": order.schedule.pickup_time,
        "deadline": order.schedule.deadline,
        "drone_id": assignment and assignment.drone_id,
        "assigned_at": assignment and assignment.assigned_at,
        "refusal": delivery.refusal and delivery.refusal.reason,
        "refused_at": delivery.refusal and delivery.refusal.refused_at,
        "departed_at": departure and departure.departed_at,
        "received_by": confirmation and confirmation.received_by,
        "confirmed_at": confirmation and confirmation.confirmed_at,
        "cancellation_reason": cancellation and cancellation.reason,
        "cancelled_at": cancellation and cancellation.cancelled_at,
        "version": delivery.version,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    }


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        order=Order(
            pickup=Location(latitude=row["pickup_latitude"], longitude=row["pickup_longitude"]),
            dropoff=Location(latitude=row["dropoff_latitude"], longitude=row["dropoff_longitude"]),
            items=row["items"],
            schedule=Schedule(pickup_time=row["pickup_time"], deadline=row["deadline"]),
        ),
        assignment=row["drone_id"] and Assignment(drone_id=row["drone_id"], assigned_at=row["assigned_at"]),
        refusal=row["refusal"] and Refusal(reason=row["refusal"], refused_at=row["refused_at"]),
        departure=row["departed_at"] and Departure(departed_at=row["departed_at"]),
        confirmation=row["confirmed_at"]
        and Confirmation(received_by=row["received_by"], confirmed_at=row["confirmed_at"]),
        cancellation=row["cancelled_at"]
        and Cancellation(reason=row["cancellation_reason"], cancelled_at=row["cancelled_at"]),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )

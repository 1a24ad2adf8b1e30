"""Drones in PostgreSQL: the only place that knows their columns. Each statement is compiled once."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, Table, Uuid, any_, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement
from drone.models.drones import Drone, Status
from drone.models.tables import DroneRow, ReservationRow
from drone.models.values import Position, Specification
from drone.repositories.drones import Filters, Place, Sort

DRONES: Final[Table] = DroneRow.metadata.tables[DroneRow.__tablename__]
RESERVATIONS: Final[Table] = ReservationRow.metadata.tables[ReservationRow.__tablename__]
STATE: Final = tuple(name for name in DRONES.columns.keys() if name != "id")  # noqa: SIM118 - not a dict

ADD: Final = Statement(
    insert(DRONES)
    .values({name: bindparam(name) for name in ("id", *STATE)})
    .on_conflict_do_nothing(index_elements=[DRONES.c.id])
)
GET: Final = Statement(select(DRONES).where(DRONES.c.id == bindparam("id")))
LOCK: Final = Statement(select(DRONES).where(DRONES.c.id == bindparam("id")).with_for_update())
SAVE: Final = Statement(
    update(DRONES).where(DRONES.c.id == bindparam("id")).values({name: bindparam(name) for name in STATE})
)
REMOVE: Final = Statement(delete(DRONES).where(DRONES.c.id == bindparam("id")))
UUIDS: Final = ARRAY(Uuid())
CARRIERS: Final = Statement(
    select(RESERVATIONS.c.drone_id, RESERVATIONS.c.delivery_id)
    .where(RESERVATIONS.c.delivery_id == any_(bindparam("deliveries", type_=UUIDS)))
    .order_by(RESERVATIONS.c.delivery_id)
)


@Shapes
def listing(filters: frozenset[str], sort: Sort, resumed: bool) -> Executable:  # noqa: FBT001 - part of the shape
    """Build the listing for the `filters` that are set, in the order of `sort`, from the start or `resumed`."""
    key = (DRONES.c[sort.key], DRONES.c.id)
    query = select(DRONES).limit(bindparam("limit"))
    query = query.order_by(*(column.desc() if sort.descending else column.asc() for column in key))
    conditions = {
        "status": DRONES.c.status == bindparam("status"),
        "model": DRONES.c.model == bindparam("model"),
        "free_grams": DRONES.c.free_grams >= bindparam("free_grams"),
        "battery": DRONES.c.charge_percent >= bindparam("battery"),
        "deliveries": DRONES.c.id.in_(
            select(RESERVATIONS.c.drone_id).where(
                RESERVATIONS.c.delivery_id == any_(bindparam("deliveries", type_=UUIDS))
            )
        ),
    }
    query = query.where(*(condition for name, condition in conditions.items() if name in filters))
    if resumed:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if sort.descending else tuple_(*key) > last)
    return query


class SqlDrones:
    """Keeps the promise of `DroneRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, drone: Drone) -> bool:
        """Keep a new drone, or return False when its identity is taken; waits for whoever is about to take it."""
        return await self._session.execute(ADD, id=drone.id, **_columns(drone)) == 1

    async def get(self, drone_id: UUID) -> Drone | None:
        """Return a drone, or None."""
        row = await self._session.fetch_one(GET, id=drone_id)
        return None if row is None else _drone(row)

    async def lock(self, drone_id: UUID) -> Drone | None:
        """Return a drone, or None, and keep others from changing it until the transaction ends."""
        row = await self._session.fetch_one(LOCK, id=drone_id)
        return None if row is None else _drone(row)

    async def save(self, drone: Drone) -> None:
        """Keep the next state of a locked drone."""
        await self._session.execute(SAVE, id=drone.id, **_columns(drone))

    async def remove(self, drone_id: UUID) -> None:
        """Forget a locked drone."""
        await self._session.execute(REMOVE, id=drone_id)

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Drone]:
        """Return the matching drones in order."""
        wanted: dict[str, object] = {
            "status": filters.status,
            "model": filters.model,
            "free_grams": filters.free_grams,
            "battery": filters.battery,
            "deliveries": filters.deliveries,
        }
        wanted = {name: value for name, value in wanted.items() if value is not None}
        statement = listing(frozenset(wanted), sort, after is not None)
        if after is not None:
            wanted |= {"last_key": after.key, "last_id": after.id}
        return [_drone(row) for row in await self._session.fetch_all(statement, limit=limit, **wanted)]

    async def carriers(self, deliveries: Sequence[UUID]) -> Mapping[UUID, tuple[UUID, ...]]:
        """Return which of `deliveries` each drone carries that carries any."""
        rows = await self._session.fetch_all(CARRIERS, deliveries=tuple(deliveries))
        found: dict[UUID, tuple[UUID, ...]] = {}
        for row in rows:
            found[row["drone_id"]] = (*found.get(row["drone_id"], ()), row["delivery_id"])
        return found


def _columns(drone: Drone) -> dict[str, object]:
    specification = drone.specification
    return {
        "name": specification.name,
        "model": specification.model,
        "capacity_grams": specification.capacity_grams,
        "free_grams": drone.free_grams,
        "charge_percent": specification.battery,
        "latitude": specification.position.latitude,
        "longitude": specification.position.longitude,
        "status": drone.status,
        "version": drone.version,
        "created_at": drone.created_at,
        "updated_at": drone.updated_at,
    }


def _drone(row: Row) -> Drone:
    return Drone(
        id=row["id"],
        specification=Specification(
            name=row["name"],
            model=row["model"],
            capacity_grams=row["capacity_grams"],
            battery=row["charge_percent"],
            position=Position(latitude=row["latitude"], longitude=row["longitude"]),
        ),
        free_grams=row["free_grams"],
        status=Status(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )

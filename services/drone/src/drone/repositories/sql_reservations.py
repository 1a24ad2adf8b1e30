"""Reservations in PostgreSQL: choosing a drone and taking from it is one statement.

Nobody waits in a circle: whoever needs a drone and one of its reservations locks the drone first, and whoever waits for
several drones holds none when it begins, and takes them in the order of their identities. The lock of an identity comes
before all of them; released identities come last, and those that others hold are not waited for.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Table, bindparam, delete, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert

from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Statement
from drone.models.reservations import Reservation, Wish
from drone.models.tables import ReleaseRow
from drone.models.values import MINIMUM_BATTERY
from drone.repositories.sql import DRONES, RESERVATIONS

RELEASES: Final[Table] = ReleaseRow.metadata.tables[ReleaseRow.__tablename__]


def granting(*, waiting: bool) -> Statement:
    """Build the one statement that chooses a drone, keeps a reservation and takes its mass off, or does nothing.

    It locks the chosen drone: so the free capacity that it saw is the one that it takes from. Without `waiting` it
    takes the tightest fit among the drones that nobody holds; with it, the first fit among all.
    """
    # A literal, not a parameter: only so can the server prove that the partial index applies.
    suitable = text("drones.status = 'available'")
    released = exists().where(RELEASES.c.id == bindparam("id"))
    chosen = (
        select(DRONES.c.id)
        .where(suitable, DRONES.c.free_grams >= bindparam("weight_grams"), DRONES.c.charge_percent >= MINIMUM_BATTERY)
        .where(~released)
        .order_by(*([DRONES.c.id] if waiting else [DRONES.c.free_grams, DRONES.c.id]))
        .limit(1)
        .with_for_update(skip_locked=not waiting)
        .cte("chosen")
    )
    given = {name: bindparam(name, type_=RESERVATIONS.c[name].type) for name in ("id", "delivery_id", "weight_grams")}
    now = bindparam("now", type_=RESERVATIONS.c.created_at.type)
    kept = (
        insert(RESERVATIONS)
        .from_select(
            [*given, "created_at", "updated_at", "drone_id"], select(*given.values(), now, now, chosen.c.id), False
        )
        .on_conflict_do_nothing()
        .returning(RESERVATIONS)
        .cte("kept")
    )
    taken = (
        update(DRONES)
        .where(DRONES.c.id == kept.c.drone_id)
        .values(free_grams=DRONES.c.free_grams - kept.c.weight_grams, version=DRONES.c.version + 1, updated_at=now)
        .returning(DRONES.c.id)
        .cte("taken")
    )
    return Statement(select(kept).add_cte(taken))


def releasing() -> Statement:
    """Build the one statement that forgets a reservation and gives its mass back, or does nothing."""
    held = (
        select(RESERVATIONS.c.id)
        .join(DRONES, DRONES.c.id == RESERVATIONS.c.drone_id)
        .where(RESERVATIONS.c.id == bindparam("id"))
        .with_for_update(of=DRONES)
        .cte("held")
    )
    gone = delete(RESERVATIONS).where(RESERVATIONS.c.id.in_(select(held.c.id))).returning(RESERVATIONS).cte("gone")
    freed = (
        update(DRONES)
        .where(DRONES.c.id == gone.c.drone_id)
        .values(
            free_grams=DRONES.c.free_grams + gone.c.weight_grams,
            version=DRONES.c.version + 1,
            updated_at=bindparam("now", type_=DRONES.c.updated_at.type),
        )
        .returning(DRONES.c.id)
        .cte("freed")
    )
    return Statement(select(gone).add_cte(freed))


GRANT: Final = granting(waiting=False)
GRANT_WAITING: Final = granting(waiting=True)
RELEASE: Final = releasing()
# In a statement of its own: what follows sees all that was committed before the lock was had.
LOCK_IDENTITY: Final = Statement(
    text("SELECT pg_advisory_xact_lock(hashtextextended('reservation ' || CAST(CAST(:id AS uuid) AS text), 0))")
)
REMEMBER: Final = Statement(
    text(
        "INSERT INTO releases (id, released_at) VALUES (:id, :now) "
        "ON CONFLICT (id) DO UPDATE SET released_at = excluded.released_at"
    )
)
FORGET: Final = Statement(
    text(
        "DELETE FROM releases WHERE id = ANY (ARRAY(SELECT id FROM releases "
        "WHERE released_at < :before ORDER BY released_at LIMIT :most FOR UPDATE SKIP LOCKED))"
    )
)
WAS_RELEASED: Final = Statement(select(RELEASES.c.id).where(RELEASES.c.id == bindparam("id")))
BEFORE_CHOICE: Final = Statement(text("SAVEPOINT choice"))
UNDO_CHOICE: Final = Statement(text("ROLLBACK TO SAVEPOINT choice"))
GET_RESERVATION: Final = Statement(select(RESERVATIONS).where(RESERVATIONS.c.id == bindparam("id")))
OF_DELIVERY: Final = Statement(select(RESERVATIONS).where(RESERVATIONS.c.delivery_id == bindparam("delivery_id")))


class SqlReservations:
    """Keeps the promise of `ReservationRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, reservation_id: UUID) -> Reservation | None:
        """Return a reservation, or None."""
        return _reservation(await self._session.fetch_one(GET_RESERVATION, id=reservation_id))

    async def of_delivery(self, delivery_id: UUID) -> Reservation | None:
        """Return the reservation of a delivery, or None."""
        return _reservation(await self._session.fetch_one(OF_DELIVERY, delivery_id=delivery_id))

    async def grant(self, wish: Wish, now: datetime) -> Reservation | None:
        """Take the mass from a drone that nobody else holds or, where all that fit are held, wait for one."""
        given = wish.model_dump()
        await self._session.execute(LOCK_IDENTITY, id=wish.id)
        await self._session.execute(BEFORE_CHOICE)
        row = await self._session.fetch_one(GRANT, now=now, **given)
        if row is None:
            # A drone that filled up between snapshot and lock was refused, and stays locked all the same. To wait for
            # others while holding it would be to deadlock.
            await self._session.execute(UNDO_CHOICE)
            row = await self._session.fetch_one(GRANT_WAITING, now=now, **given)
        return _reservation(row)

    async def release(self, reservation_id: UUID, now: datetime) -> Reservation | None:
        """Give the mass back; of several that release at once, one does."""
        await self._session.execute(LOCK_IDENTITY, id=reservation_id)
        row = await self._session.fetch_one(RELEASE, id=reservation_id, now=now)
        await self._session.execute(REMEMBER, id=reservation_id, now=now)
        return _reservation(row)

    async def was_released(self, reservation_id: UUID) -> bool:
        """Tell whether it is remembered that this identity was released."""
        return await self._session.fetch_one(WAS_RELEASED, id=reservation_id) is not None

    async def forget(self, before: datetime, most: int) -> int:
        """Forget the oldest, but for those that somebody releases again just now."""
        return await self._session.execute(FORGET, before=before, most=most)


def _reservation(row: Row | None) -> Reservation | None:
    if row is None:
        return None
    return Reservation(
        id=row["id"],
        delivery_id=row["delivery_id"],
        drone_id=row["drone_id"],
        weight_grams=row["weight_grams"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )

"""The smallest service there is, without HTTP: a table, its events and its repository.

The chassis' own tests use it, and it shows what the conformance suite of repositories expects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Executable, Index, Table, bindparam, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import DeclarativeBase, Mapped

from arnia.chassis.events import Event
from arnia.chassis.models import Identified, Versioned, service_registry
from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement

__all__ = [
    "MemoryParcels",
    "Parcel",
    "ParcelModel",
    "ParcelRow",
    "ParcelWeighed",
    "Place",
    "SqlParcels",
]


class ParcelModel(DeclarativeBase):
    """The base of the models: its metadata holds the chassis' tables too."""

    registry = service_registry()


class ParcelRow(Identified, Versioned, ParcelModel):
    """The table `parcels`."""

    __tablename__ = "parcels"
    __table_args__ = (Index(None, "grams", "id"), CheckConstraint("grams >= 0", name="weighs_something"))

    label: Mapped[str]
    grams: Mapped[int]


class ParcelWeighed(Event):
    """A parcel was put on the scales."""

    topic: ClassVar[str] = "parcel.weighed"
    aggregate_type: ClassVar[str] = "parcel"
    grams: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel as the business logic sees it."""

    id: UUID
    label: str
    grams: int
    version: int = 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a parcel stands in a listing by weight."""

    grams: int
    id: UUID


TABLE: Final[Table] = ParcelRow.metadata.tables["parcels"]
ADD: Final = Statement(
    insert(TABLE)
    .values({name: bindparam(name) for name in ("id", "label", "grams", "version")})
    .on_conflict_do_nothing(index_elements=[TABLE.c.id])
)
PUT: Final = Statement(
    insert(TABLE)
    .values({name: bindparam(name) for name in ("id", "label", "grams")})
    .on_conflict_do_update(
        index_elements=[TABLE.c.id],
        set_={
            "label": bindparam("label"),
            "grams": bindparam("grams"),
            "version": TABLE.c.version + 1,
            "updated_at": func.now(),
        },
    )
    .returning(TABLE)
)
GET: Final = Statement(select(TABLE).where(TABLE.c.id == bindparam("id")))
LOCK: Final = Statement(select(TABLE).where(TABLE.c.id == bindparam("id")).with_for_update())
SAVE: Final = Statement(
    update(TABLE)
    .where(TABLE.c.id == bindparam("key"))
    .values({name: bindparam(f"new_{name}") for name in ("label", "grams", "version")})
)
REMOVE: Final = Statement(delete(TABLE).where(TABLE.c.id == bindparam("id")))


@Shapes
def find(filters: frozenset[str], *, descending: bool, resumed: bool) -> Executable:
    """Build the listing by weight."""
    key = (TABLE.c.grams, TABLE.c.id)
    query = select(TABLE).order_by(*(column.desc() if descending else column.asc() for column in key))
    if "label" in filters:
        query = query.where(TABLE.c.label == bindparam("label"))
    if resumed:
        last = tuple_(bindparam("last_grams", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if descending else tuple_(*key) > last)
    return query.limit(bindparam("limit"))


class SqlParcels:
    """Parcels in PostgreSQL, within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, parcel: Parcel, /) -> bool:
        """Keep a new parcel, or return False when its identity is taken."""
        given = {"id": parcel.id, "label": parcel.label, "grams": parcel.grams, "version": parcel.version}
        return await self._session.execute(ADD, **given) == 1

    async def get(self, parcel_id: UUID, /) -> Parcel | None:
        """Return a parcel, or None."""
        return _parcel(await self._session.fetch_one(GET, id=parcel_id))

    async def lock(self, parcel_id: UUID, /) -> Parcel | None:
        """Return a parcel, or None, and keep others from changing it until the transaction ends."""
        return _parcel(await self._session.fetch_one(LOCK, id=parcel_id))

    async def save(self, parcel: Parcel, /) -> None:
        """Keep the next state of a locked parcel."""
        given = {"new_label": parcel.label, "new_grams": parcel.grams, "new_version": parcel.version}
        await self._session.execute(SAVE, key=parcel.id, **given)

    async def remove(self, parcel_id: UUID, /) -> None:
        """Forget a locked parcel."""
        await self._session.execute(REMOVE, id=parcel_id)

    async def find(self, filters: Mapping[str, str], sort: str, after: Place | None, limit: int, /) -> list[Parcel]:
        """Return the parcels that pass `filters`, by weight, from the one that follows `after` on."""
        statement = find(frozenset(filters), descending=sort.startswith("-"), resumed=after is not None)
        given: dict[str, object] = {**filters, "limit": limit}
        if after is not None:
            given |= {"last_grams": after.grams, "last_id": after.id}
        return [_of(row) for row in await self._session.fetch_all(statement, **given)]


class MemoryParcels:
    """Parcels in a dictionary."""

    def __init__(self) -> None:
        self._parcels: dict[UUID, Parcel] = {}

    async def add(self, parcel: Parcel, /) -> bool:
        """Keep a new parcel, or return False when its identity is taken."""
        return self._parcels.setdefault(parcel.id, parcel) is parcel

    async def get(self, parcel_id: UUID, /) -> Parcel | None:
        """Return a parcel, or None."""
        return self._parcels.get(parcel_id)

    lock = get

    async def save(self, parcel: Parcel, /) -> None:
        """Keep the next state of a parcel."""
        self._parcels[parcel.id] = replace(parcel)

    async def remove(self, parcel_id: UUID, /) -> None:
        """Forget a parcel."""
        del self._parcels[parcel_id]

    async def find(self, filters: Mapping[str, str], sort: str, after: Place | None, limit: int, /) -> list[Parcel]:
        """Return the parcels that pass `filters`, by weight, from the one that follows `after` on."""
        descending = sort.startswith("-")
        passing = [one for one in self._parcels.values() if filters.get("label", one.label) == one.label]
        placed = sorted(
            ((Place(one.grams, one.id), one) for one in passing), reverse=descending, key=lambda pair: pair[0]
        )
        if after is not None:
            placed = [pair for pair in placed if (pair[0] < after if descending else pair[0] > after)]
        return [one for _, one in placed[:limit]]


def _parcel(row: Row | None) -> Parcel | None:
    return None if row is None else _of(row)


def _of(row: Row) -> Parcel:
    return Parcel(id=row["id"], label=row["label"], grams=row["grams"], version=row["version"])

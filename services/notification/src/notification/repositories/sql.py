"""Notifications in PostgreSQL: the only place that knows the columns. Each statement is compiled once."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ARRAY, Executable, Table, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from arnia.chassis.session import Session
from arnia.chassis.statements import Shapes, Statement
from notification.models.notifications import Notification
from notification.models.tables import NotificationRow
from notification.repositories.notifications import Filters, Place, Sort

TABLE: Final[Table] = NotificationRow.metadata.tables[NotificationRow.__tablename__]
NAMES: Final = tuple(Notification.model_fields)
COLUMNS: Final = tuple(TABLE.c[name] for name in NAMES)

ARRAYS: Final = tuple(bindparam(name, type_=ARRAY(TABLE.c[name].type)) for name in NAMES)
GIVEN: Final = func.unnest(*ARRAYS).table_valued(*NAMES).render_derived(name="given")
ADD: Final = Statement(
    insert(TABLE)
    .from_select(NAMES, select(*(GIVEN.c[name] for name in NAMES)))
    .on_conflict_do_nothing(index_elements=[TABLE.c.id])
)


@Shapes
def listing(filters: frozenset[str], sort: Sort, resumed: bool) -> Executable:  # noqa: FBT001 - part of the shape
    """Build the listing for the `filters` that are set, in the order of `sort`, from the start or `resumed`."""
    key = (TABLE.c.created_at, TABLE.c.id)
    query = select(*COLUMNS).limit(bindparam("limit"))
    query = query.order_by(*(column.desc() if sort.descending else column.asc() for column in key))
    for name in sorted(filters):
        query = query.where(TABLE.c[name] == bindparam(name))
    if resumed:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if sort.descending else tuple_(*key) > last)
    return query


class SqlNotifications:
    """Keeps the promise of `NotificationRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, notifications: Sequence[Notification]) -> None:
        """Keep those that are not kept yet, with one statement."""
        columns = {name: [getattr(one, name) for one in notifications] for name in NAMES}
        await self._session.execute(ADD, **columns)

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Notification]:
        """Return the matching ones in order."""
        given: dict[str, object] = {"topic": filters.topic, "aggregate_id": filters.aggregate_id}
        given = {name: value for name, value in given.items() if value is not None}
        statement = listing(frozenset(given), sort, after is not None)
        if after is not None:
            given |= {"last_key": after.key, "last_id": after.id}
        rows = await self._session.fetch_all(statement, limit=limit, **given)
        return [Notification.model_validate(dict(row)) for row in rows]

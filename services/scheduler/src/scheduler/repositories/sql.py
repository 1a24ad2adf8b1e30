"""Assignments in PostgreSQL: the only place that knows the columns. Each statement is compiled once."""

from typing import Final
from uuid import UUID

from sqlalchemy import Executable, Float, Table, bindparam, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Shapes, Statement
from arnia.chassis.traces import Trace, continue_trace
from scheduler.models.assignments import Assignment
from scheduler.models.tables import DRIVEN, AssignmentRow
from scheduler.repositories.assignments import Claim, Filters, Place, Sort

ASSIGNMENTS: Final[Table] = AssignmentRow.metadata.tables[AssignmentRow.__tablename__]
NAMES: Final = tuple(Assignment.model_fields)
TRACE: Final = ("traceparent", "tracestate")
STATE: Final = tuple(name for name in (*NAMES, *TRACE) if name not in {"id", "created_at"})
COLUMNS: Final = tuple(ASSIGNMENTS.c[name] for name in NAMES)
DUE: Final = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, bindparam("due", type_=Float))

ADD: Final = Statement(
    insert(ASSIGNMENTS)
    .values({**{name: bindparam(name) for name in (*NAMES, *TRACE)}, "due_at": DUE})
    .on_conflict_do_nothing(index_elements=[ASSIGNMENTS.c.id])
)
GET: Final = Statement(select(*COLUMNS).where(ASSIGNMENTS.c.id == bindparam("id")))
LOCK: Final = Statement(select(*COLUMNS).where(ASSIGNMENTS.c.id == bindparam("id")).with_for_update())
SAVE: Final = Statement(
    update(ASSIGNMENTS)
    .where(ASSIGNMENTS.c.id == bindparam("id"))
    .values({**{name: bindparam(name) for name in STATE}, "due_at": DUE, "attempts": 0})
)
CLAIMED: Final = (
    select(ASSIGNMENTS.c.id)
    .where(ASSIGNMENTS.c.due_at <= func.now(), text(f"({DRIVEN})"))
    .order_by(ASSIGNMENTS.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    .cte("claimed")
)
CLAIM: Final = Statement(
    update(ASSIGNMENTS)
    .where(ASSIGNMENTS.c.id == CLAIMED.c.id)
    .values({"due_at": DUE, "attempts": ASSIGNMENTS.c.attempts + 1})
    .returning(*COLUMNS, ASSIGNMENTS.c.attempts, *(ASSIGNMENTS.c[name] for name in TRACE))
)
POSTPONE: Final = Statement(
    update(ASSIGNMENTS)
    .where(ASSIGNMENTS.c.id == bindparam("id"), ASSIGNMENTS.c.version == bindparam("seen"))
    .values({"due_at": DUE})
)


@Shapes
def listing(sort: Sort, filtered: bool, resumed: bool) -> Executable:  # noqa: FBT001 - part of the shape
    """Build the listing in the order of `sort`: by status or not, from the start or `resumed`."""
    key = (ASSIGNMENTS.c.created_at, ASSIGNMENTS.c.id)
    query = select(*COLUMNS).limit(bindparam("limit"))
    query = query.order_by(*(column.desc() if sort.descending else column.asc() for column in key))
    # A literal, not a parameter: only so can the server prove that the partial index applies.
    listed = ASSIGNMENTS.c.status == bindparam("status") if filtered else text("assignments.status <> 'released'")
    query = query.where(listed)
    if resumed:
        last = tuple_(bindparam("last_key", type_=key[0].type), bindparam("last_id", type_=key[1].type))
        query = query.where(tuple_(*key) < last if sort.descending else tuple_(*key) > last)
    return query


class SqlAssignments:
    """Keeps the promise of `AssignmentRepository` within the transaction of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, assignment: Assignment, *, due: float = 0.0) -> bool:
        """Keep a new assignment, or return False when the delivery has one; waits for whoever is about to add it."""
        return await self._session.execute(ADD, due=due, **dict(assignment), **self._place()) == 1

    async def get(self, delivery_id: UUID) -> Assignment | None:
        """Return a delivery's assignment, or None."""
        return _assignment(await self._session.fetch_one(GET, id=delivery_id))

    async def lock(self, delivery_id: UUID) -> Assignment | None:
        """Return a delivery's assignment, or None, and keep others from changing it until the transaction ends."""
        return _assignment(await self._session.fetch_one(LOCK, id=delivery_id))

    async def save(self, assignment: Assignment, *, due: float = 0.0) -> None:
        """Keep the next state of a locked assignment."""
        state = {name: value for name, value in assignment if name != "created_at"}
        await self._session.execute(SAVE, due=due, **state, **self._place())

    async def claim(self, most: int, lease: float) -> list[Claim]:
        """Return what is due; nobody waits for anybody who claims at the same time."""
        rows = await self._session.fetch_all(CLAIM, most=most, due=lease)
        return [Claim(_read(row), row["attempts"], _trace(row)) for row in rows]

    async def postpone(self, assignment: Assignment, seconds: float) -> None:
        """Let it be due in so many seconds, unless it has changed."""
        await self._session.execute(POSTPONE, id=assignment.id, seen=assignment.version, due=seconds)

    async def find(self, filters: Filters, sort: Sort, after: Place | None, limit: int) -> list[Assignment]:
        """Return the matching assignments in order."""
        statement = listing(sort, filters.status is not None, after is not None)
        given: dict[str, object] = {} if filters.status is None else {"status": filters.status}
        if after is not None:
            given |= {"last_key": after.key, "last_id": after.id}
        rows = await self._session.fetch_all(statement, limit=limit, **given)
        return [_read(row) for row in rows]

    def _place(self) -> dict[str, str | None]:
        """Return where in a trace this transaction is, for whoever goes on from what it keeps."""
        trace = self._session.trace
        if trace is None:
            return dict.fromkeys(TRACE)
        return {"traceparent": trace.traceparent, "tracestate": trace.tracestate or None}


def _assignment(row: Row | None) -> Assignment | None:
    return None if row is None else _read(row)


def _read(row: Row) -> Assignment:
    return Assignment.model_validate({name: row[name] for name in NAMES})


def _trace(row: Row) -> Trace | None:
    parent, state = (row[name] for name in TRACE)
    return None if parent is None else continue_trace(parent.encode(), (state or "").encode())

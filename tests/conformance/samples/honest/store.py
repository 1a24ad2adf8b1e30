"""Where notes are kept."""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from arnia.chassis.ownership import Ownership
from arnia.chassis.preconditions import row_etag
from arnia.chassis.session import Row, Session
from arnia.chassis.statements import Statement
from arnia.errors import NotFound
from honest.notes import NoteBody, NoteQuery, Sort

ADD: Final = Statement(
    text(
        "INSERT INTO notes (id, owner, body, closed, version, created_at, updated_at) "
        "VALUES (:id, :owner, :body, false, 1, clock_timestamp(), clock_timestamp()) ON CONFLICT (id) DO NOTHING"
    )
)
LOCK: Final = Statement(
    text("SELECT * FROM notes WHERE id = :id AND owner = coalesce(CAST(:reach AS text), owner) FOR UPDATE")
)
GET: Final = Statement(text("SELECT * FROM notes WHERE id = :id AND owner = coalesce(CAST(:reach AS text), owner)"))
SAVE: Final = Statement(
    text("UPDATE notes SET body = :body, closed = :closed, version = version + 1, updated_at = now() WHERE id = :id")
)
REMOVE: Final = Statement(text("DELETE FROM notes WHERE id = :id"))
FIND: Final = {
    Sort.OLDEST: Statement(
        text(
            "SELECT * FROM notes WHERE coalesce(body->>'priority' = CAST(:priority AS text), true) "
            "AND owner = coalesce(CAST(:reach AS text), owner) "
            "AND coalesce((created_at, id) > (CAST(:moment AS timestamptz), CAST(:last AS uuid)), true) "
            "ORDER BY created_at, id LIMIT :most"
        )
    ),
    Sort.NEWEST: Statement(
        text(
            "SELECT * FROM notes WHERE coalesce(body->>'priority' = CAST(:priority AS text), true) "
            "AND owner = coalesce(CAST(:reach AS text), owner) "
            "AND coalesce((created_at, id) < (CAST(:moment AS timestamptz), CAST(:last AS uuid)), true) "
            "ORDER BY created_at DESC, id DESC LIMIT :most"
        )
    ),
}


class Notes:
    """Notes within the transaction of a session."""

    def __init__(self, session: Session, ownership: Ownership) -> None:
        self._session = session
        self._owner = ownership.subject
        self._reach = ownership.reach

    async def add(self, identity: UUID, body: NoteBody) -> bool:
        """Keep a new note, or return False when its identity is taken."""
        return await self._session.execute(ADD, id=identity, owner=self._owner, body=body.model_dump(mode="json")) == 1

    async def get(self, identity: UUID) -> Row:
        """Return a note."""
        return _existing(await self._session.fetch_one(GET, id=identity, reach=self._reach))

    async def lock(self, identity: UUID) -> Row | None:
        """Return a note and keep others from changing it."""
        return await self._session.fetch_one(LOCK, id=identity, reach=self._reach)

    async def save(self, identity: UUID, body: NoteBody, *, closed: bool) -> Row:
        """Keep the next state of a note."""
        await self._session.execute(SAVE, id=identity, body=body.model_dump(mode="json"), closed=closed)
        return _existing(await self._session.fetch_one(LOCK, id=identity, reach=self._reach))

    async def remove(self, identity: UUID) -> None:
        """Forget a note."""
        await self._session.execute(REMOVE, id=identity)

    async def find(self, query: NoteQuery, after: tuple[datetime, UUID] | None) -> list[Row]:
        """Return a page, and one more."""
        moment, last = after or (None, None)
        return await self._session.fetch_all(
            FIND[query.sort], reach=self._reach, priority=query.priority, moment=moment, last=last, most=query.limit + 1
        )


def _existing(row: Row | None) -> Row:
    if row is None:
        raise NotFound
    return row


def etag(row: Row | None) -> str | None:
    """Return the entity tag of a note."""
    return None if row is None else row_etag(row["version"], row["created_at"])

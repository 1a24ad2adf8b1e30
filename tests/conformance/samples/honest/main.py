"""The service: the same notes in two versions, the older of which will end."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from arnia.chassis.application import Application, create_app
from arnia.chassis.context import CurrentSession
from arnia.chassis.cursors import CurrentCursors
from arnia.chassis.links import Link
from arnia.chassis.ownership import Ownership, owned
from arnia.chassis.patches import Patch
from arnia.chassis.preconditions import Precondition
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import allow
from arnia.chassis.session import Row
from arnia.chassis.settings import DatabaseSettings, service_settings
from arnia.chassis.uuids import uuid7
from arnia.chassis.versions import ApiVersion
from arnia.errors import Conflict, InvalidContent, NotFound, Violation
from honest.notes import Base, ClosingBody, NoteBody, NotePage, NoteQuery, NoteReplacement, NoteView
from honest.store import Notes, etag


class Settings(DatabaseSettings):
    """Settings of the service."""

    model_config = service_settings("honest")


async def _notes(session: CurrentSession, ownership: Annotated[Ownership, owned(seen_by=["auditor"])]) -> Notes:
    return Notes(session, ownership)


Store = Annotated[Notes, Depends(_notes)]
V1 = ApiVersion(
    major=1, deprecated=datetime(2026, 1, 1, tzinfo=UTC), sunset=datetime(2099, 1, 1, tzinfo=UTC), successor=2
)
V2 = ApiVersion(major=2)


def _view(row: Row, collection: str) -> NoteView:
    here = f"{collection}/{row['id']}"
    links = {"self": Link(href=here), "collection": Link(href=collection), "remove": Link(href=here, method="DELETE")}
    if not row["closed"]:
        links["close"] = Link(href=f"{here}/closing", method="PUT")
    return NoteView(**row["body"], id=row["id"], closed=row["closed"], updated_at=row["updated_at"], links=links)


def _body(row: Row) -> NoteBody:
    return NoteBody(**row["body"])


def _router(version: int) -> Router:
    """Return the routes of one version."""
    collection = f"/api/v{version}/notes"
    router = Router(version=version, prefix="/notes", tags=["notes"], dependencies=[allow("notes:read")])

    @router.get("")
    async def list_notes(
        query: Annotated[NoteQuery, Query()], notes: Store, cursors: CurrentCursors
    ) -> Reply[NotePage]:
        """List notes."""
        position = cursors.position(query)
        after = None if position is None else (datetime.fromisoformat(str(position[0])), UUID(str(position[1])))
        rows = await notes.find(query, after)
        shown = rows[: query.limit]
        following = (shown[-1]["created_at"].isoformat(), str(shown[-1]["id"])) if len(rows) > query.limit else None
        items = tuple(_view(row, collection) for row in shown)
        return ok(NotePage(items=items, links=cursors.links(query, following)))

    @router.post("", dependencies=[allow("notes:write")])
    async def create_note(body: NoteBody, notes: Store) -> Reply[NoteView]:
        """Note something."""
        identity = uuid7()
        await notes.add(identity, body)
        row = await notes.get(identity)
        return created(_view(row, collection), location=f"{collection}/{identity}", etag=etag(row))

    @router.get("/{note_id}")
    async def read_note(note_id: UUID, notes: Store) -> Reply[NoteView]:
        """Read a note."""
        row = await notes.get(note_id)
        return ok(_view(row, collection), etag=etag(row))

    @router.put("/{note_id}", dependencies=[allow("notes:write")])
    async def put_note(note_id: UUID, body: NoteReplacement, notes: Store, wanted: Precondition) -> Reply[NoteView]:
        """Note something, or something else."""
        if body.id not in {None, note_id}:
            detail = "The identity in the body differs from the one in the URL."
            raise InvalidContent(detail, violations=[Violation(detail=detail, code="same-identity", pointer="#/id")])
        plain = NoteBody(**body.model_dump(exclude={"id"}))
        row = await notes.lock(note_id)
        wanted.check(etag(row))
        if row is None and await notes.add(note_id, plain):
            row = await notes.get(note_id)
            return created(_view(row, collection), location=f"{collection}/{note_id}", etag=etag(row))
        row = row or await notes.lock(note_id)
        wanted.check(etag(row))
        if row is None:  # somebody else's
            raise NotFound
        return no_content(etag=etag(await notes.save(note_id, plain, closed=row["closed"])))

    @router.patch("/{note_id}", dependencies=[allow("notes:write")])
    async def patch_note(note_id: UUID, patch: Patch[NoteBody], notes: Store, wanted: Precondition) -> Reply[NoteView]:
        """Change some of a note."""
        row = await _locked(notes, note_id, wanted)
        row = await notes.save(note_id, patch.apply(_body(row)), closed=row["closed"])
        return ok(_view(row, collection), etag=etag(row))

    @router.delete("/{note_id}", dependencies=[allow("notes:write", roles=["editor"])])
    async def delete_note(note_id: UUID, notes: Store, wanted: Precondition) -> Reply[None]:
        """Forget a note."""
        await _locked(notes, note_id, wanted)
        await notes.remove(note_id)
        return no_content()

    @router.put("/{note_id}/closing", status_code=204, dependencies=[allow("notes:write")])
    async def close_note(note_id: UUID, body: ClosingBody, notes: Store, wanted: Precondition) -> Reply[None]:
        """Close a note, once."""
        row = await _locked(notes, note_id, wanted)
        if row["closed"]:
            detail = f"The note is closed; its {len(body.reason)} characters of reason came too late."
            raise Conflict(detail)
        return no_content(etag=etag(await notes.save(note_id, _body(row), closed=True)))

    return router


async def _locked(notes: Notes, identity: UUID, wanted: Precondition) -> Row:
    row = await notes.lock(identity)
    if row is None:
        raise NotFound
    wanted.check(etag(row))
    return row


def create() -> Application:
    """Return the service."""
    routers = [_router(2), _router(1)]
    return create_app(service="honest", settings=Settings, routers=routers, versions=[V1, V2], models=Base.metadata)


if __name__ == "__main__":
    run(create)

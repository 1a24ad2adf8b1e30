"""A service in memory, for the tests of the spine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Annotated
from uuid import UUID

import httpx2
from fastapi import Depends, Query

from arnia.chassis.application import Application, create_app
from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Link, Resource
from arnia.chassis.patches import Patch
from arnia.chassis.preconditions import Precondition
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.chassis.spine import Spine
from arnia.chassis.versions import ApiVersion

ID = UUID(int=1)


class Settings(ServiceSettings):
    """Only what every service has."""

    model_config = service_settings("sample")


class Note(Body):
    """What is sent."""

    text: str


class NoteView(Resource):
    """What is answered."""

    id: UUID
    text: str


class NoteQuery(CollectionQuery):
    """The filter of the list."""

    text: str | None = None


closed: list[str] = []


async def borrowed() -> AsyncIterator[str]:
    """Lend something that has to be given back."""
    closed.append("open")
    yield "borrowed"
    closed.append("closed")


router = Router(version=1, prefix="/notes", tags=["notes"], dependencies=[anyone])
platform = Router(prefix="/plain", tags=["plain"], dependencies=[anyone])


@router.get("")
async def list_notes(query: Annotated[NoteQuery, Query()]) -> Reply[NoteView]:
    """Answer one note for all."""
    return ok(NoteView(id=ID, text=query.text or ""))


@router.get("/{note_id}")
async def read_note(note_id: UUID) -> Reply[NoteView]:
    """Answer a note with a tag and a link."""
    return ok(NoteView(id=note_id, text="hello", links={"self": Link(href=f"/api/v1/notes/{note_id}")}), etag="1-a")


@router.post("")
async def create_note(body: Note) -> Reply[NoteView]:
    """Make a note."""
    return created(NoteView(id=ID, text=body.text), location=f"/api/v1/notes/{ID}", etag="1-a")


@router.patch("/{note_id}")
async def patch_note(note_id: UUID, patch: Patch[Note], precondition: Precondition) -> Reply[NoteView]:
    """Change a note."""
    precondition.check("1-a")
    return ok(NoteView(id=note_id, text=patch.apply(Note(text="hello")).text))


@router.delete("/{note_id}")
async def delete_note(note_id: UUID, precondition: Precondition) -> Reply[None]:
    """Forget a note."""
    precondition.check("1-a")
    return no_content()


@platform.get("/fault")
async def fault() -> Reply[None]:
    """Fail by mistake."""
    message = "canary-5ecret"
    raise RuntimeError(message)


@platform.get("/slow")
async def slow() -> Reply[None]:
    """Take longer than anybody waits."""
    await asyncio.sleep(30)
    return no_content()


@platform.get("/borrow")
async def borrow(thing: Annotated[str, Depends(borrowed)]) -> dict[str, str]:
    """Use a dependency that cleans up after itself, and answer with a plain dict."""
    return {"thing": thing}


def create(*versions: ApiVersion) -> Application:
    """Declare the service."""
    return create_app(service="sample", settings=Settings, routers=[router, platform], versions=versions)


@cache
def _usual() -> Spine:
    """Return what most tests ask: it keeps nothing of a request but what it counts, and takes long to make."""
    return create().asgi(Settings(port=1))


@asynccontextmanager
async def client(application: Application | None = None, **settings: object) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of the service, in process."""
    alone = application is None and not settings
    app = _usual() if alone else (application or create()).asgi(Settings.model_validate({"port": 1, **settings}))
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


if __name__ == "__main__":
    run(create)

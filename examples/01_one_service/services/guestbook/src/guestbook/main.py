"""A guestbook in one file. It lives in memory, so it is empty again after a restart."""

from typing import Annotated

from pydantic import Field

from arnia.chassis.application import Application, create_app
from arnia.chassis.preconditions import Precondition
from arnia.chassis.process import run
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import Body
from arnia.chassis.security import anyone
from arnia.errors import NotFound


class Entry(Body):
    message: Annotated[str, Field(min_length=3, max_length=200)]
    stars: Annotated[int, Field(ge=1, le=5)] = 5


router = Router(version=1, prefix="/entries", tags=["guestbook"], dependencies=[anyone])
book: dict[str, list[Entry]] = {}


@router.get("/{guest}")
async def read_entry(guest: str) -> Reply[Entry]:
    if guest not in book:
        raise NotFound("This guest has not signed the book.")
    return ok(book[guest][-1], etag=str(len(book[guest])))


@router.put("/{guest}")
async def sign(guest: str, entry: Entry, precondition: Precondition) -> Reply[Entry]:
    signed = book.get(guest, [])
    precondition.check(str(len(signed)) if signed else None)
    book[guest] = [*signed, entry]
    etag = str(len(book[guest]))
    return no_content(etag=etag) if signed else created(entry, location=f"/api/v1/entries/{guest}", etag=etag)


def create() -> Application:
    return create_app(service="guestbook", routers=[router])


if __name__ == "__main__":
    run(create)

"""Fields that come twice, names that come encoded, and text that would write lines where it should not."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import httpx2
import pytest
from fastapi import Query
from starlette.types import Message, Scope
from tests.unit.chassis_http.sample_service import ID, NoteView, Settings, client

from arnia.chassis.application import Application, create_app
from arnia.chassis.cursors import CollectionQuery, CurrentCursors
from arnia.chassis.links import Link, Resource
from arnia.chassis.logs import AccessLog
from arnia.chassis.preconditions import Precondition
from arnia.chassis.replies import Reply, created, no_content, ok
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.settings import DatabaseSettings, service_settings
from arnia.chassis.traces import Trace

NOTE = f"/api/v1/notes/{ID}"
TRACES = [f"00-{digit * 32}-b7ad6b7169203331-01" for digit in "ab"]
router = Router(prefix="/hostile", dependencies=[anyone])


class Shelf(Resource):
    """A page without anything on it."""


class ShelfSettings(DatabaseSettings):
    """Settings of a service with collections."""

    model_config = service_settings("sample")


@router.get("/names/{name}")
async def name_it(name: str) -> Reply[NoteView]:
    """Answer with links that hold what was sent."""
    return created(
        NoteView(id=ID, text="x", links={"self": Link(href=f"/hostile/names/{name}")}),
        location=f"/hostile/names/{name}",
    )


@router.get("/filtered")
async def filtered(wanted: Annotated[str, Query(alias="filter[a b]")]) -> Reply[None]:
    """Take a parameter whose name has to be encoded."""
    return no_content(etag=wanted)


@router.delete("/kept")
async def keep(precondition: Precondition) -> Reply[None]:
    """Delete what has the tag 1-a."""
    precondition.check("1-a")
    return no_content()


@router.get("/shelves/{name}")
async def shelf(name: str, query: Annotated[CollectionQuery, Query()], cursors: CurrentCursors) -> Reply[Shelf]:
    """Answer a page with its links."""
    assert name
    return ok(Shelf(links=cursors.links(query, ("last",))))


def create() -> Application:
    """Declare the service."""
    return create_app(service="sample", settings=Settings, routers=[router])


@asynccontextmanager
async def service() -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client of the service that has these routes and those of the sample."""
    async with client(create()) as opened:
        yield opened


@pytest.mark.parametrize(
    "pair",
    [
        [("Content-Type", "application/json"), ("Content-Type", "application/json")],
        [("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
        [("Content-Type", "application/json"), ("Request-Timeout-Ms", "1"), ("Request-Timeout-Ms", "1000")],
    ],
)
async def test_field_of_one_value_that_comes_twice_is_malformed(pair: list[tuple[str, str]]) -> None:
    """Two readers could choose differently, so nobody chooses."""
    async with client() as sample:
        answer = await sample.post("/api/v1/notes", headers=pair, content=b'{"text":"x"}')
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-request")


async def test_lines_of_a_list_are_one_list() -> None:
    """Tags and media ranges may stand on lines of their own: each of them counts."""
    tags = [("If-None-Match", '"1-a"'), ("If-None-Match", '"2-b"')]
    ranges = [("Accept", "application/json"), ("Accept", "text/html")]
    async with client() as sample:
        assert (await sample.get(NOTE, headers=tags)).status_code == 304
        assert (await sample.get(NOTE, headers=ranges)).status_code == 200
    async with service() as hostile:
        for tag, status in (("1-a", 204), ("1-b", 412)):
            matches = [("If-Match", '"0-z"'), ("If-Match", f'"{tag}"')]
            assert (await hostile.delete("/hostile/kept", headers=matches)).status_code == status
        excluded = [("If-None-Match", '"1-a"'), ("If-None-Match", '"0-z"')]
        assert (await hostile.delete("/hostile/kept", headers=excluded)).status_code == 412


async def test_two_traces_are_none() -> None:
    """A trace or a request id that comes twice is not continued."""
    ids = [("X-Request-Id", "one"), ("X-Request-Id", "two")]
    async with client() as sample:
        answer = await sample.get("/nowhere", headers=[*(("traceparent", trace) for trace in TRACES), *ids])
    assert answer.json()["trace_id"] not in {"a" * 32, "b" * 32}
    assert answer.headers["x-request-id"] not in {"one", "two"}


async def test_encoded_name_of_a_parameter_is_known() -> None:
    """A client may, and for some characters must, encode the name; an unknown one stays unknown."""
    async with service() as hostile:
        for name in ("filter%5Ba+b%5D", "filter%5Ba%20b%5D", "f%69lter[a+b]"):
            assert (await hostile.get(f"/hostile/filtered?{name}=1")).status_code == 204
        assert (await hostile.get("/hostile/filtered?filter%5Bb%5D=1")).status_code == 400


async def test_what_was_sent_writes_no_header() -> None:
    """Ends of lines and brackets of a path parameter reach Location and Link encoded only."""
    async with service() as hostile:
        answer = await hostile.get("/hostile/names/a%0D%0Ab%3E;c%C3%A9%25")
    place = "/hostile/names/a%0D%0Ab%3E;c%C3%A9%"
    assert answer.headers["location"] == place
    assert answer.headers["link"] == f'<{place}>; rel="self"'


@pytest.mark.parametrize("host", [b"[", b"evil/deeper?x=", b"a b", b"\xff"])
async def test_links_of_a_page_come_from_the_path_alone(host: bytes) -> None:
    """Neither the Host header nor bytes of the query that are no text change or break them."""
    settings = ShelfSettings.model_validate(
        {"port": 1, "database_url": "postgresql://a:b@c/d", "cursor_key": "0123456789abcdef"}
    )
    application = create_app(service="sample", settings=ShelfSettings, routers=[router]).asgi(settings)
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        answered.append(message)

    scope: Scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "server": ("127.0.0.1", 80),
        "path": "/hostile/shelves/a b?é",
        "query_string": b"sort=\xff",
        "headers": [(b"host", host)],
    }
    await application(scope, receive, send)
    assert answered[0]["status"] == 200
    assert b'"/hostile/shelves/a%20b%3F%C3%A9?sort=' in answered[1]["body"]


async def test_path_writes_no_line_of_the_log() -> None:
    """In the text that people read, an end of line or a terminal's command in a path is shown escaped."""
    stream = io.StringIO()
    log = AccessLog(stream, "sample", "1", as_json=False)
    log.write("GET", "/a\n00:00:00 \x1b[31mGET", 404, 0.001, trace=Trace("0" * 32), request_id="r")
    log.flush()
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()

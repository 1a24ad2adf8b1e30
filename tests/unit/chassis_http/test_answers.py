"""From the handler to the commit: what a deadline, a failure and a dependency have to do with the effect."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, cast

import httpx2
import pytest
from fastapi import Depends
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Scope
from tests.unit.chassis_http.sample_service import Settings, client
from typing_extensions import override

from arnia.chassis.answers import answer
from arnia.chassis.application import create_app
from arnia.chassis.connections import Connection
from arnia.chassis.context import RequestContext, Runtime, current
from arnia.chassis.database import Database
from arnia.chassis.events import Event
from arnia.chassis.plans import RoutePlan, RouteTable
from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.security import SCOPE_KEY, anyone
from arnia.chassis.session import Session
from arnia.chassis.spine import Spine
from arnia.chassis.traces import Trace
from arnia.errors import DeadlineExceeded, NotAuthenticated, Unavailable


class Nowhere:
    """A pool that has nothing to lend."""

    async def acquire(self, deadline: float | None) -> Connection:
        """Refuse."""
        raise Unavailable(str(deadline))

    async def give_back(self, connection: Connection, *, unfinished: bool) -> None:
        """Take nothing."""

    def admit(self, event: Event) -> None:
        """Let it pass."""

    def emitted(self) -> None:
        """Take no notice."""


class SlowSession(Session):
    """A session whose commit outlasts the request's deadline."""

    kept = False
    undone = False

    def interrupt(self) -> None:
        """Stand where a change without a transaction is cancelled half-way."""
        self._running = True

    @override
    async def commit(self) -> None:
        await asyncio.sleep(0.2)
        self.kept = True

    @override
    async def rollback(self) -> None:
        self.undone = True


class SlowDatabase:
    """A database with one slow session."""

    def __init__(self) -> None:
        self.lent = SlowSession(Nowhere(), read_only=False, deadline=None)

    def session(self, **_: object) -> SlowSession:
        """Lend the session."""
        return self.lent


async def sent() -> Message:
    """Give an empty body."""
    return {"type": "http.request"}


async def answered(
    database: SlowDatabase,
    *,
    wait: float,
    interrupted: bool = False,
    status: int = 204,
    error: type[Exception] | None = None,
) -> Response:
    """Answer a POST whose handler opens a session and takes `wait` seconds, under a deadline of 50 ms."""
    runtime = Runtime(
        service="sample",
        version="1",
        settings=Settings.model_validate({"port": 1}),
        database=cast("Database", database),
    )
    context = RequestContext(runtime, Trace("0" * 31 + "1"), "r")
    context.deadline = time.monotonic() + 0.05

    async def handle(_: Request) -> Response:
        context.open_session()
        if interrupted:
            database.lent.interrupt()
        await asyncio.sleep(wait)
        if error is not None:
            raise error
        return Response(status_code=status)

    scope: Scope = {"type": "http", "method": "POST", "path": "/x", "query_string": b"", "headers": []}
    scope[SCOPE_KEY] = context
    scope["fastapi_inner_astack"] = AsyncExitStack()
    plan = RoutePlan(method="POST", template="/x", handler=handle)
    return await answer(scope, sent, plan, {}, context)


async def test_deadline_does_not_interrupt_a_commit() -> None:
    """Work that was done in time is committed however long the commit takes: a 504 would deny it."""
    database = SlowDatabase()
    assert (await answered(database, wait=0)).status_code == 204
    assert database.lent.kept


async def test_answer_that_is_no_success_keeps_nothing() -> None:
    """A handler that answers with an error, instead of raising it, is undone as well."""
    database = SlowDatabase()
    assert (await answered(database, wait=0, status=409)).status_code == 409
    assert (database.lent.kept, database.lent.undone) == (False, True)


async def test_deadline_before_the_commit_keeps_nothing() -> None:
    """Work that was not done in time is undone, and said to be."""
    database = SlowDatabase()
    with pytest.raises(DeadlineExceeded, match="nothing of it was kept"):
        await answered(database, wait=1)
    assert not database.lent.kept


async def test_deadline_within_a_change_without_a_commit_leaves_a_doubt() -> None:
    """A change that stands alone and was cancelled half-way may be there: nobody says that it is not."""
    with pytest.raises(Unavailable, match="not known"):
        await answered(SlowDatabase(), wait=1, interrupted=True)


async def test_dependency_hears_of_the_failure_of_its_request() -> None:
    """A dependency with `yield` sees the error that the handler raised, so that it can undo instead of complete."""
    heard: list[str] = []

    async def lend() -> AsyncIterator[str]:
        try:
            yield "lent"
        except RuntimeError:
            heard.append("undone")
            raise
        else:
            heard.append("completed")

    router = Router(prefix="/lent", dependencies=[anyone])

    @router.get("/{outcome}")
    async def use(outcome: str, _: Annotated[str, Depends(lend)]) -> Reply[None]:
        if outcome == "failure":
            raise RuntimeError
        return no_content()

    async with client(create_app(service="sample", settings=Settings, routers=[router])) as service:
        assert (await service.get("/lent/failure")).status_code == 500
        assert heard == ["undone"]
        assert (await service.get("/lent/success")).status_code == 204
        assert heard == ["undone", "completed"]


async def test_session_of_a_streamed_body_is_ended() -> None:
    """A session that is opened while the body is sent is undone after it: its connection does not stay away."""
    database = SlowDatabase()
    runtime = Runtime(
        service="sample",
        version="1",
        settings=Settings.model_validate({"port": 1}),
        database=cast("Database", database),
    )

    async def handle(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            current(request).open_session()
            yield b"x"

        return StreamingResponse(body())

    plan = RoutePlan(method="GET", template="/x", handler=handle)
    spine = Spine(Starlette(), RouteTable([plan]), runtime, None)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(spine), base_url="http://test") as service:
        assert (await service.get("/x")).content == b"x"
    assert database.lent.undone


class Counted(NotAuthenticated):
    """A failed login, which is counted."""

    slug = "sample-counted"
    keeps_effect = True


@pytest.mark.parametrize(("error", "kept"), [(Counted, True), (NotAuthenticated, False), (RuntimeError, False)])
async def test_error_keeps_its_effect_when_it_says_so(error: type[Exception], kept: bool) -> None:  # noqa: FBT001 - a table
    """An error that declares it is committed before it is told; any other undoes its request."""
    database = SlowDatabase()
    with pytest.raises(error):
        await answered(database, wait=0, error=error)
    assert (database.lent.kept, database.lent.undone) == (kept, not kept)

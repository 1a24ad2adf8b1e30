"""Answers that are streamed: what breaks them off is noticed, and nobody takes half of one for the whole."""

import io
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from fastapi import Depends
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Scope
from tests.unit.chassis_http.sample_service import Settings

from arnia.chassis.application import create_app
from arnia.chassis.logs import AccessLog
from arnia.chassis.replies import Reply, ok
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone


class Greeting(View):
    """What a handler answers."""

    text: str


router = Router(prefix="/streams", tags=["streams"], dependencies=[anyone])


@router.get("/{outcome}")
async def stream(outcome: str) -> Response:
    """Break off, or not."""

    async def body() -> AsyncIterator[bytes]:
        yield b"one"
        if outcome == "half-way":
            message = "canary-5ecret"
            raise RuntimeError(message)
        yield b"two"

    return FileResponse(Path("/no/such/file")) if outcome == "file" else StreamingResponse(body())


async def careless() -> AsyncIterator[None]:
    """Fail once the answer is sent."""
    yield
    message = "nobody tidies up"
    raise RuntimeError(message)


@router.get("/careless/{name}", dependencies=[Depends(careless)])
async def answer(name: str) -> Reply[Greeting]:
    """Answer as if all were well."""
    return ok(Greeting(text=name), etag=name)


@asynccontextmanager
async def served(log: io.StringIO) -> AsyncIterator[ASGIApp]:
    """Give the service with a log of its requests."""
    access = AccessLog(log, "sample", "0", as_json=True)
    application = create_app(service="sample", settings=Settings, routers=[router])
    yield application.asgi(Settings.model_validate({"port": 1}), access=access)
    access.flush()


async def get(app: ASGIApp, path: str) -> list[Message]:
    """Return the messages of one answer, up to where it broke off."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
    scope["asgi"] = {"spec_version": "2.4"}
    await app(scope, receive, send)
    return sent


async def test_broken_stream_is_logged_counted_and_cut(caplog: pytest.LogCaptureFixture) -> None:
    """A body that fails half-way is in the log and in the metrics, and reaches the server as a fault."""
    log = io.StringIO()
    with caplog.at_level(logging.ERROR, "arnia.request"):
        async with served(log) as app:
            with pytest.raises(RuntimeError):
                await get(app, "/streams/half-way")
            metrics = (await get(app, "/metrics"))[1]["body"].decode()
    assert "canary-5ecret" in caplog.text
    assert "http_server_faults_total 1.0" in metrics
    assert "http_server_active_requests 1.0" in metrics
    assert (
        'http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200"'
        in metrics
    )
    assert '"/streams/half-way"' in log.getvalue()


async def test_a_fault_after_the_answer_hides_no_request() -> None:
    """Where what a handler depends on fails after the answer, the request is in the log and in the metrics."""
    log = io.StringIO()
    async with served(log) as app:
        with pytest.raises(RuntimeError):
            await get(app, "/streams/careless/bee")
        metrics = (await get(app, "/metrics"))[1]["body"].decode()
    assert '"/streams/careless/bee"' in log.getvalue()
    assert 'http_route="/streams/careless/{name}"' in metrics


async def test_stream_that_never_began_is_a_problem() -> None:
    """A file that is not there, found before the first byte, is a problem document like any fault."""
    async with served(io.StringIO()) as app:
        start, body = await get(app, "/streams/file")
    assert start["status"] == 500
    assert dict(start["headers"])[b"content-type"] == b"application/problem+json"
    assert b"canary" not in body["body"]
    assert b"x-request-id" in dict(start["headers"])


async def test_whole_stream_arrives() -> None:
    """A body that does not fail is sent to its end."""
    async with (
        served(io.StringIO()) as app,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as service,
    ):
        assert (await service.get("/streams/whole")).content == b"onetwo"

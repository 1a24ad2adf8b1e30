"""What the loop asks and tells belongs to the trace of the order: whoever began it, and whenever it is gone on with."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import SecretStr
from services.scheduler.tests.fleet import Fleet
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from arnia.chassis.clients import Clients
from arnia.chassis.context import Runtime
from arnia.chassis.database import Database
from arnia.chassis.inbox import Inbox
from arnia.chassis.inbox_store import SqlInbox
from arnia.chassis.messages import Message
from arnia.chassis.receptions import EventReception
from arnia.chassis.statements import Statement
from arnia.chassis.traces import Trace, ratio_bound
from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.upstreams import Upstream
from arnia.chassis.uuids import uuid7
from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER
from arnia.testing.http import Lifespan
from arnia.testing.issuer import TestIssuer
from scheduler.api.driving import Driving
from scheduler.api.facts import facts
from scheduler.config import Settings
from scheduler.repositories.drones import DroneClient
from scheduler.services.driver import Patience

ORDER = "4bf92f3577b34da6a3ce929d0e0e4736"
TOLD = Statement(text("SELECT headers FROM arnia_outbox WHERE aggregate_id = :id"))
UNTOLD = Statement(text("UPDATE assignments SET traceparent = NULL, tracestate = NULL WHERE id = :id"))


class Spans:
    """Keeps the spans of calls, as an exporter in memory would."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str]] = []
        self.works: list[tuple[str, str, bool]] = []

    def requested(self, trace: Trace, *, method: str, path: str, status: int, seconds: float, request_id: str) -> None:
        """Serve nobody."""

    def served(self, trace: Trace, *, method: str, route: str, path: str, status: int, seconds: float) -> None:
        """Serve nobody."""

    def called(
        self, trace: Trace, span_id: str, *, server: str, operation: str, method: str, status: int, seconds: float
    ) -> None:
        """Keep in which trace whom it asked, and as which span."""
        self.calls.append((trace.trace_id, span_id, server))

    def heard(
        self, trace: Trace, messages: Sequence[Message], *, system: str, consumer: str, failed: bool, seconds: float
    ) -> None:
        """Be told by nobody: the inbox here has no recorder."""

    def worked(self, trace: Trace, *, name: str, failed: bool, seconds: float) -> None:
        """Keep in which trace, and as which span, somebody went on."""
        self.works.append((trace.trace_id, trace.span_id, failed))


@dataclass
class World:
    """A scheduler over PostgreSQL, and the fleet that it asks.

    Attributes:
        asked: The trace headers with which the fleet was asked.
    """

    database: Database
    runtime: Runtime
    spans: Spans
    asked: list[dict[str, str]]

    async def hear(self, **headers: str) -> UUID:
        """Hear that a delivery was ordered; return which."""
        delivery = uuid7()
        order = Message(
            id=uuid7(),
            type="delivery.created",
            version=1,
            aggregate_type="delivery",
            aggregate_id=delivery,
            sequence=1,
            source="delivery",
            time=datetime.now(UTC),
            payload=b'{"aggregate_id": "%s", "weight_grams": 1000}' % str(delivery).encode(),
            headers=headers,
        )
        inbox = Inbox(
            SqlInbox(self.database, "scheduler"),
            facts.handlers,
            lambda message, session: EventReception(self.runtime, message, session),
        )
        await inbox.take([order])
        return delivery

    async def told(self, delivery: UUID) -> dict[str, str]:
        """Go on with what is due until something is told of a delivery; return its headers."""
        driving = Driving(self.runtime, Patience())
        loop = asyncio.create_task(driving.run())
        try:
            async with asyncio.timeout(60):
                while True:
                    async with self.database.session(read_only=True) as session:
                        row = await session.fetch_one(TOLD, id=delivery)
                    if row is not None:
                        headers: dict[str, str] = row["headers"]
                        return headers
                    await asyncio.sleep(0.01)
        finally:
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
            await driving.end()


def noting(app: ASGIApp, asked: list[dict[str, str]]) -> ASGIApp:
    """Return the application, which notes in which trace it is asked."""

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            asked.append({name: headers[name] for name in (TRACE_HEADER, TRACE_STATE_HEADER) if name in headers})
        await app(scope, receive, send)

    return note


@pytest.fixture
async def world(database: Database, database_url: str, issuer: TestIssuer) -> AsyncIterator[World]:
    """Give a scheduler that samples every trace which begins here."""
    settings = Settings(
        port=0,
        issuer=issuer.url,
        token_url=issuer.token_url,
        client_secret=SecretStr("never looked at"),
        drone=Upstream(url="http://127.0.0.1:9", backoff_ms=1),
        database_url=SecretStr(database_url),
        cursor_key=SecretStr("known to all replicas"),
    )
    app, asked, spans = Fleet().asgi(), list[dict[str, str]](), Spans()
    transports = {"drone": HttpxTransport.to(noting(app, asked))}
    async with Lifespan(app):
        clients = Clients.open("scheduler", [DroneClient], settings, transports)
        runtime = Runtime("scheduler", "1", settings, database=database, callers=clients.callers, spans=spans)
        runtime.trace_bound = ratio_bound(1.0)
        yield World(database, runtime, spans, asked)
        await clients.close()


@pytest.mark.parametrize("state", ["", "vendor=7"], ids=["no state", "a state"])
async def test_an_order_is_gone_on_with_in_its_trace(world: World, state: str) -> None:
    """The reservation, the span of that call and what is told of it are in the trace of the order, with its state."""
    given = {TRACE_HEADER: f"00-{ORDER}-00f067aa0ba902b7-01"} | ({TRACE_STATE_HEADER: state} if state else {})
    told = await world.told(await world.hear(**given))
    [asked], [(traced, span, server)] = world.asked, world.spans.calls
    assert asked[TRACE_HEADER] == f"00-{ORDER}-{span}-01"
    assert (traced, server) == (ORDER, "drone")
    assert world.spans.works == [(ORDER, told[TRACE_HEADER].split("-")[2], False)], "the span of that piece of work"
    _, trace, parent, flags = told[TRACE_HEADER].split("-")
    assert (trace, parent[:12], flags) == (ORDER, span[:12], "01"), "both are of one piece of work"
    assert asked.get(TRACE_STATE_HEADER, "") == told.get(TRACE_STATE_HEADER, "") == state


async def test_what_is_not_sampled_stays_so(world: World) -> None:
    """An order whose caller records no spans has none here, and its trace is passed on all the same."""
    told = await world.told(await world.hear(**{TRACE_HEADER: f"00-{ORDER}-00f067aa0ba902b7-00"}))
    assert (world.spans.calls, world.spans.works) == ([], [])
    assert [one[TRACE_HEADER].split("-")[1::2] for one in (*world.asked, told)] == [[ORDER, "00"]] * 2


async def test_what_has_no_trace_is_gone_on_with_in_one_of_its_own(world: World) -> None:
    """A row from before traces were kept, whose order nobody can know, has one trace for what is asked and told."""
    delivery = await world.hear(**{TRACE_HEADER: f"00-{ORDER}-00f067aa0ba902b7-01"})
    async with world.database.session(read_only=False) as session:
        await session.execute(UNTOLD, id=delivery)
    told = await world.told(delivery)
    [asked] = world.asked
    assert asked[TRACE_HEADER].split("-")[1] == told[TRACE_HEADER].split("-")[1] != ORDER
    assert len(world.spans.calls) == 1

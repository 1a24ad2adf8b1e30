"""Processes of the service `scales`, and what its database says of it."""

import asyncio
import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text

from arnia.chassis.connections import Row
from arnia.chassis.crash_points import CRASH_VARIABLE
from arnia.chassis.database import Database
from arnia.chassis.statements import Statement
from arnia.local.servers.nats import Nats
from arnia.testing.parcels import ParcelWeighed
from arnia.testing.processes import ServiceProcess

MODULE: Final = "tests.events.scales_service"
PATIENCE: Final = 40.0

EMPTY: Final = Statement(
    text("TRUNCATE parcels, arnia_outbox, arnia_sequences, arnia_inbox, arnia_heard, arnia_undecodable, arnia_redrives")
)
CLOSE: Final = Statement(text("LOCK TABLE arnia_inbox IN EXCLUSIVE MODE"))
STALLED: Final = Statement(text("SELECT count(*) AS sessions FROM pg_locks WHERE NOT granted"))
EFFECTS: Final = Statement(text("SELECT label, grams FROM parcels ORDER BY id"))
TEAR: Final = Statement(text("UPDATE arnia_sequences SET last = last + 1 WHERE aggregate_id = :id"))
LEFT: Final = Statement(
    text(
        """
        SELECT (SELECT count(*) FROM arnia_outbox WHERE sent_at IS NULL) AS unsent,
            (SELECT count(*) FROM arnia_inbox WHERE state = 'waiting') AS waiting,
            (SELECT count(*) FROM arnia_inbox) AS heard,
            (SELECT count(*) FROM arnia_heard WHERE parked) AS parked
        """
    )
)


@dataclass(slots=True)
class Scales:
    """The service.

    Attributes:
        database: Its database.
        nats: Its broker.
        folder: Where its processes write.
        emitted: How often something was said of each parcel.
    """

    database: Database
    database_url: str
    nats: Nats
    folder: Path
    emitted: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    _processes: int = 0

    def process(self, *, crash_at: str = "", **settings: object) -> ServiceProcess:
        """Return a process of it that is not started yet."""
        self._processes += 1
        given = {
            "database_url": self.database_url,
            "broker_url": self.nats.url_of("scales"),
            "cursor_key": "k" * 16,
            "migrate_on_start": "false",
            "drain_seconds": 0,
            "event_batch": 4,
            "event_late_seconds": 30,
            **settings,
        }
        given = {name: value for name, value in given.items() if value is not None}
        log = self.folder / f"scales-{self._processes}.log"
        service = ServiceProcess("scales", MODULE, given, log)
        if crash_at:
            service.environment[CRASH_VARIABLE] = crash_at
        return service

    def ask(self, inquiry: Mapping[str, object], *, crash_at: str = "") -> tuple[int, list[dict[str, object]]]:
        """Ask the service's program about its events; return its exit code and what it found or did."""
        asked = self.process(crash_at=crash_at)
        program = (sys.executable, "-m", MODULE, "events", json.dumps(inquiry, default=str))
        ended = subprocess.run(program, env=asked.environment, capture_output=True, timeout=60, check=False)
        return ended.returncode, json.loads(ended.stdout)["events"] if ended.returncode == 0 else []

    async def emit(self, aggregates: Sequence[UUID], weights: Sequence[int]) -> None:
        """Say each weight of each parcel, in transactions of their own."""
        for grams in weights:
            for aggregate in aggregates:
                async with self.database.session(read_only=False) as session:
                    session.emit(ParcelWeighed(aggregate_id=aggregate, grams=grams))
                self.emitted[aggregate] += 1

    async def tear(self, aggregate: UUID) -> None:
        """Lose the next event of a parcel, as no sound producer does."""
        async with self.database.session(read_only=False) as session:
            await session.execute(TEAR, id=aggregate)

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Let nobody take anything over while the block lasts: it stays with the broker."""
        async with self.database.session(read_only=False) as session:
            await session.execute(CLOSE)
            yield

    async def stall(self) -> None:
        """Return once somebody would take something over."""
        async with asyncio.timeout(PATIENCE), self.database.session(read_only=True) as session:
            while (row := await session.fetch_one(STALLED)) is None or row["sessions"] == 0:  # noqa: ASYNC110 - a server
                await asyncio.sleep(0.05)

    async def effects(self) -> dict[UUID, list[int]]:
        """Return what became of each parcel, in order."""
        found: defaultdict[UUID, list[int]] = defaultdict(list)
        async with self.database.session(read_only=True) as session:
            for row in await session.fetch_all(EFFECTS):
                found[UUID(row["label"])].append(row["grams"])
        return dict(found)

    async def left(self) -> Row:
        """Return how much is anywhere on its way."""
        async with self.database.session(read_only=True) as session:
            row = await session.fetch_one(LEFT)
        assert row is not None
        return row

    async def settle(self) -> Row:
        """Return what is left once everything that was said is heard, and nothing waits."""
        until = time.monotonic() + PATIENCE
        while True:
            row = await self.left()
            if row["unsent"] == 0 and row["waiting"] == 0 and row["heard"] == sum(self.emitted.values()):
                return row
            assert time.monotonic() < until, f"stuck: {dict(row)} of {sum(self.emitted.values())}"
            await asyncio.sleep(0.05)

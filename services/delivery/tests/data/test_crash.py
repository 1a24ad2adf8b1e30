"""A process that dies between the commit and the answer, and the client that asks again."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import httpx

DYING = """
import os, signal
from arnia.chassis import spine
from arnia.chassis.process import run
from delivery.main import create

send = spine._send

async def die(response, scope, receive, send_on):
    if scope["method"] == "POST" and os.environ.get("CRASH"):
        os.kill(os.getpid(), signal.SIGKILL)
    await send(response, scope, receive, send_on)

spine._send = die
run(create)
"""
ORDER = {
    "pickup": {"position": {"latitude": 45.4642, "longitude": 9.19}},
    "dropoff": {"position": {"latitude": 45.0703, "longitude": 7.6869}},
    "items": [{"name": "chestnut honey", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
    "schedule": {"pickup_time": "2027-05-01T08:00:00Z", "deadline": "2027-05-01T12:00:00Z"},
}


def start(folder: Path, url: str, port: int, **more: str) -> subprocess.Popen[bytes]:
    """Start the delivery service, which dies before it answers a POST when `CRASH` is set."""
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


async def test_death_between_commit_and_answer_leaves_one_effect_and_its_first_answer(
    tmp_path: Path, database_url: str
) -> None:
    """Killed with -9 after the commit: the retry with the same key gets the first answer, and there is one delivery."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = {"Idempotency-Key": "once"}
    process = start(tmp_path, database_url, port, CRASH="yes")
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            await until_ready(client)
            try:
                await client.post("/api/v2/deliveries", json=ORDER, headers=key)
            except httpx.TransportError:
                pass
            else:
                message = "the process should have died before it answered"
                raise AssertionError(message)
            assert await asyncio.to_thread(process.wait, 30) == -9
            process = start(tmp_path, database_url, port)
            await until_ready(client)
            first = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
            again = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
    finally:
        process.kill()
        process.wait()
    assert (first.status_code, first.headers.get("idempotency-replayed")) == (201, "true"), first.text
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM deliveries") == 1
        assert await connection.fetchval("SELECT count(*) FROM arnia_outbox WHERE type = 'delivery.created'") == 1
    finally:
        await connection.close()

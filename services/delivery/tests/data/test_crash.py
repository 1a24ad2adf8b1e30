"""A process that dies at a durable step, and the client that asks again.

Where it shall die is in a file: what is started again after one death is what dies at the next.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import asyncpg
import httpx
import pytest

from arnia.conventions import LOOPBACK
from arnia.local.ports import free_port
from arnia.testing.issuer import TestIssuer

DYING = """
import os, signal
from pathlib import Path
from arnia.chassis import idempotency, spine
from arnia.chassis.process import run
from arnia.chassis.session import Session
from delivery.main import create

recorded = set()

def dies_before(owner, name, point):
    original = getattr(owner, name)

    async def die(*given, **named):
        wanted = Path("crash").read_text()
        if point == "record":
            recorded.add(wanted)
        if wanted == point and wanted in recorded:
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
LATER = {"pickup_time": "2027-05-02T08:00:00Z", "deadline": "2027-05-02T12:00:00Z"}
READY_SECONDS: Final = 180


class Phoenix:
    """The delivery service as a process that dies at the step that is written down, and is started again."""

    def __init__(self, folder: Path, url: str, issuer: str) -> None:
        self._folder = folder
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        self._environment = {
            "PATH": os.environ["PATH"],
            "DELIVERY_PORT": str(self._port),
            "DELIVERY_DATABASE_URL": url,
            "DELIVERY_CURSOR_KEY": "k" * 32,
            "DELIVERY_ISSUER": issuer,
            "DELIVERY_ROLE": "api",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def rise(self) -> None:
        """Start it, unless it lives."""
        if self._process is None or self._process.poll() is not None:
            self.dies_at("")
            command = [sys.executable, "-c", DYING]
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    command, env=self._environment, stdout=log, stderr=log, cwd=self._folder
                )

    def dies_at(self, point: str) -> None:
        """Let it die at `point`, or nowhere."""
        (self._folder / "crash").write_text(point)

    def end(self) -> int:
        """Return how it has ended; end it when it has not."""
        assert self._process is not None
        try:
            return self._process.wait(READY_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def ready(self, client: httpx.AsyncClient) -> None:
        """Wait until it says that it is ready."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
        message = "the service did not become ready:\n" + (self._folder / "log").read_text()[-2000:]
        raise AssertionError(message)


@pytest.fixture(scope="module")
def phoenix(tmp_path_factory: pytest.TempPathFactory, database_url: str, issuer: TestIssuer) -> Iterator[Phoenix]:
    """Return the service that dies; what lives after one test is what dies in the next."""
    phoenix = Phoenix(tmp_path_factory.mktemp("phoenix"), database_url, issuer.url)
    yield phoenix
    phoenix.kill()


@pytest.mark.parametrize(("point", "kept"), [("record", False), ("commit", False), ("answer", True)])
async def test_death_at_any_step_leaves_one_effect_and_its_first_answer(
    phoenix: Phoenix, database_url: str, bearer: dict[str, str], point: str, *, kept: bool
) -> None:
    """Killed with -9 before a step: the retry with the same key leaves one delivery, and gets the one first answer."""
    key = {"Idempotency-Key": f"once-{point}"}
    before = await counted(database_url)
    async with httpx.AsyncClient(base_url=phoenix.url, timeout=30, headers=bearer) as client:
        phoenix.rise()
        await phoenix.ready(client)
        phoenix.dies_at(point)
        with pytest.raises(httpx.TransportError):
            await client.post("/api/v2/deliveries", json=ORDER, headers=key)
        assert await asyncio.to_thread(phoenix.end) == -9
        phoenix.rise()
        await phoenix.ready(client)
        first = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
        again = await client.post("/api/v2/deliveries", json=ORDER, headers=key)
    assert first.status_code == 201, first.text
    assert ("idempotency-replayed" in first.headers) is kept
    assert again.headers["idempotency-replayed"] == "true"
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    assert await counted(database_url) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize(("method", "part", "body"), [("PUT", "/schedule", LATER), ("DELETE", "", None)])
async def test_a_change_whose_answer_was_lost_is_told_again(
    phoenix: Phoenix, database_url: str, bearer: dict[str, str], method: str, part: str, body: dict[str, str] | None
) -> None:
    """Killed with -9 after its commit, a change with If-Match and a key gets its first answer, and no 412 or 404."""
    async with httpx.AsyncClient(base_url=phoenix.url, timeout=30, headers=bearer) as client:
        phoenix.rise()
        await phoenix.ready(client)
        made = await client.post("/api/v2/deliveries", json=ORDER)
        path = made.headers["location"] + part
        sent = {"Idempotency-Key": f"change-{method}", "If-Match": made.headers["etag"]}
        before = await emitted(database_url)
        phoenix.dies_at("answer")
        with pytest.raises(httpx.TransportError):
            await client.request(method, path, json=body, headers=sent)
        assert await asyncio.to_thread(phoenix.end) == -9
        phoenix.rise()
        await phoenix.ready(client)
        first = await client.request(method, path, json=body, headers=sent)
        unkeyed = await client.request(method, path, json=body, headers={"If-Match": made.headers["etag"]})
        present = await client.get(made.headers["location"])
    assert (first.status_code, first.headers["idempotency-replayed"]) == (204, "true")
    assert unkeyed.status_code == (412 if method == "PUT" else 404)
    assert first.headers.get("etag") == present.headers.get("etag")
    assert await emitted(database_url) == before + 1


async def emitted(url: str) -> int:
    """Return how many events there are."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM arnia_outbox")
    finally:
        await connection.close()
    return count


async def counted(url: str) -> tuple[int, int]:
    """Return how many deliveries there are, and how many events say that one was created."""
    connection = await asyncpg.connect(url)
    try:
        created = "SELECT count(*) FROM arnia_outbox WHERE type = 'delivery.created'"
        return await connection.fetchval("SELECT count(*) FROM deliveries"), await connection.fetchval(created)
    finally:
        await connection.close()

"""One key, fifty clients, two processes of a service: through HTTP, as it happens in earnest."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

import asyncpg
import pytest
from honest.main import create

from arnia.chassis.migrations import upgrade
from arnia.conventions import IDEMPOTENCY_REPLAYED_HEADER, LOOPBACK, PROBLEM_MEDIA_TYPE
from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess

CLIENTS: Final = 50
RACES: Final = 3
BODY: Final = json.dumps({"title": "once", "weight": 1}).encode()
MADE: Final = "SELECT count(*) FROM notes"


@dataclass
class Race:
    """Clients that all send at the same moment, each over a connection of its own."""

    ports: tuple[int, ...]
    token: str
    key: str = field(default_factory=lambda: str(uuid4()))
    answers: list[tuple[http.client.HTTPResponse, bytes]] = field(default_factory=list)

    def run(self) -> None:
        """Let all of them send, and wait for their answers."""
        start = threading.Barrier(CLIENTS)
        clients = [threading.Thread(target=self._send, args=(number, start)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)

    def _send(self, number: int, start: threading.Barrier) -> None:
        connection = http.client.HTTPConnection(LOOPBACK, self.ports[number % len(self.ports)], timeout=30)
        connection.connect()
        start.wait(30)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": self.key,
            "Authorization": f"Bearer {self.token}",
        }
        connection.request("POST", "/api/v2/notes", BODY, headers)
        answer = connection.getresponse()
        self.answers.append((answer, answer.read()))
        connection.close()


@pytest.fixture
async def ports(database_url: str, tmp_path: Path, issuer: TestIssuer) -> AsyncIterator[tuple[int, ...]]:
    """Give the ports of two processes that share one database."""
    service = create()
    assert service.models is not None
    await upgrade(service.models, database_url, service.migrations)
    settings = {
        "environment": "test",
        "issuer": issuer.url,
        "database_url": database_url,
        "cursor_key": "the key of a test, long enough",
    }
    with ExitStack() as running:
        processes = [ServiceProcess("honest", "honest.main", settings, tmp_path / f"log{one}") for one in range(2)]
        yield tuple(running.enter_context(process).port for process in processes)


async def test_fifty_requests_with_one_key_at_two_processes(
    ports: tuple[int, ...], database_url: str, issuer: TestIssuer
) -> None:
    """Of fifty POSTs with one key one has an effect; the others get its very answer, or a 409 and when to retry."""
    connection = await asyncpg.connect(database_url)
    seen: Counter[int] = Counter()
    token = issuer.token(audience="honest", scopes=["notes:write"])
    for race in (Race(ports, token) for _ in range(RACES)):
        before = await connection.fetchval(MADE)
        race.run()
        assert await connection.fetchval(MADE) - before == 1
        assert len(race.answers) == CLIENTS
        seen.update(answer.status for answer, _ in race.answers)
        made = [(answer, body) for answer, body in race.answers if answer.status == 201]
        assert len({(answer.headers["location"], answer.headers["etag"], body) for answer, body in made}) == 1
        assert sum(answer.headers[IDEMPOTENCY_REPLAYED_HEADER] is None for answer, _ in made) == 1
        for answer, body in race.answers:
            if answer.status != 201:
                assert (answer.status, answer.headers["content-type"]) == (409, PROBLEM_MEDIA_TYPE), body
                assert answer.headers["retry-after"] == "1"
    await connection.close()
    assert seen.keys() <= {201, 409}

"""Positions over each kind of broker: the setting `broker_url` is all that differs."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest
from services.telemetry.tests.conftest import Opening
from services.telemetry.tests.positions import arrive, flight, sent, stored

from arnia.errors import OutsideError
from arnia.local.brokers import KINDS, LocalBroker
from arnia.local.ports import free_port
from arnia.local.servers.kafka import Kafka
from arnia.local.servers.nats import Nats
from arnia.local.servers.rabbitmq import Rabbit
from arnia.local.servers.server import start
from arnia.local.voices import Voice

PATH = "/api/v1/telemetry"
ARRAY = {"Content-Type": "application/json"}
LINES = {"Content-Type": "application/x-ndjson"}
AWAY_SECONDS = 1.0
"""For how long Kafka's client looks for a server that is gone, before it gives a message up; others know at once."""
START_SECONDS = 120.0
FROZEN_SECONDS = 0.7
"""For how long a broker says nothing: far longer than it takes to confirm, and too short to be held for dead."""
SERVERS = {"nats": Nats, "rabbitmq": Rabbit, "kafka": Kafka}


@pytest.fixture(scope="module", params=KINDS)
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Give a real broker of each kind; one that is not on this machine is skipped, but never where `CI` is true."""
    folder = tmp_path_factory.mktemp(request.param)
    users = {"telemetry": Voice(emits=("telemetry",), hears=("telemetry",))}
    server = SERVERS[request.param](folder, free_port(), log=folder / "log", users=users)
    try:
        server.prepare()
    except OutsideError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    start(server, START_SECONDS)
    yield server
    server.stop()


async def test_nothing_is_taken_before_the_confirm(opening: Opening, broker: LocalBroker) -> None:
    """While the broker confirms nothing there is no 202; there is one as soon as it confirms."""
    assert broker.process is not None
    body = sent(flight(uuid4(), 3))
    async with opening(role="api") as client:
        assert (await client.post(PATH, json=body)).status_code == 202
        os.killpg(broker.process.pid, signal.SIGSTOP)
        asking = asyncio.create_task(client.post(PATH, json=body))
        try:
            answered, _ = await asyncio.wait((asking,), timeout=FROZEN_SECONDS)
        finally:
            os.killpg(broker.process.pid, signal.SIGCONT)
        assert not answered
        assert (await asking).status_code == 202


async def test_what_is_accepted_is_stored(opening: Opening, database_url: str) -> None:
    """Thousands of positions that are accepted while nobody hears, in an array and in lines, are each stored."""
    array, lines, accepted = uuid4(), uuid4(), 0
    rows = "".join(json.dumps(row) + "\n" for row in sent(flight(lines, 3000)))
    async with opening(role="api") as client:
        for content, headers in ((json.dumps(sent(flight(array, 2000))), ARRAY), (rows, LINES)):
            answer = await client.post(PATH, content=content, headers=headers)
            assert answer.status_code == 202, answer.text
            accepted += answer.json()["accepted"]
        assert await stored(database_url, array, lines) == 0
    async with opening(role="consumer"):
        assert await arrive(database_url, accepted, array, lines) == accepted == 5000


async def test_without_it_nothing_is_taken(
    opening: Opening, broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the broker is dead each request is a 503. The last of its tests: most take ten seconds to start again."""
    assert broker.process is not None
    monkeypatch.setattr("arnia.chassis.brokers.kafka.CONFIRM_SECONDS", AWAY_SECONDS)
    body = sent(flight(uuid4(), 3))
    async with opening(role="api") as client:
        assert (await client.post(PATH, json=body)).status_code == 202
        broker.process.kill()
        for _ in range(2):
            answer = await client.post(PATH, json=body)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]

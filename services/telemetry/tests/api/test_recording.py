"""`POST /api/v1/telemetry` over a real broker: what is accepted is stored, and what is not is said."""

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from uuid import uuid4

import httpx
import pytest
from services.telemetry.tests.conftest import Opening
from services.telemetry.tests.positions import arrive, flight, sent, stored

from arnia.local.servers.nats import Nats
from arnia.local.servers.server import start
from telemetry.repositories.sql import SqlPositions

PATH = "/api/v1/telemetry"
LINES = {"Content-Type": "application/x-ndjson"}
LONG = os.environ.get("ARNIA_FAULTS") == "long"
BURST = 100 if LONG else 5
"""Requests of a thousand positions each; `make faults` sends more."""
PART, POSITIONS, TURNS = (20, 1000, 5) if LONG else (5, 250, 5)
"""Requests of a part of a burst, positions of each, and how often a slowed part and one that is not take turns."""
SLOW_SECONDS = 5.0
"""How long a slowed consumer takes for each message."""
FLAT = 5.0
"""How much slower the slowest request may be where the consumer is slowed; one that waits for it is far slower."""


def as_lines(rows: Sequence[object]) -> str:
    """Return a line of JSON for each."""
    return "".join(json.dumps(row) + "\n" for row in rows)


async def test_an_array_is_taken_and_stored(opening: Opening, database_url: str) -> None:
    """Positions in an array are taken with 202, and each is stored once, whatever is sent again."""
    drone, other = uuid4(), uuid4()
    async with opening() as client:
        body = sent(flight(drone, 1200))
        for _ in range(2):
            answer = await client.post(PATH, json=body)
            assert answer.status_code == 202, answer.text
            assert answer.json() == {"accepted": 1200, "messages": 3}
        assert (await client.post(PATH, json=sent(flight(other, 1)))).status_code == 202
        assert await arrive(database_url, 1201, drone, other) == 1201


async def test_lines_are_taken_and_stored(opening: Opening, database_url: str) -> None:
    """Positions in a stream of lines are taken with 202, and each is stored."""
    drone = uuid4()
    async with opening() as client:
        answer = await client.post(PATH, content=as_lines(sent(flight(drone, 1234))), headers=LINES)
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"accepted": 1234, "messages": 3}
        assert await arrive(database_url, 1234, drone) == 1234


async def test_a_bad_array_changes_nothing(opening: Opening, database_url: str) -> None:
    """One bad position refuses the whole array with a pointer to it, and nothing of it is ever stored."""
    drone, other = uuid4(), uuid4()
    async with opening() as client:
        body = sent(flight(drone, 600))
        body[550]["latitude"] = 91.0
        answer = await client.post(PATH, json=body)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == ["#/550/latitude"]
        assert (await client.post(PATH, json=sent(flight(other, 3)))).status_code == 202
        assert await arrive(database_url, 3, drone, other) == 3


async def test_a_bad_line_is_said(opening: Opening, database_url: str) -> None:
    """A bad line refuses its chunk and all after it; what came before is stored, and a repetition stores the rest."""
    drone = uuid4()
    async with opening() as client:
        body = sent(flight(drone, 1200))
        broken = [*body[:700], {**body[700], "at": "2999-01-01T00:00:00Z"}, *body[701:]]
        answer = await client.post(PATH, content=as_lines(broken), headers=LINES)
        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["errors"]] == ["#/700/at"]
        assert await arrive(database_url, 500, drone) == 500
        assert (await client.post(PATH, content=as_lines(body), headers=LINES)).status_code == 202
        assert await arrive(database_url, 1200, drone) == 1200


async def test_a_key_makes_a_repetition_harmless(opening: Opening, database_url: str) -> None:
    """With a key a repetition gets the first answer, for arrays and for lines; other content with the key is a 422."""
    async with opening() as client:
        for number, headers in enumerate(({"Content-Type": "application/json"}, LINES)):
            body = sent(flight(uuid4(), 20))
            write = json.dumps if number == 0 else as_lines
            named = {**headers, "Idempotency-Key": str(uuid4())}
            first, again = [await client.post(PATH, content=write(body), headers=named) for _ in range(2)]
            assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
            assert again.headers["idempotency-replayed"] == "true"
            assert (await client.post(PATH, content=write(body[1:]), headers=named)).status_code == 422


async def test_without_a_broker_nothing_is_taken(opening: Opening, nats: Nats) -> None:
    """While the broker is away each request is a 503 that says so; once it is back they are taken again."""
    async with opening() as client:
        body = sent(flight(uuid4(), 3))
        nats.stop()
        try:
            answer = await client.post(PATH, json=body, timeout=30)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
        finally:
            start(nats, 30.0)
        for _ in range(100):
            answer = await client.post(PATH, json=body, timeout=30)
            if answer.status_code == 202:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 202


async def test_a_service_that_knows_no_broker_takes_nothing(opening: Opening) -> None:
    """A process that answers only, and is told of no broker, says so with a 503."""
    async with opening(broker_url=None, role="api") as client:
        assert (await client.post(PATH, json=sent(flight(uuid4(), 3)))).status_code == 503


async def test_a_burst_needs_nobody_who_hears(opening: Opening, database_url: str) -> None:
    """A burst is accepted while nobody hears it; whoever begins to hear later, slowly, stores all that was accepted."""
    drones, taken = [uuid4() for _ in range(BURST)], 0
    async with opening(role="api") as client:
        for drone in drones:
            answer = await client.post(PATH, json=sent(flight(drone, 1000)), timeout=60)
            assert answer.status_code == 202
            taken += answer.json()["accepted"]
        assert await stored(database_url, *drones) == 0
    async with opening(role="consumer", event_batch=1):
        assert await arrive(database_url, taken, *drones, seconds=30.0 * BURST) == taken == 1000 * BURST


@dataclass
class Storing:
    """What happens to positions that are heard: they are stored as fast as that goes, or much slower."""

    url: str
    at_once: asyncio.Event = field(default_factory=asyncio.Event)

    async def burst(self, client: httpx.AsyncClient, *, slow: bool) -> float:
        """Send a part of the burst, and return how long its slowest request took; leave when all of it is stored."""
        (self.at_once.clear if slow else self.at_once.set)()
        drones, times, taken = [uuid4() for _ in range(PART)], list[float](), 0
        for drone in drones:
            body = sent(flight(drone, POSITIONS))
            begun = time.monotonic()
            answer = await client.post(PATH, json=body, timeout=60)
            times.append(time.monotonic() - begun)
            assert answer.status_code == 202
            taken += answer.json()["accepted"]
        if slow:
            assert await stored(self.url, *drones) < taken, "the consumer was to be behind"
        self.at_once.set()
        assert await arrive(self.url, taken, *drones, seconds=60.0) == taken == PART * POSITIONS
        return max(times)


async def test_a_slow_consumer_slows_nobody(
    opening: Opening, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where storing takes seconds the slowest of a burst is answered as soon as where it takes none; all is stored.

    Both take turns in one process, which hears what it takes, and the median turn counts: a busy machine is so in both.
    """
    storing, at_its_own_pace = Storing(database_url), SqlPositions.store

    async def store(positions: SqlPositions, columns: Mapping[str, Sequence[object]]) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(storing.at_once.wait(), SLOW_SECONDS)
        await at_its_own_pace(positions, columns)

    monkeypatch.setattr(SqlPositions, "store", store)
    async with opening(event_batch=1) as client:
        await storing.burst(client, slow=False)  # what is done once, such as the first connection, counts for neither
        turns = [await storing.burst(client, slow=True) / await storing.burst(client, slow=False) for _ in range(TURNS)]
    assert median(turns) < FLAT, turns

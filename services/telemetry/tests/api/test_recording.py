"""`POST /api/v1/telemetry` over a real broker: what is accepted is stored, and what is not is said."""

import json
from uuid import uuid4

from services.telemetry.tests.conftest import Opening
from services.telemetry.tests.positions import arrive, flight, sent, stored

PATH = "/api/v1/telemetry"


async def test_an_array_is_taken_and_stored(opening: Opening, database_url: str) -> None:
    """Positions in an array are taken with 202, and each is stored once, whatever is sent again."""
    async with opening() as client:
        before = await stored(database_url)
        body = sent(flight(uuid4(), 1200))
        for _ in range(2):
            answer = await client.post(PATH, json=body)
            assert answer.status_code == 202, answer.text
            assert answer.json() == {"accepted": 1200, "messages": 3}
        assert await arrive(database_url, before + 1200) == before + 1200


async def test_lines_are_taken_and_stored(opening: Opening, database_url: str) -> None:
    """Positions in a stream of lines are taken with 202, and each is stored."""
    async with opening() as client:
        before = await stored(database_url)
        lines = "".join(json.dumps(each) + "\n" for each in sent(flight(uuid4(), 1234)))
        answer = await client.post(PATH, content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 202, answer.text
        assert answer.json() == {"accepted": 1234, "messages": 3}
        assert await arrive(database_url, before + 1234) == before + 1234

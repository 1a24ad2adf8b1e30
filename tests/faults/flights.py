"""A client that tells where drones are, in batches: each position can be told from every other, and is sent again."""

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from tests.faults.asking import Asker
from tests.faults.ledger import Batch, Ledger, Outcome

__all__ = ["Flights"]

TELEMETRY: Final = "/api/v1/telemetry"
FLEET: Final = tuple(UUID(int=number) for number in range(101, 108))
"""Batches that come at the same time are about the same drones."""
FEW: Final = 20
MANY: Final = 1_100
"""More than two messages hold: a part of such a batch may arrive before the rest is refused."""
SELDOM: Final = 0.02
"""How many of the batches have many positions."""
PARTS: Final = 1_000_000


class Flights:
    """Sends positions.

    The longitude of a position is the number of its batch, in millionths of a degree; its altitude the place in that.
    """

    def __init__(self, asker: Asker, ledger: Ledger) -> None:
        self._asker = asker
        self._ledger = ledger
        self._numbers = count(1)
        self._begin = datetime.now(UTC) - timedelta(hours=1)

    def send(self, draw: random.Random) -> None:
        """Send one batch until there is an answer, and write down what came of it."""
        number, positions = next(self._numbers), MANY if draw.random() < SELDOM else FEW
        self._ledger.send(number, positions)
        rows = [json.dumps(self._position(number, place)) for place in range(positions)]
        lines = draw.random() < 0.5
        body = "\n".join(rows) if lines else f"[{','.join(rows)}]"
        headers = {"Content_Type": "application/x-ndjson" if lines else "application/json"}
        if draw.random() < 0.5:  # without a key each attempt is told in messages of its own
            headers["Idempotency_Key"] = str(uuid.UUID(int=draw.getrandbits(128)))
        touched, answer = self._asker.ask("POST", TELEMETRY, body.encode(), headers, draw)
        outcome = Outcome.UNKNOWN if touched else Outcome.FAIL
        if answer is not None and answer.status == 202:
            outcome = Outcome.OK if answer.json()["accepted"] == positions else Outcome.UNKNOWN
        if answer is not None and outcome is not Outcome.OK:  # nothing is wrong with any of them
            self._asker.faults.append(answer)
        self._ledger.sent(Batch(number, positions, outcome))

    def _position(self, number: int, place: int) -> dict[str, object]:
        return {
            "drone_id": str(FLEET[place % len(FLEET)]),
            "at": (self._begin + timedelta(microseconds=number * MANY + place)).isoformat(),
            "latitude": 45.0,
            "longitude": number / PARTS,
            "altitude_m": float(place),
        }

"""A real broker for the conformance suite: with users of its own, killed and started again on the same data."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import pytest

from arnia.chassis.brokers.broker import Broker, Intake, Received, Subscription
from arnia.chassis.brokers.opening import open_broker
from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7
from arnia.errors import OutsideError
from arnia.local.servers.server import Server, start
from arnia.local.voices import Voice

CHANNELS: Final = (
    "order", "leftovers", "killed", "restart", "flight", "returned", "size", "foreign", "garbage", "shared",
    "each",
)  # fmt: skip
"""A channel for each test: none sees what another left."""
SECRET: Final = "secret"
"""The channel that only `stranger` may use."""
UNMADE: Final = "unmade"
"""The channel that `reader` may read, and that nobody has made."""
USERS: Final[Mapping[str, Voice]] = {
    "writer": Voice(emits=CHANNELS),
    "reader": Voice(hears=(*CHANNELS, UNMADE)),
    "second": Voice(hears=CHANNELS),
    "stranger": Voice(emits=(SECRET,), hears=(SECRET,)),
}
_HOLDER: Final = Path(__file__).with_name("holder.py")


class BrokerServer(Server, Protocol):
    """A server with users."""

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users."""
        ...


@dataclass(slots=True)
class Premises:
    """A running broker.

    Attributes:
        server: What runs.
        haste: Seconds that the adapter's module shall use instead of its own, by the constant's name.
        start_seconds: How long a start may take.
    """

    server: BrokerServer
    haste: Mapping[str, float] = field(default_factory=dict)
    start_seconds: float = 120.0
    _parent: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def start(self) -> None:
        """Start it; on the same data when it ran before."""
        self._parent.submit(start, self.server, self.start_seconds).result()

    async def start_again(self) -> None:
        """Start it while others go on: from a thread that stays, since a server dies with the one that started it."""
        await asyncio.wrap_future(self._parent.submit(start, self.server, self.start_seconds))

    def stop(self) -> None:
        """End it in good order."""
        self.server.stop()
        self._parent.shutdown()

    def kill(self) -> None:
        """End it at once: nothing is written down, nobody is told."""
        if self.server.process is not None:
            self.server.process.kill()
            self.server.process = None

    @asynccontextmanager
    async def broker(self, user: str, *, emits: Sequence[str] = ()) -> AsyncIterator[Broker]:
        """Give a connection of `user`."""
        broker = await open_broker(self.server.url_of(user), user, emits)
        try:
            yield broker
        finally:
            await broker.close()

    @asynccontextmanager
    async def reading(self, user: str, channel: str, in_flight: int = 1024) -> AsyncIterator[Intake]:
        """Give an open subscription of `user`, on a connection of its own."""
        subscription = Subscription(consumer=user, channels=(channel,), in_flight=in_flight)
        async with self.broker(user) as broker, broker.subscribe(subscription) as intake:
            yield intake

    @asynccontextmanager
    async def killable_holder(self, module: str, user: str, channel: str, count: int) -> AsyncIterator[None]:
        """Be left with a process that holds `count` messages unacknowledged, and is killed when the block ends."""
        told = {
            "url": self.server.url_of(user), "user": user, "channel": channel, "count": count, "module": module,
            "haste": dict(self.haste),
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(_HOLDER), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            if process.stdin is None or process.stdout is None:
                message = "a process without pipes"
                raise TypeError(message)
            process.stdin.write(json.dumps(told).encode() + b"\n")
            await process.stdin.drain()
            said = await asyncio.wait_for(process.stdout.readline(), 60)
            if said.strip() != b"held":
                message = f"the holder said {said!r}"
                raise RuntimeError(message)
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()


def needs(server: BrokerServer) -> None:
    """Skip the tests of a broker that is not on this machine; nothing is skipped where `CI` is true.

    Raises:
        OutsideError: It is not there, and `CI` is true.
    """
    try:
        server.prepare()
    except OutsideError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def facts(channel: str, count: int, *, about: UUID | None = None, first: int = 1, size: int = 0) -> list[Message]:
    """Return `count` messages about one thing, in order."""
    aggregate = about or uuid7()
    return [
        Message(
            id=uuid7(),
            type=f"{channel}.told",
            version=1,
            aggregate_type=channel,
            aggregate_id=aggregate,
            sequence=first + number,
            source="writer",
            time=datetime.now(UTC),
            payload=json.dumps({"number": first + number, "filling": "x" * size}).encode(),
            headers={"traceparent": f"00-{aggregate.hex}-{number:016x}-01", "deadline": "1700000000.5"},
        )
        for number in range(count)
    ]


async def collect(intake: Intake, count: int, *, seconds: float = 60.0) -> list[Received]:
    """Fetch until there are `count` of them, or the time is over; acknowledge none."""
    found: list[Received] = []
    until = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < until:
        found += await intake.fetch(count - len(found), min(1.0, seconds))
    return found


def events(received: Sequence[Received]) -> list[Message]:
    """Return the messages of what was handed over."""
    return [each.message for each in received if each.message is not None]

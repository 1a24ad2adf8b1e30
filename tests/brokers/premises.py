"""A real broker for the conformance suite: with users of its own, killed and started again on the same data."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
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
from arnia.errors import OutsideError, Unavailable
from arnia.local.servers.server import Server, start
from arnia.local.voices import Voice
from arnia.testing.proxy import Proxy

CHANNELS: Final = (
    "order", "leftovers", "killed", "restart", "flight", "returned", "size", "foreign", "garbage", "shared",
    "each", "torn", "cut",
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
PATIENCE: Final = 60.0
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
        wired: Where a wire to it ends and where it begins; at its own port, and anywhere, when absent.
    """

    server: BrokerServer
    haste: Mapping[str, float] = field(default_factory=dict)
    start_seconds: float = 120.0
    wired: tuple[int, int] | None = None
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
    async def wire(self) -> AsyncIterator[Proxy]:
        """Give a proxy before the server, which can be cut."""
        end, begin = self.wired or (self.server.port, 0)
        proxy = Proxy(end)
        proxy.port = begin
        async with proxy:
            yield proxy

    @asynccontextmanager
    async def broker(
        self, user: str, *, emits: Sequence[str] = (), through: Proxy | None = None
    ) -> AsyncIterator[Broker]:
        """Give a connection of `user`."""
        url = self.server.url_of(user)
        if through is not None:
            url = url.replace(f":{self.server.port}", f":{through.port}")
        broker = await open_broker(url, user, emits)
        try:
            yield broker
        finally:
            await broker.close()

    @asynccontextmanager
    async def reading(
        self, user: str, channel: str, in_flight: int = 1024, *, through: Proxy | None = None
    ) -> AsyncIterator[Intake]:
        """Give an open subscription of `user`, on a connection of its own."""
        subscription = Subscription(consumer=user, channels=(channel,), in_flight=in_flight)
        async with self.broker(user, through=through) as broker, broker.subscribe(subscription) as intake:
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


async def insist(writer: Broker, messages: Sequence[Message]) -> None:
    """Publish as a relay does: again, until it is confirmed."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return await writer.publish(messages)
        except Unavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def fetch_all(intake: Intake, seconds: float) -> None:
    """Fetch and fetch, for some seconds after the broker has nothing more."""
    until = time.monotonic() + seconds + 10
    while time.monotonic() < until:
        await intake.fetch(100, seconds)


async def patiently(intake: Intake, count: int) -> list[Received]:
    """Collect this many, whatever becomes of the broker meanwhile."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(Unavailable):
            return await collect(intake, count)
    return []


async def drained(intake: Intake, wanted: set[UUID]) -> set[UUID]:
    """Fetch and acknowledge until all of `wanted` have come, as often as they like; return what came."""
    found: set[UUID] = set()
    until = time.monotonic() + PATIENCE
    while not wanted <= found and time.monotonic() < until:
        with suppress(Unavailable):
            got = await intake.fetch(100, 1.0)
            await intake.acknowledge(got)
            found |= {message.id for message in events(got)}
    return found

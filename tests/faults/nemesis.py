"""Does one fault after the other, drawn from a seed, and mends what does not mend itself."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg
import nats
from tests.faults.stand import WIRED, Stand

from arnia.chassis.brokers.nats import subject
from arnia.chassis.brokers.opening import open_broker
from arnia.chassis.messages import Message, attributes
from arnia.testing.proxy import Fault

__all__ = ["Nemesis", "publish_by_hand"]

REPEATED: Final = 20
SENT: Final = """
SELECT id, aggregate_type, aggregate_id, sequence, type, version, payload, created_at FROM arnia_outbox
WHERE sent_at IS NOT NULL ORDER BY random() LIMIT $1
"""
SEVER: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE '%\\_db' AND pid <> pg_backend_pid()
"""
TOGETHER: Final = tuple((server, service) for server in ("postgres", "broker") for service in WIRED)
"""What is killed at once: a service with something in hand that it could not write down."""
NOTICED: Final = 0.2
"""Seconds from the death of a server to that of the service that misses it."""
HARMS: Final = (
    Fault.RESET, Fault.TEAR, Fault.TEAR_ANSWER, Fault.TRUNCATE, Fault.REFUSE, Fault.HALF_OPEN, Fault.HANG,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Harm:
    name: str
    do: Callable[[], None]


class Nemesis:
    """Breaks a stand.

    Attributes:
        done: How many faults there were.
    """

    def __init__(self, stand: Stand, seed: int, pause: float) -> None:
        """Draw the order of the faults from `seed`; what is stopped or cut is so for `pause` seconds."""
        self.done = 0
        self._stand = stand
        self._draw = random.Random(seed)  # noqa: S311 - a seeded run, no secret
        self._pause = pause
        self._left: list[_Harm] = []

    @property
    def kinds(self) -> int:
        """How many kinds of faults there are; a run of so many has had each."""
        return len(self._all())

    def harm(self, only: Collection[str] = ()) -> str:
        """Do the next fault, and return what it was once everything runs again; each comes as often as any other.

        Args:
            only: Which there are; any when empty.
        """
        if not self._left:
            self._left = [harm for harm in self._all() if not only or harm.name in only]
            self._draw.shuffle(self._left)
        harm = self._left.pop()
        harm.do()
        self._stand.await_ready()
        self.done += 1
        return harm.name

    def _all(self) -> list[_Harm]:
        stand = self._stand
        groups = [*((name,) for name in stand.processes), *TOGETHER]
        killed = [_Harm(f"kill {' and '.join(group)}", partial(self._kill, *group)) for group in groups]
        frozen = [_Harm(f"stop {name}", partial(self._freeze, name)) for name in stand.processes]
        cut = [_Harm(f"{fault} {wire}", partial(self._cut, wire, fault)) for wire in stand.wires for fault in HARMS]
        return [*killed, *frozen, *cut, _Harm("sever sessions", self._sever), _Harm("repeat messages", self._repeat)]

    def _kill(self, *names: str) -> None:
        *servers, service = names
        for server in servers:  # a moment earlier, so that the service notices
            self._stand.signal(server, signal.SIGKILL)
            time.sleep(NOTICED)
        self._stand.kill(service)

    def _freeze(self, name: str) -> None:
        before = self._stand.restarts(name)
        self._stand.signal(name, signal.SIGSTOP)
        time.sleep(self._pause)
        self._stand.signal(name, signal.SIGCONT)
        # Nobody may take it for dead meanwhile: a second server on the same data is worse than one that is late.
        assert self._stand.restarts(name) == before, f"{name} did not outlive being stopped"

    def _cut(self, wire: str, fault: Fault) -> None:
        self._stand.wires[wire].harm(fault)
        time.sleep(self._pause)
        self._stand.wires[wire].heal()

    def _sever(self) -> None:
        asyncio.run(_execute(self._stand.databases["delivery"], SEVER))

    def _repeat(self) -> None:
        asyncio.run(_repeat(self._stand))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _repeat(stand: Stand) -> None:
    """Publish once more, under their ids, what the delivery service has published already."""
    connection = await asyncpg.connect(stand.databases["delivery"])
    try:
        rows = await connection.fetch(SENT, REPEATED)
    finally:
        await connection.close()
    messages = [
        Message(
            id=UUID(str(row["id"])),
            type=row["type"],
            version=row["version"],
            aggregate_type=row["aggregate_type"],
            aggregate_id=UUID(str(row["aggregate_id"])),
            sequence=row["sequence"],
            source="delivery",
            time=row["created_at"],
            payload=row["payload"].encode(),
        )
        for row in rows
    ]
    await publish_by_hand(stand, messages)


async def publish_by_hand(stand: Stand, messages: Sequence[Message]) -> None:
    """Publish with the delivery service's credentials; twice where a broker would know a message that it has."""
    if stand.broker != "nats":
        broker = await open_broker(stand.broker_url, "delivery", ["delivery"])
        try:
            await broker.publish(messages)
        finally:
            await broker.close()
        return
    client = await nats.connect(stand.broker_url, inbox_prefix=b"_INBOX.delivery")
    try:
        stream = client.jetstream()
        for message in messages:
            # Without `Nats-Msg-Id`: the broker must not see that it has it already.
            headers = {f"ce-{name}": value for name, value in attributes(message).items()}
            await stream.publish(subject(message), message.payload, headers=headers)
    finally:
        await client.close()

"""Kafka keeps what every broker promises, and what only it has to."""

import asyncio
import gc
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import ClassVar, Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psutil
import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from tests.brokers.conformance import Conformance
from tests.brokers.premises import USERS, Premises, collect, events, facts, needs
from tests.brokers.wired_kafka import lay_wire
from typing_extensions import override

from arnia.chassis.brokers.broker import Broker, Intake, Received, Subscription, Undeliverable
from arnia.chassis.brokers.kafka_client import KafkaClient
from arnia.chassis.brokers.kafka_intake import KafkaIntake, _Share
from arnia.chassis.messages import Message
from arnia.conventions import LOOPBACK
from arnia.errors import Unavailable
from arnia.local.ports import free_port
from arnia.local.servers.kafka import ADMINISTRATOR, Kafka
from arnia.local.servers.kafka_access import grant
from arnia.local.voices import Voice

OWN: Final = ("limits", "holes", "divided", "unanswered", "frozen", "stopped", "slow", "lost")
PATIENCE: Final = 60.0
TIMED_OUT: Final = -185
"""What the client says where it had no answer; it has no public name for it."""
ANSWER_SECONDS: Final = 1.5
"""How long a client waits for an answer where a test lets it wait in vain."""


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Give a running Kafka."""
    folder = tmp_path_factory.mktemp("kafka")
    users = {**USERS, "own": Voice(emits=OWN, hears=OWN)}
    server = Kafka(folder, free_port(), log=folder / "kafka.log", users=users)
    needs(server)
    inner, outer = free_port(), free_port()
    lay_wire(folder, inner, outer)
    haste = {"CONFIRM_SECONDS": 5.0, "SESSION_SECONDS": 3.0}
    premises = Premises(server, haste=haste, wired=(inner, outer))
    premises.start()
    yield premises
    premises.stop()


def _administrator(premises: Premises) -> AdminClient:
    return AdminClient(KafkaClient(premises.server.url_of(ADMINISTRATOR), ADMINISTRATOR).settings)


class HardOfHearing(KafkaIntake):
    """A member that commits nothing at its first attempt, and does not know it."""

    _heard = False

    @override
    def _commit(self, shares: Sequence[_Share]) -> KafkaError | None:
        if self._heard:
            return super()._commit(shares)
        self._heard = True
        return KafkaError(TIMED_OUT)


class Slow(KafkaIntake):
    """A member whose commits take longer than it likes to fetch."""

    @override
    def _commit(self, shares: Sequence[_Share]) -> KafkaError | None:
        time.sleep(ANSWER_SECONDS)
        return super()._commit(shares)


class Failing(KafkaIntake):
    """A member whose commits wait until they are let go, and fail then."""

    def __init__(self, client: KafkaClient) -> None:
        super().__init__(client, Subscription(consumer="own", channels=()), silence=PATIENCE)
        self.let_go = threading.Event()

    @override
    def _commit(self, shares: Sequence[_Share]) -> KafkaError | None:
        self.let_go.wait(PATIENCE)
        message = "the poll after it failed"
        raise Unavailable(message)


async def test_retrieves_what_becomes_of_an_abandoned_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that was given up and fails later is no error that nobody heard of; after the end all is unavailable."""
    _hurry(monkeypatch)
    unheard: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    intake = Failing(KafkaClient(f"kafka://{LOOPBACK}:{free_port()}", "own"))
    with pytest.raises(Unavailable):
        await intake.acknowledge([])
    acknowledging = asyncio.create_task(intake.acknowledge([]))
    with pytest.raises(Unavailable):
        await acknowledging
    intake.let_go.set()
    assert await intake._free(PATIENCE)
    await intake.end()
    with pytest.raises(Unavailable):
        await intake.acknowledge([])
    del intake, acknowledging
    gc.collect()
    await asyncio.sleep(0)
    assert not unheard


def test_ends_a_process_whose_client_waits() -> None:
    """A call that waits for a server that hangs holds up no process that ends."""
    lines = (
        "import time",
        "from arnia.chassis.brokers.kafka_thread import KafkaThread",
        f"KafkaThread('waiting').submit(lambda: time.sleep({2 * PATIENCE}))",
    )
    assert subprocess.run([sys.executable, "-c", "\n".join(lines)], timeout=PATIENCE, check=False).returncode == 0


class TestKafka(Conformance):
    """The suite, against the server of the jars."""

    adapter: ClassVar[str] = "arnia.chassis.brokers.kafka"
    counts_deliveries: ClassVar[bool] = False

    @override
    async def send(self, premises: Premises, channel: str, headers: Mapping[str, str], body: bytes) -> None:
        producer = Producer(dict(KafkaClient(premises.server.url_of("writer"), "writer").settings))
        given: list[tuple[str, str | bytes | None]] = [
            (name if name == "content-type" else f"ce_{name}", value) for name, value in headers.items()
        ]
        producer.produce(channel, body, headers=given, key="somebody")
        producer.flush(PATIENCE)

    async def test_names_what_the_server_finds_too_large(self, premises: Premises) -> None:
        """A topic may take less than others: of the batch that is refused, only what is too large is named."""
        topic = NewTopic("limits", num_partitions=1, config={"max.message.bytes": "20000"})
        administrator = _administrator(premises)
        administrator.create_topics([topic])["limits"].result()
        small, large = facts("limits", 4), facts("limits", 1, size=30_000)
        async with premises.broker("own", emits=OWN) as broker, premises.reading("own", "limits") as intake:
            with pytest.raises(Undeliverable) as caught:
                await broker.publish([*small[:2], *large, *small[2:]])
            assert [message.id for message in caught.value.messages] == [large[0].id]
            got = await collect(intake, 4)
            assert {message.id for message in events(got)} == {message.id for message in small}

    async def test_keeps_a_hole_among_what_is_acknowledged(self, premises: Premises) -> None:
        """What is not acknowledged comes again, though later ones of its partition are acknowledged."""
        told = facts("holes", 6)
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(told)
        async with premises.reading("own", "holes") as intake:
            got = await collect(intake, 6)
            await intake.acknowledge([*got[:2], *got[3:]])
        async with premises.reading("own", "holes") as intake:
            again = await collect(intake, 4)
            assert [message.id for message in events(again)] == [message.id for message in told[2:]]
            await intake.acknowledge(again[1:])
            await intake.acknowledge(again[:1])
        async with premises.reading("own", "holes") as intake:
            assert await intake.fetch(10, 1.0) == ()

    async def test_acknowledges_nothing_of_a_partition_that_it_lost(self, premises: Premises) -> None:
        """What a second process took over stays that one's, whatever the first acknowledges late."""
        told = [message for _ in range(40) for message in facts("divided", 2)]
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(told)
        async with premises.reading("own", "divided") as first:
            held = await collect(first, len(told))
            async with premises.reading("own", "divided") as second:
                taken: set[UUID] = set()
                until = time.monotonic() + PATIENCE
                while not taken and time.monotonic() < until:
                    await first.fetch(1, 0.1)
                    taken |= {message.id for message in events(await second.fetch(len(told), 0.2))}
                assert taken
                await first.acknowledge(held)
            again = await _all_of(first, taken)
            assert taken <= {message.id for message in events(again)}
            await first.acknowledge(again)

    async def test_repeats_a_commit_whose_answer_was_lost(self, premises: Premises) -> None:
        """What was acknowledged while an answer was lost is not handed over again, and nobody is told of it."""
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(facts("unanswered", 5))
        client = KafkaClient(premises.server.url_of("own"), "own")
        intake = HardOfHearing(client, Subscription(consumer="own", channels=("unanswered",)), silence=PATIENCE)
        try:
            await intake.begin()
            held = await collect(intake, 5)
            await intake.acknowledge(held)
            assert await _becomes_idle(intake)
        finally:
            await intake.end()

    async def test_waits_for_a_server_that_hangs(self, premises: Premises, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that answers too late, and is there again, has taken the acknowledgement."""
        monkeypatch.setattr("arnia.chassis.brokers.kafka.SESSION_SECONDS", PATIENCE)
        process = premises.server.process
        assert process is not None
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(facts("frozen", 10))
        monkeypatch.setattr("arnia.chassis.brokers.kafka_client.ANSWER_SECONDS", ANSWER_SECONDS)
        async with premises.reading("own", "frozen") as intake:
            held = await collect(intake, 10)
            os.kill(process.pid, signal.SIGSTOP)
            try:
                acknowledging = asyncio.create_task(intake.acknowledge(held))
                await asyncio.sleep(2 * ANSWER_SECONDS)
            finally:
                os.kill(process.pid, signal.SIGCONT)
            await acknowledging
            assert await _becomes_idle(intake)

    async def test_leaves_a_server_that_hangs_for_longer(
        self, premises: Premises, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who acknowledges is told, the end waits for no commit, and nothing is lost: all of it comes or is done."""
        process = premises.server.process
        assert process is not None
        told = facts("stopped", 10)
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(told)
        client = KafkaClient(premises.server.url_of("own"), "own")
        intake = KafkaIntake(client, Subscription(consumer="own", channels=("stopped",)), silence=PATIENCE / 10)
        await intake.begin()
        held = await collect(intake, 10)
        with monkeypatch.context() as patched:
            _hurry(patched)
            os.kill(process.pid, signal.SIGSTOP)
            try:
                with pytest.raises(Unavailable):
                    await intake.acknowledge(held)
                assert not await intake._free(0.0)  # the commit itself goes on
                with pytest.raises(Unavailable):
                    await intake.fetch(10, 0.1)
                with pytest.raises(Unavailable):
                    await intake.acknowledge(held)
                await intake.end()
                assert not await intake._free(0.0)
            finally:
                os.kill(process.pid, signal.SIGCONT)
        async with premises.reading("own", "stopped") as reader:
            again = events(await _rest_of(reader))
            assert {message.id for message in again} in ({message.id for message in told}, set())

    async def test_keeps_several_acknowledgements_apart(self, premises: Premises) -> None:
        """A commit that takes its time is no Kafka that is away, for who acknowledges or fetches meanwhile."""
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(facts("slow", 6))
        client = KafkaClient(premises.server.url_of("own"), "own")
        intake = Slow(client, Subscription(consumer="own", channels=("slow",)), silence=PATIENCE)
        try:
            await intake.begin()
            held = await collect(intake, 6)
            first = asyncio.create_task(intake.acknowledge(held[:3]))
            await asyncio.sleep(ANSWER_SECONDS / 3)
            assert (await asyncio.gather(first, intake.acknowledge(held[3:]), intake.fetch(1, 0.1)))[2] == ()
            assert await _becomes_idle(intake)
        finally:
            await intake.end()

    async def test_makes_a_topic_again(self, premises: Premises) -> None:
        """A topic that somebody deleted is made again, and what is published then is there."""
        before, after = facts("lost", 1), facts("lost", 2)
        administrator = _administrator(premises)
        async with premises.broker("own", emits=OWN) as broker:
            await broker.publish(before)
            administrator.delete_topics(["lost"])["lost"].result()
            with pytest.raises(Unavailable):  # at once, or as soon as the server has noticed
                await _flood(broker, "lost")
            await _insist(broker, after)
            async with premises.reading("own", "lost") as intake:
                wanted = {message.id for message in after}
                assert wanted <= {message.id for message in events(await _all_of(intake, wanted))}

    async def test_takes_a_right_back(self, premises: Premises) -> None:
        """Who is no more on the page may do nothing more; who is, still may."""
        parts = urlsplit(premises.server.url_of(ADMINISTRATOR))
        address, password = f"{LOOPBACK}:{premises.server.port}", unquote(parts.password or "")
        everybody = {**USERS, "own": Voice(emits=OWN, hears=OWN)}
        remaining = {name: voice for name, voice in everybody.items() if name != "stranger"}
        async with (
            premises.broker("stranger", emits=("secret",)) as stranger,
            premises.broker("writer", emits=("order",)) as writer,
        ):
            await stranger.publish(facts("secret", 1))
            try:
                assert await asyncio.to_thread(grant, address, ADMINISTRATOR, password, remaining)
                assert await _refused(stranger, facts("secret", 1))
                await writer.publish(facts("order", 1))
            finally:
                assert await asyncio.to_thread(grant, address, ADMINISTRATOR, password, everybody)

    def test_is_reached_from_this_machine_alone(self, premises: Premises) -> None:
        """It listens at the loopback address, and its passwords are in no command line and in a file of its own."""
        process = premises.server.process
        assert process is not None
        running = psutil.Process(process.pid)
        listening = {each.laddr[0] for each in running.net_connections("tcp") if each.status == psutil.CONN_LISTEN}
        assert listening == {LOOPBACK}
        password = unquote(urlsplit(premises.server.url_of("writer")).password or "")
        file = process.command.folder / "server.properties"
        assert password in file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not [word for word in running.cmdline() if password in word]


async def _all_of(intake: Intake, wanted: set[UUID]) -> list[Received]:
    """Fetch until all of `wanted` have come, or the time is over; acknowledge none."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE
    while not wanted <= {message.id for message in events(found)} and time.monotonic() < until:
        found += await intake.fetch(len(wanted), 0.5)
    return found


async def _rest_of(intake: Intake) -> list[Received]:
    """Fetch until all have come that nobody has acknowledged, and acknowledge them."""
    found: list[Received] = []
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(Unavailable):  # a server that hung has to find itself first
            if await intake.lag() <= len(found):
                break
            found += await intake.fetch(10, 0.5)
    await intake.acknowledge(found)
    return found


def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up a commit and a probe after a second, long before the client does."""
    for module in ("kafka_client", "kafka_intake"):
        monkeypatch.setattr(f"arnia.chassis.brokers.{module}.REQUEST_SECONDS", 1.0)


async def _becomes_idle(intake: Intake) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with suppress(Unavailable):  # a server that hung has to find itself first
            if await intake.lag() == 0:
                return True
        await asyncio.sleep(0.1)
    return False


async def _flood(broker: Broker, channel: str) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        await broker.publish(facts(channel, 1))


async def _insist(broker: Broker, messages: Sequence[Message]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return await broker.publish(messages)
        except Unavailable:
            if time.monotonic() > until:
                raise


async def _refused(broker: Broker, messages: Sequence[Message]) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            await broker.publish(messages)
        except Undeliverable:
            return True
        await asyncio.sleep(0.1)
    return False

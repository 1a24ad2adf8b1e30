"""RabbitMQ keeps what every broker promises."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import ClassVar, Final

import aio_pika
import psutil
import pytest
from aio_pika.abc import AbstractChannel
from tests.brokers.conformance import Conformance
from tests.brokers.premises import USERS, Premises, collect, events, facts, needs
from typing_extensions import override

from arnia.chassis.brokers.opening import open_broker
from arnia.errors import OutsideError, Unavailable
from arnia.local.ports import free_port
from arnia.local.servers.rabbitmq import Rabbit
from arnia.local.voices import Voice

OWN: Final = {"loner": Voice(emits=("lonely",)), "soliloquist": Voice(emits=("echo",), hears=("echo",))}


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Give a running RabbitMQ."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    server = Rabbit(folder, free_port(), log=folder / "rabbitmq.log", users={**USERS, **OWN})
    needs(server)
    premises = Premises(server)
    mappers = _port_mappers()
    premises.start()
    yield premises
    premises.stop()
    assert not [process for process in psutil.process_iter() if _belongs(process, folder)]
    assert _port_mappers() <= mappers


def _belongs(process: psutil.Process, folder: Path) -> bool:
    with suppress(psutil.Error):
        return str(folder) in " ".join(process.cmdline())
    return False


def _port_mappers() -> set[int]:
    """Return Erlang's daemons, which know nothing of who started them."""
    return {process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "epmd"}


class TestRabbit(Conformance):
    """The suite, against the server of the system's package."""

    adapter: ClassVar[str] = "arnia.chassis.brokers.rabbitmq"

    @override
    async def send(self, premises: Premises, channel: str, headers: Mapping[str, str], body: bytes) -> None:
        others = dict(headers)
        message = aio_pika.Message(body, content_type=others.pop("content-type"), headers=dict(others))
        async with await aio_pika.connect(premises.server.url_of("writer")) as connection:
            exchange = await (await connection.channel()).get_exchange(channel, ensure=False)
            await exchange.publish(message, "said.v1")

    async def test_keeps_what_nobody_hears(self, premises: Premises) -> None:
        """Who says what nobody hears is not held up, and what was said is kept for a while."""
        told = facts("lonely", 3)
        async with premises.broker("loner", emits=("lonely",)) as loner:
            await loner.publish(told)
        async with self.channel(premises, "loner") as channel:
            queue = await channel.get_queue("lonely.unheard", ensure=False)
            kept = [await queue.get(no_ack=True) for _ in told]
        assert [message.message_id for message in kept] == [str(message.id) for message in told]

    async def test_makes_again_what_somebody_deleted(self, premises: Premises) -> None:
        """A message that has nowhere to go is not confirmed, and what is missing is made for the next attempt."""
        told = facts("lonely", 2)
        async with premises.broker("loner", emits=("lonely",)) as loner, self.channel(premises, "loner") as channel:
            await (await channel.get_underlay_channel()).queue_delete("lonely.unheard")
            with pytest.raises(Unavailable):
                await loner.publish(told)
            await loner.publish(told)
            await (await channel.get_underlay_channel()).exchange_delete("lonely")
            await loner.publish(told)
            queue = await channel.get_queue("lonely.unheard", ensure=False)
            assert [(await queue.get(no_ack=True)).message_id for _ in range(4)] == [str(one.id) for one in told] * 2

    async def test_ends_a_service_that_may_not_make_its_exchange(self, premises: Premises) -> None:
        """A service whose credentials do not fit what it emits is told at its start."""
        with pytest.raises(OutsideError, match="does not let stranger make its exchanges"):
            await open_broker(premises.server.url_of("stranger"), "stranger", ("order",))

    async def test_lets_a_consumer_come_first(self, premises: Premises) -> None:
        """Where a service may make the exchange that it hears, nothing is missed, whoever comes first."""
        told = facts("echo", 2)
        async with self.channel(premises, "soliloquist") as channel:
            await (await channel.get_underlay_channel()).queue_delete("soliloquist.echo")
            await (await channel.get_underlay_channel()).exchange_delete("echo")
        async with premises.reading("soliloquist", "echo") as intake:
            async with premises.broker("soliloquist", emits=("echo",)) as speaker:
                await speaker.publish(told)
            got = await collect(intake, 2)
            assert events(got) == told
            await intake.acknowledge(got)

    async def test_goes_on_when_its_queue_was_deleted(self, premises: Premises) -> None:
        """A consumer whose queue is gone makes it again."""
        told = facts("echo", 2)
        async with premises.reading("soliloquist", "echo") as intake, self.channel(premises, "soliloquist") as channel:
            await (await channel.get_underlay_channel()).queue_delete("soliloquist.echo")
            assert await intake.fetch(1, 1.0) == ()
            async with premises.broker("soliloquist", emits=("echo",)) as speaker:
                await speaker.publish(told)
            got = await collect(intake, 2)
            assert events(got) == told
            await intake.acknowledge(got)

    async def test_puts_away_what_comes_back_too_often(self, premises: Premises) -> None:
        """What is handed over a hundred times and never acknowledged is dead, and not in the way of what follows."""
        poison, well = facts("echo", 1), facts("echo", 1)
        async with premises.broker("soliloquist", emits=("echo",)) as speaker:
            await speaker.publish([*poison, *well])
        async with premises.reading("soliloquist", "echo", 1) as intake:
            while (got := await collect(intake, 1)) and events(got)[0].id == poison[0].id:
                await intake.give_back(got)
            assert events(got) == well
            await intake.acknowledge(got)
        async with self.channel(premises, "soliloquist") as channel:
            queue = await channel.get_queue("soliloquist.dead", ensure=False)
            dead = None
            while dead is None:  # the server is not in a hurry
                dead = await queue.get(no_ack=True, fail=False)
            assert dead.message_id == str(poison[0].id)

    @asynccontextmanager
    async def channel(self, premises: Premises, user: str) -> AsyncIterator[AbstractChannel]:
        """Give a channel of the library's own."""
        async with await aio_pika.connect(premises.server.url_of(user)) as connection:
            yield await connection.channel()


def test_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without RabbitMQ is told what to do."""
    monkeypatch.setattr("arnia.local.servers.rabbitmq.PROGRAMS", ())
    server = Rabbit(tmp_path / "rabbitmq", free_port(), log=tmp_path / "log", users=USERS)
    with pytest.raises(OutsideError, match="apt-get install --no-install-recommends rabbitmq-server"):
        server.prepare()
    assert not list(tmp_path.iterdir())

"""RabbitMQ keeps what every broker promises."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import aio_pika
import pytest
from tests.brokers.conformance import Conformance
from tests.brokers.premises import USERS, Premises
from typing_extensions import override

from arnia.local.ports import free_port
from arnia.local.servers.rabbitmq import Rabbit


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Give a running RabbitMQ."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    server = Rabbit(folder, free_port(), log=folder / "rabbitmq.log", users=USERS)
    premises = Premises(server)
    premises.start()
    yield premises
    premises.stop()


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

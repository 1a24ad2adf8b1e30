"""Kafka keeps what every broker promises."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from confluent_kafka import Producer
from tests.brokers.conformance import Conformance
from tests.brokers.premises import USERS, Premises
from typing_extensions import override

from arnia.chassis.brokers.kafka_client import KafkaClient
from arnia.local.ports import free_port
from arnia.local.servers.kafka import Kafka


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Give a running Kafka."""
    folder = tmp_path_factory.mktemp("kafka")
    server = Kafka(folder, free_port(), log=folder / "kafka.log", users=USERS)
    premises = Premises(server, haste={"CONFIRM_SECONDS": 3.0, "SESSION_SECONDS": 3.0})
    premises.start()
    yield premises
    premises.stop()


class TestKafka(Conformance):
    """The suite, against the server of the jars."""

    adapter: ClassVar[str] = "arnia.chassis.brokers.kafka"
    counts_deliveries: ClassVar[bool] = False

    @override
    async def send(self, premises: Premises, channel: str, headers: Mapping[str, str], body: bytes) -> None:
        producer = Producer(dict(KafkaClient(premises.server.url_of("writer"), "writer").settings))
        given = [(name if name == "content-type" else f"ce_{name}", value) for name, value in headers.items()]
        producer.produce(channel, body, headers=given, key="somebody")
        producer.flush(10)

"""NATS JetStream keeps what every broker promises."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import nats
import pytest
from tests.brokers.conformance import Conformance
from tests.brokers.premises import USERS, Premises
from typing_extensions import override

from arnia.local.ports import free_port
from arnia.local.servers.nats import Nats


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    """Give a running NATS."""
    folder = tmp_path_factory.mktemp("nats")
    server = Nats(folder, free_port(), log=folder / "nats.log", users=USERS)
    premises = Premises(server, haste={"ACKNOWLEDGE_SECONDS": 2.0, "CONFIRM_SECONDS": 3.0})
    premises.start()
    yield premises
    premises.stop()


class TestNats(Conformance):
    """The suite, against the server of the wheel."""

    adapter: ClassVar[str] = "arnia.chassis.brokers.nats"
    knows_again: ClassVar[bool] = True

    @override
    async def send(self, premises: Premises, channel: str, headers: Mapping[str, str], body: bytes) -> None:
        client = await nats.connect(premises.server.url_of("writer"), inbox_prefix=b"_INBOX.writer")
        await client.jetstream().publish(f"{channel}.said.v1.somebody", body, headers=dict(headers))
        await client.close()

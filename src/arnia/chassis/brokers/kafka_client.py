"""What the clients of Kafka have in common: whom they speak to and as whom, and what its errors mean."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from arnia.errors import OutsideError, Unavailable

__all__ = ["FORBIDDEN", "REQUEST_SECONDS", "KafkaClient", "away", "fault_of"]

START_SECONDS: Final = 30.0
REQUEST_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 10.0
"""After how long the server is asked anew, on another connection."""
RETRY_SECONDS: Final = 0.2
PARTITIONS: Final = 6
"""Of a topic that we make: as many processes of one consumer can share it."""
GRANT_SECONDS: Final = 5.0
KEEP_SECONDS: Final = 14 * 86_400
"""How long a topic keeps what was published: a consumer may be away, or begin, that much later."""
FORBIDDEN: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
REFUSED: Final = frozenset({"_AUTHENTICATION", "SASL_AUTHENTICATION_FAILED"})
_SILENT: Final = 2

log: Final = logging.getLogger("arnia.broker")

T = TypeVar("T")
Setting = str | int | float | bool


def fault_of(error: KafkaException) -> KafkaError:
    """Return what the client's exception is about."""
    fault = error.args[0] if error.args else None
    return fault if isinstance(fault, KafkaError) else KafkaError(KafkaError.UNKNOWN, str(error))


def away() -> Unavailable:
    """Return the error that says that the broker is not there."""
    detail = "The message broker cannot be reached, or did not confirm in time."
    return Unavailable(detail)


class KafkaClient:
    """What a service asks of Kafka besides publishing and reading: topics, and whether it is there.

    Attributes:
        address: Where it is, without any secret.
        settings: What each client of this service is configured with.
    """

    def __init__(self, url: str, service: str) -> None:
        """Describe the client for `url`, `kafka://user:password@host:port,host:port?mechanism=PLAIN`."""
        parts = urlsplit(url)
        credentials, _, self.address = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        self._service = service
        self._refused = False
        self.settings: dict[str, Setting] = {
            "bootstrap.servers": self.address,
            "client.id": service,
            "allow.auto.create.topics": False,
            "log_level": _SILENT,
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 1000,
            "socket.timeout.ms": int(ANSWER_SECONDS * 1000),
            "socket.connection.setup.timeout.ms": 5000,
            "socket.keepalive.enable": True,
            "socket.nagle.disable": True,
        }
        encrypted = parts.scheme.endswith("ssl")
        if user:
            self.settings |= {
                "sasl.mechanism": parse_qs(parts.query).get("mechanism", ["PLAIN"])[0],
                "sasl.username": unquote(user),
                "sasl.password": unquote(password),
            }
        self.settings["security.protocol"] = ("SASL_" if user else "") + ("SSL" if encrypted else "PLAINTEXT")
        self._admin = AdminClient(self.settings, error_cb=self._note)

    async def connect(self) -> frozenset[str]:
        """Wait until Kafka answers; return the topics that it lets this service know.

        Raises:
            OutsideError: It refuses the credentials, or is not there for 30 seconds.
        """
        until, said = time.monotonic() + START_SECONDS, False
        while True:
            try:
                return await asyncio.to_thread(self._topics)
            except KafkaException as error:
                if self._refused:
                    message = f"the message broker at {self.address} refuses {self._service}: is its broker_url right?"
                    raise OutsideError(message) from error
                if time.monotonic() > until:
                    message = f"the message broker at {self.address} cannot be reached within {START_SECONDS:g} s"
                    raise OutsideError(message) from error
                if not said:
                    said = True
                    log.warning("the message broker at %s cannot be reached: waiting for it", self.address)
                await asyncio.sleep(RETRY_SECONDS)

    async def make_topics(self, names: Sequence[str]) -> None:
        """Make what is missing of these topics, each with the cluster's own replication.

        Raises:
            OutsideError: Kafka does not make them, or has not let this service make them for five seconds: rights that
                were given just now are not known everywhere at once.
        """
        until = time.monotonic() + GRANT_SECONDS
        while names:
            faults = await self._made(names)
            names = [name for name, fault in faults.items() if fault.code() in FORBIDDEN]
            if others := [fault for fault in faults.values() if fault.code() not in FORBIDDEN]:
                raise self._unmade(others[0])
            if names and time.monotonic() > until:
                raise self._unmade(faults[names[0]])
            if names:
                await asyncio.sleep(RETRY_SECONDS)

    async def is_there(self) -> bool:
        """Tell whether Kafka answers, on whatever connection."""
        until = time.monotonic() + REQUEST_SECONDS
        while (left := until - time.monotonic()) > RETRY_SECONDS:
            try:
                await _settled(self._admin.describe_cluster(request_timeout=left))
            except KafkaException:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return True
        return False

    async def _made(self, names: Sequence[str]) -> dict[str, KafkaError]:
        """Make these topics; return why some are still not there."""
        keep = {"retention.ms": str(KEEP_SECONDS * 1000)}
        wanted = [NewTopic(name, num_partitions=PARTITIONS, config=keep) for name in names]
        faults = {}
        for name, made in self._admin.create_topics(wanted, request_timeout=REQUEST_SECONDS).items():
            try:
                await _settled(made)
            except KafkaException as error:
                if fault_of(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    faults[name] = fault_of(error)
        return faults

    def _unmade(self, fault: KafkaError) -> OutsideError:
        return OutsideError(f"the message broker does not make the topics of {self._service}: {fault.str()}")

    def _topics(self) -> frozenset[str]:
        try:
            return frozenset(self._admin.list_topics(timeout=PROBE_SECONDS).topics)
        finally:
            self._admin.poll(0)

    def _note(self, error: KafkaError) -> None:
        self._refused = self._refused or error.name() in REFUSED
        log.debug("message broker: %s", error)


async def _settled(future: "Future[T]") -> T:
    return await asyncio.wrap_future(future)

"""What the clients of Kafka have in common: whom they speak to and as whom, and what its errors mean."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from arnia.errors import OutsideError, Unavailable

__all__ = ["FORBIDDEN", "KafkaClient", "away", "fault_of"]

START_SECONDS: Final = 30.0
REQUEST_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 2.0
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
_UNKNOWN_OFFSET: Final = 0
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
    """What a service asks of Kafka besides publishing and reading: topics, offsets, and whether it is there.

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
            "socket.timeout.ms": 10_000,
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
        """Tell whether Kafka answers."""
        try:
            await _settled(self._admin.describe_cluster(request_timeout=PROBE_SECONDS))
        except KafkaException:
            return False
        return True

    async def lag(self, group: str, partitions: Sequence[tuple[str, int]]) -> int:
        """Return how many messages of these partitions the group has not committed.

        Raises:
            Unavailable: Kafka is not there.
        """
        asked = [TopicPartition(topic, number) for topic, number in partitions]
        try:
            groups = self._admin.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group, asked)], request_timeout=REQUEST_SECONDS
            )
            told = await _settled(groups[group])
            committed = {(one.topic, one.partition): one.offset for one in told.topic_partitions}
            ends = await self._offsets(asked, OffsetSpec.latest())
            fresh = [one for one in asked if committed.get((one.topic, one.partition), -1) < _UNKNOWN_OFFSET]
            committed |= await self._offsets(fresh, OffsetSpec.earliest())
        except KafkaException as error:
            raise away() from error
        return sum(max(0, end - committed[place]) for place, end in ends.items())

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

    async def _offsets(self, partitions: Sequence[TopicPartition], which: OffsetSpec) -> dict[tuple[str, int], int]:
        if not partitions:
            return {}
        asked = self._admin.list_offsets(dict.fromkeys(partitions, which), request_timeout=REQUEST_SECONDS)
        return {(one.topic, one.partition): (await _settled(told)).offset for one, told in asked.items()}

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

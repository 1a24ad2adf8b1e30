"""Apache Kafka: a topic for each aggregate type, a group for each service that hears any.

The key of a message is the id of what it is about, so whatever is said about one thing is in one partition, in order.
The producer is idempotent and asks all replicas that are in sync: a batch is confirmed when each of its messages is.

The client is librdkafka (confluent-kafka). Measured beside aiokafka 0.14 on two busy cores, with `acks=all`,
idempotence, batches of 500 and messages of 300 bytes with ten headers: it publishes 16,000 to 19,000 a second for 10 us
of processor time each (aiokafka 6,400 for 42 us), reads 30,000 to 39,000 a second in batches of 256 with a commit after
each (19,000 to 20,000), and a commit takes 2.4 ms (4.8 ms); alone, a message takes both about 1 ms. It comes with its
types, too. Its own asyncio client runs each call in a pool of threads; here one thread serves all reports of delivery.

Source: Kafka protocol 4.x, and the CloudEvents Kafka protocol binding 1.0.2, whose prefix for headers is `ce_`.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, Self
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from arnia.chassis.brokers.broker import Subscription, Undeliverable
from arnia.chassis.brokers.kafka_client import FORBIDDEN, KafkaClient, away, fault_of
from arnia.chassis.brokers.kafka_intake import CONTENT_TYPE, PREFIX, KafkaIntake
from arnia.chassis.messages import Message, attributes
from arnia.errors import OutsideError

__all__ = ["KafkaBroker"]

CONFIRM_SECONDS: Final = 10.0
"""After how long a message that is not confirmed is given up; none is sent after its batch has failed."""
SESSION_SECONDS: Final = 6.0
"""After how long a member of a group that is not heard of loses its partitions; no server lets it be less by itself."""
GRACE_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.25
FULL_SECONDS: Final = 0.01
MOST_BYTES_SENT: Final = 1_000_000
"""Of a message with its headers: what a server takes with its own settings, and a bit less."""
NEVER: Final = FORBIDDEN | {
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.INVALID_RECORD,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.POLICY_VIOLATION,
}
DATA_CONTENT_TYPE: Final = "datacontenttype"
"""The one attribute that Kafka's binding carries under a name without prefix."""
LOST_TOPIC: Final = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"})
TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

log: Final = logging.getLogger("arnia.broker")


class KafkaBroker:
    """A connection to Kafka; it reconnects by itself."""

    def __init__(self, client: KafkaClient, service: str, emits: Sequence[str]) -> None:
        self._client = client
        self._service = service
        self._emits = tuple(emits)
        self._writer: _Writer | None = None

    @classmethod
    async def open(cls, url: str, service: str, emits: Sequence[str]) -> Self:
        """Connect, and make the topics of what this service emits.

        Raises:
            OutsideError: Kafka refuses the credentials, or is not there for 30 seconds.
        """
        client = KafkaClient(url, service)
        present = await client.connect()
        await client.make_topics([name for name in emits if name not in present])
        return cls(client, service, emits)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish all of them, and return once each is confirmed.

        Raises:
            Unavailable: Kafka is not there, or did not confirm in time.
            Undeliverable: Some are too large, or may not be published by this service.
        """
        refused = await self._refused(messages)
        large = [message for message in messages if message.id in refused and refused[message.id].code() in TOO_LARGE]
        for message in large:  # a batch is refused as a whole: which of its messages is too large shows alone
            del refused[message.id]
            refused |= await self._refused([message])
        if refused:
            reasons = sorted({fault.str() for fault in refused.values()})
            reason = f"Kafka does not take {len(refused)} events of {self._service}: {'; '.join(reasons)}"
            raise Undeliverable(reason, [message for message in messages if message.id in refused])

    @asynccontextmanager
    async def subscribe(self, subscription: Subscription) -> AsyncIterator[KafkaIntake]:
        """Read what `subscription` says, as one of the group that is named as the consumer.

        Raises:
            Unavailable: Kafka is not there, or nobody has made a topic yet.
            Undeliverable: This service may not read there.
        """
        intake = KafkaIntake(self._client, subscription, silence=SESSION_SECONDS)
        try:
            await intake.begin()
            yield intake
        finally:
            await intake.end()

    async def close(self) -> None:
        """Part, once what was written is confirmed or given up."""
        if self._writer is not None:
            await asyncio.to_thread(self._writer.end)
            self._writer = None

    async def _refused(self, messages: Sequence[Message]) -> dict[UUID, KafkaError]:
        """Send all of them; return why some can never be sent, by their ids."""
        if self._writer is not None and self._writer.broken:
            await self.close()
        if self._writer is None:
            self._writer = _Writer(self._client)
        faults = {message.id: fault for message, fault in await self._writer.send(messages) if fault is not None}
        unsure = {fault.name(): fault for fault in faults.values() if fault.code() not in NEVER}
        if unsure:
            log.info("message broker: %s", "; ".join(fault.str() for fault in unsure.values()))
            if not unsure.keys().isdisjoint(LOST_TOPIC):
                with suppress(OutsideError):  # the next batch tells
                    await self._client.make_topics(self._emits)
            raise away()
        return faults


Header = tuple[str, str | bytes | None]
Outcome = tuple[Message, KafkaError | None]


class _Writer:
    """An idempotent producer, and the thread that serves its reports.

    Attributes:
        broken: Whether it can never be used again.
    """

    def __init__(self, client: KafkaClient) -> None:
        self.broken = False
        self._stopping = threading.Event()
        self._producer = Producer(
            {
                **client.settings,
                "acks": "all",
                "enable.idempotence": True,
                "error_cb": self._note,
                "linger.ms": 0,
                "message.max.bytes": MOST_BYTES_SENT,
                "message.timeout.ms": int(CONFIRM_SECONDS * 1000),
                "topic.metadata.propagation.max.ms": int(CONFIRM_SECONDS * 500),
                "partitioner": "murmur2_random",  # as Java's producers do
            }
        )
        self._thread = threading.Thread(target=self._serve, name="kafka-reports", daemon=True)
        self._thread.start()

    async def send(self, messages: Sequence[Message]) -> list[Outcome]:
        """Send all of them; return what became of each, once that is known."""
        loop = asyncio.get_running_loop()
        reported = asyncio.Event()
        outcomes: list[Outcome] = []

        def settle(message: Message, fault: KafkaError | None, _: KafkaMessage | None = None) -> None:
            outcomes.append((message, fault))
            if len(outcomes) == len(messages):
                loop.call_soon_threadsafe(reported.set)

        for message in messages:
            try:
                await self._produce(message, partial(settle, message))
            except KafkaException as error:
                settle(message, fault_of(error))
        try:
            async with asyncio.timeout(CONFIRM_SECONDS + GRACE_SECONDS):
                if messages:
                    await reported.wait()
        except TimeoutError:
            self.broken = True
            raise away() from None
        return outcomes

    def end(self) -> None:
        """Wait for what is on its way, and part."""
        self._producer.flush(0 if self.broken else CONFIRM_SECONDS)
        self._stopping.set()
        self._thread.join()

    async def _produce(self, message: Message, report: "partial[None]") -> None:
        given = attributes(message)
        headers: list[Header] = [(CONTENT_TYPE, given.pop(DATA_CONTENT_TYPE))]
        headers += [(f"{PREFIX}{name}", value) for name, value in given.items()]
        while True:
            try:
                return self._producer.produce(
                    message.aggregate_type,
                    message.payload,
                    key=str(message.aggregate_id),
                    headers=headers,
                    on_delivery=report,
                )
            except BufferError:  # what was produced before has to be sent first
                await asyncio.sleep(FULL_SECONDS)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)

    def _note(self, error: KafkaError) -> None:
        self.broken = self.broken or error.fatal()
        log.debug("message broker: %s", error)

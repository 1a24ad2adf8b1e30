"""What `events.py` measures beside: FastStream in two forms, and the bare client of each broker.

FastStream publishes a model, 64 at once, and its subscriber reads that model, one after the other; nothing is
remembered, in no transaction. In its *plain* form it is as its first page shows it: the broker keeps nothing (NATS), or
keeps it in memory (RabbitMQ), or is told that it was read before it was (Kafka). In its *kept* form the broker does for
it what it does for Arnia: each message is stored and confirmed, and acknowledged after it was handled. The bare clients
carry bytes that nobody reads; they confirm and acknowledge as Arnia does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Final
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aio_pika
import nats
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from nats.errors import TimeoutError as NothingCame
from pydantic import BaseModel

AT_ONCE: Final = 64
BATCH: Final = 500
STALL_SECONDS: Final = 30.0
TEXT: Final = "x" * 700
"""With its other fields, and its envelope, about 800 bytes."""


class Told(BaseModel):
    """What is said, without an envelope."""

    aggregate_id: UUID
    grams: int
    text: str


class Tally:
    """How many were heard."""

    def __init__(self) -> None:
        self.heard = 0
        self._goal = 0
        self._reached = asyncio.Event()

    def add(self, count: int = 1) -> None:
        self.heard += count
        if self.heard >= self._goal:
            self._reached.set()

    async def reach(self, goal: int) -> None:
        """Return once `goal` were heard."""
        self._goal = goal
        self._reached.clear()
        while self.heard < goal:
            before = self.heard
            with suppress(TimeoutError):
                await asyncio.wait_for(self._reached.wait(), STALL_SECONDS)
            if self.heard == before:
                raise SystemExit(f"stalled: {self.heard} heard of {goal}")


Send = Callable[[int], Awaitable[None]]
Peer = Callable[[str, Tally], AbstractAsyncContextManager[Send]]


def told(number: int) -> Told:
    return Told(aggregate_id=UUID(int=number), grams=number, text=TEXT)


def body(number: int) -> bytes:
    return told(number).model_dump_json().encode()


async def send_at_once(count: int, publish: Callable[[Told], Awaitable[object]]) -> None:
    """Publish `count`, never more than 64 at a time."""
    numbers = iter(range(count))

    async def go_on() -> None:
        for number in numbers:
            await publish(told(number))

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


@asynccontextmanager
async def faststream_nats(url: str, tally: Tally) -> AsyncIterator[Send]:
    from faststream.nats import NatsBroker  # noqa: PLC0415 - it may be absent

    broker = NatsBroker(url, logger=None)

    @broker.subscriber("bare")
    async def hear(event: Told) -> None:
        tally.add(bool(event.text))

    async with broker:
        await broker.start()
        yield lambda count: send_at_once(count, lambda event: broker.publish(event, "bare"))


@asynccontextmanager
async def faststream_jetstream(url: str, tally: Tally) -> AsyncIterator[Send]:
    from faststream.nats import JStream, NatsBroker, PullSub  # noqa: PLC0415 - it may be absent

    broker, stream = NatsBroker(url, logger=None), JStream("stored")

    @broker.subscriber("stored", stream=stream, durable="stored", pull_sub=PullSub(batch_size=BATCH))
    async def hear(event: Told) -> None:
        tally.add(bool(event.text))

    async with broker:
        await broker.start()
        yield lambda count: send_at_once(count, lambda event: broker.publish(event, "stored", stream="stored"))


@asynccontextmanager
async def faststream_rabbitmq(url: str, tally: Tally) -> AsyncIterator[Send]:
    from faststream.rabbit import RabbitBroker  # noqa: PLC0415 - it may be absent

    broker = RabbitBroker(url, logger=None)

    @broker.subscriber("bare")
    async def hear(event: Told) -> None:
        tally.add(bool(event.text))

    async with broker:
        await broker.start()
        yield lambda count: send_at_once(count, lambda event: broker.publish(event, "bare"))


@asynccontextmanager
async def faststream_quorum(url: str, tally: Tally) -> AsyncIterator[Send]:
    from faststream import AckPolicy  # noqa: PLC0415 - it may be absent
    from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue  # noqa: PLC0415 - it may be absent

    broker = RabbitBroker(url, logger=None, default_channel=Channel(prefetch_count=BATCH))  # which has confirms
    queue = RabbitQueue("stored", queue_type=QueueType.QUORUM, durable=True)

    @broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)
    async def hear(event: Told) -> None:
        tally.add(bool(event.text))

    async with broker:
        await broker.start()
        yield lambda count: send_at_once(count, lambda event: broker.publish(event, "stored", persist=True))


@asynccontextmanager
async def faststream_kafka(url: str, tally: Tally, *, kept: bool = False) -> AsyncIterator[Send]:
    from faststream import AckPolicy  # noqa: PLC0415 - it may be absent
    from faststream.confluent import KafkaBroker  # noqa: PLC0415 - it may be absent
    from faststream.security import SASLPlaintext  # noqa: PLC0415 - it may be absent

    topic, policy = ("stored", AckPolicy.ACK) if kept else ("bare", AckPolicy.ACK_FIRST)
    await make_topic(login_of(url), topic)
    parts = urlsplit(url)
    login = SASLPlaintext(unquote(parts.username or ""), unquote(parts.password or ""), use_ssl=False)
    address = parts.netloc.rpartition("@")[2]
    if kept:
        broker = KafkaBroker(address, security=login, logger=None, acks="all", enable_idempotence=True)
    else:
        broker = KafkaBroker(address, security=login, logger=None)

    @broker.subscriber(topic, group_id=topic, auto_offset_reset="earliest", ack_policy=policy)
    async def hear(event: Told) -> None:
        tally.add(bool(event.text))

    async with broker:
        await broker.start()
        yield lambda count: send_at_once(count, lambda event: broker.publish(event, topic))


@asynccontextmanager
async def bare_nats(url: str, tally: Tally) -> AsyncIterator[Send]:
    client = await nats.connect(url)
    stream = client.jetstream(publish_async_max_pending=4000)
    await stream.add_stream(name="raw", subjects=["raw"])
    pull = await stream.pull_subscribe("raw", "raw")

    async def read() -> None:
        while True:
            with suppress(NothingCame):
                messages = await pull.fetch(BATCH, 1)
                for message in messages:
                    await message.ack()
                tally.add(len(messages))

    async def send(count: int) -> None:
        for first in range(0, count, BATCH):
            numbers = range(first, min(count, first + BATCH))
            await asyncio.gather(*[await stream.publish_async("raw", body(number)) for number in numbers])

    async with running(read()):
        yield send
    await client.close()


@asynccontextmanager
async def bare_rabbitmq(url: str, tally: Tally) -> AsyncIterator[Send]:
    connection = await aio_pika.connect(url)
    channel, other = await connection.channel(), await connection.channel()
    await other.set_qos(prefetch_count=BATCH)
    queue = await other.declare_queue("raw", durable=True, arguments={"x-queue-type": "quorum"})

    async def hear(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        await message.ack()
        tally.add()

    async def send(count: int) -> None:
        for first in range(0, count, BATCH):
            messages = [
                aio_pika.Message(body(number), delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                for number in range(first, min(count, first + BATCH))
            ]
            await asyncio.gather(*(channel.default_exchange.publish(message, "raw") for message in messages))

    await queue.consume(hear)
    yield send
    await connection.close()


@asynccontextmanager
async def bare_kafka(url: str, tally: Tally) -> AsyncIterator[Send]:
    login = login_of(url)
    producer = Producer({**login, "acks": "all"})
    offsets = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    consumer = Consumer({**login, **offsets, "group.id": "raw", "allow.auto.create.topics": True})
    await make_topic(login, "raw")
    consumer.subscribe(["raw"])

    async def read() -> None:
        while True:
            messages = await asyncio.to_thread(consumer.consume, BATCH, 0.1)
            if messages:
                await asyncio.to_thread(consumer.commit, asynchronous=False)
                tally.add(len(messages))

    async def send(count: int) -> None:
        for number in range(count):
            producer.produce("raw", body(number))
            if number % BATCH == 0:
                await asyncio.sleep(0)
        await asyncio.to_thread(producer.flush)

    async with running(read()):
        yield send
    consumer.close()


def login_of(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "bootstrap.servers": parts.netloc.rpartition("@")[2],
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": unquote(parts.username or ""),
        "sasl.password": unquote(parts.password or ""),
    }


async def make_topic(login: Mapping[str, str], name: str) -> None:
    client = AdminClient(dict(login))  # for as long as it is asked
    for made in client.create_topics([NewTopic(name, 1, 1)]).values():
        with suppress(KafkaException):
            await asyncio.to_thread(made.result)


@asynccontextmanager
async def running(*work: Awaitable[None]) -> AsyncIterator[None]:
    """Let `work` go on for as long as the block lasts."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


PEERS: Final[Mapping[str, Mapping[str, Peer]]] = {
    "nats": {
        "FastStream, plain: NATS": faststream_nats,
        "FastStream, kept: JetStream": faststream_jetstream,
        "bare nats-py, JetStream": bare_nats,
    },
    "rabbitmq": {
        "FastStream, plain": faststream_rabbitmq,
        "FastStream, kept: quorum": faststream_quorum,
        "bare aio-pika, quorum queue": bare_rabbitmq,
    },
    "kafka": {
        "FastStream, plain: ack first": faststream_kafka,
        "FastStream, kept: commits": partial(faststream_kafka, kept=True),
        "bare confluent-kafka": bare_kafka,
    },
}

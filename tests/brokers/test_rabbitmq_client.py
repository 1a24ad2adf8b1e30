"""What is published to RabbitMQ in a few writes is what aiormq publishes in many, and its channel cannot tell."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import pytest
from aiormq import Connection
from aiormq.channel import Channel
from aiormq.exceptions import ChannelInvalidStateError, DeliveryError
from hypothesis import given, settings
from hypothesis import strategies as st
from pamqp.base import Frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.commands import Channel as Closing
from pamqp.commands import Connection as Tuning
from pamqp.common import FieldValue
from pamqp.header import ContentHeader

from arnia.chassis.brokers.rabbitmq_client import TOGETHER, Outcome, Properties, Sending, publish

SMALL: Final = 64
"""Bytes of a frame, so that small bodies need several."""
SOON: Final = 30.0
MANY: Final = 100

Headers: TypeAlias = dict[str, FieldValue]
Answers: TypeAlias = Sequence[Frame | ContentHeader | ContentBody]

TEXTS: Final = st.text("ab:-\xe9\u2603", max_size=9)
VALUES: Final = st.one_of(TEXTS, st.integers(0, 1 << 40), st.booleans(), st.none())
NAMES: Final = st.one_of(TEXTS, st.integers(125, 130).map("n".__mul__))
HEADERS: Final = st.one_of(st.dictionaries(TEXTS, TEXTS), st.dictionaries(NAMES, VALUES))
BODIES: Final = st.integers(0, 3 * SMALL).map(b"x".__mul__)
SENDINGS: Final = st.lists(st.tuples(st.sampled_from(["order", "parcel"]), HEADERS, BODIES), min_size=1, max_size=6)


@asynccontextmanager
async def channel(waiting: int = 0) -> AsyncIterator[Channel]:
    """Give a channel of a connection that goes nowhere; at most `waiting` writes wait, where that is not 0."""
    connection = Connection("amqp://nowhere")
    connection.write_queue = asyncio.Queue(waiting)
    connection.connection_tune = Tuning.Tune(frame_max=SMALL)
    connection.server_properties = {"capabilities": {"publisher_confirms": True}}
    line = Channel(connection, 7)
    try:
        yield line
    finally:
        await line.close()


def sending(number: int, exchange: str = "order", headers: Headers | None = None, body: bytes = b"{}") -> Sending:
    """Return a message."""
    properties = Properties(content_type="application/json", delivery_mode=2, message_id=f"{number}", headers=headers)
    return Sending(exchange, "said.v1", properties, body)


async def turns() -> None:
    """Let everybody else do what can be done without an answer."""
    for _ in range(MANY):
        await asyncio.sleep(0)


async def as_the_library_does(line: Channel, sendings: Sequence[Sending]) -> Sequence[Outcome]:
    """Publish one by one."""
    return await asyncio.gather(
        *(
            line.basic_publish(
                each.body,
                exchange=each.exchange,
                routing_key=each.key,
                properties=Basic.Properties(
                    content_type=each.properties.content_type,
                    delivery_mode=each.properties.delivery_mode,
                    message_id=each.properties.message_id,
                    headers=each.properties.headers,
                ),
                mandatory=True,
                wait=False,
            )
            for each in sendings
        ),
        return_exceptions=True,
    )


async def told(line: Channel, sendings: Sequence[Sending], answers: Answers, *, library: bool) -> tuple[object, ...]:
    """Publish, let the server answer, and return what was written, what the channel noted, and what came of each."""
    task = asyncio.create_task(as_the_library_does(line, sendings) if library else publish(line, sendings))
    await turns()
    writes = b"".join([line.write_queue.get_nowait().payload for _ in range(line.write_queue.qsize())])
    noted = (line.delivery_tag, sorted(line.confirmations), dict(line.message_id_delivery_tag))
    for answer in answers:
        await line.frames.put((0, answer))
    outcomes = await asyncio.wait_for(task, SOON)
    return writes, noted, [repr(each) for each in outcomes], dict(line.message_id_delivery_tag)


async def compare(sendings: Sequence[Sending], answers: Answers) -> None:
    """Publish as the library does, and as we do."""
    async with channel() as theirs, channel() as ours:
        assert await told(ours, sendings, answers, library=False) == await told(theirs, sendings, answers, library=True)


@given(SENDINGS)
@settings(deadline=None)
def test_writes_what_the_library_writes(drawn: list[tuple[str, Headers, bytes]]) -> None:
    """The bytes are the library's, whatever the headers are and however many frames a body needs."""
    sendings = [sending(number, *each) for number, each in enumerate(drawn)]
    asyncio.run(compare(sendings, [Basic.Ack(len(sendings), multiple=True)]))


def returned(number: int) -> Answers:
    """Return how a server gives a message back that found no queue."""
    properties = Basic.Properties(message_id=f"{number}")
    return [Basic.Return(312, "NO_ROUTE", "order", "said.v1"), ContentHeader(0, 2, properties), ContentBody(b"{}")]


@pytest.mark.parametrize(
    "answers",
    [
        [Basic.Ack(each) for each in (2, 1, 4, 3)],
        [Basic.Ack(2, multiple=True), Basic.Nack(3), Basic.Ack(4)],
        [Basic.Nack(4, multiple=True)],
        [*returned(1), Basic.Ack(4, multiple=True)],
        [*returned(0), *returned(3), *[Basic.Ack(each) for each in (1, 2, 3, 4)]],
        [Basic.Ack(1), Closing.Close(403, "ACCESS_REFUSED - to exchange 'order'")],
        [*returned(0), Closing.Close(404, "NOT_FOUND - no exchange 'order'")],
        [Closing.CloseOk()],
    ],
)
async def test_hears_what_the_library_hears(answers: Answers) -> None:
    """Whatever a server answers to four messages, what comes of each is what the library says."""
    await compare([sending(number) for number in range(4)], answers)


async def test_is_told_of_a_connection_that_ends() -> None:
    """What was not confirmed when the connection broke is known at once."""
    async with channel() as line:
        task = asyncio.create_task(publish(line, [sending(number) for number in range(2)]))
        await turns()
        await line.close(ConnectionResetError("gone"))
        outcomes = await asyncio.wait_for(task, SOON)
    assert [repr(each) for each in outcomes] == ["ConnectionResetError('gone')"] * 2


async def test_confirms_nothing_that_was_not() -> None:
    """A channel that ends without a reason has confirmed nothing either."""
    async with channel() as line:
        task = asyncio.create_task(publish(line, [sending(number) for number in range(2)]))
        await turns()
        await line.frames.put((0, Basic.Ack(1)))
        await turns()
        line._closing.set_result(None)
        first, second = await asyncio.wait_for(task, SOON)
    assert (type(first), type(second)) == (Basic.Ack, ChannelInvalidStateError)


async def test_publishes_two_batches_at_once() -> None:
    """The second is written after the first, and each is told what came of its own."""
    async with channel(waiting=1) as line:
        tasks = [
            asyncio.create_task(publish(line, [sending(number, body=b"x" * TOGETHER) for number in numbers]))
            for numbers in ((0, 1, 2), (3, 4, 5))
        ]
        for _ in range(6):
            await turns()
            line.write_queue.get_nowait()
        await turns()
        for answer in (Basic.Ack(4), Basic.Nack(3), Basic.Ack(6, multiple=True)):
            await line.frames.put((0, answer))
        first, second = await asyncio.wait_for(asyncio.gather(*tasks), SOON)
    assert [type(each) for each in first] == [Basic.Ack, Basic.Ack, DeliveryError]
    assert [type(each) for each in second] == [Basic.Ack] * 3


async def test_counts_only_what_was_written() -> None:
    """Who gives up between two writes leaves a channel behind that counts as the server does."""
    big = [sending(number, body=b"x" * TOGETHER) for number in range(3)]
    async with channel(waiting=1) as line:
        task = asyncio.create_task(publish(line, big))
        await turns()
        task.cancel()
        await asyncio.wait((task,))
        assert (line.delivery_tag, sorted(line.confirmations), line.message_id_delivery_tag) == (1, [1], {})
        line.write_queue.get_nowait()
        after = asyncio.create_task(publish(line, [sending(3)]))
        await turns()
        for tag in (1, 2):
            await line.frames.put((0, Basic.Ack(tag)))
        outcomes = await asyncio.wait_for(after, SOON)
    assert [each.delivery_tag for each in outcomes if isinstance(each, Basic.Ack)] == [2]

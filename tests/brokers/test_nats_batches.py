"""A batch on NATS is stored as a whole, or message by message where that cannot be."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import nats
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import BadHeaderError
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy

from arnia.chassis.brokers.nats import KEEP_SECONDS, RECOGNISE_SECONDS, NatsBroker
from arnia.chassis.brokers.nats_batches import LEAST, MOST, MOST_BYTES, parts
from arnia.chassis.brokers.nats_client import NatsClient
from arnia.chassis.messages import Message
from arnia.chassis.uuids import uuid7
from arnia.errors import Unavailable
from arnia.local.ports import free_port
from arnia.local.servers.nats import Nats
from arnia.local.servers.server import start
from arnia.local.voices import Voice

CHANNELS: Final = ("whole", "known", "older", "full")
PATIENCE: Final = 60.0
AGES: Final = 3600.0
"""For how long an answer is waited for, where no answer comes."""


def told(channel: str, count: int) -> list[Message]:
    return [
        Message(
            id=uuid7(),
            type=f"{channel}.told",
            version=1,
            aggregate_type=channel,
            aggregate_id=uuid7(),
            sequence=1,
            source="writer",
            time=datetime.now(UTC),
            payload=b"{}",
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    """Give a running NATS."""
    folder = tmp_path_factory.mktemp("nats-batches")
    users = {"writer": Voice(emits=CHANNELS)}
    server = Nats(folder, free_port(), log=folder / "nats.log", users=users)
    start(server, 120.0)
    yield server
    server.stop()


@asynccontextmanager
async def writing(server: Nats, channel: str) -> AsyncIterator[NatsBroker]:
    broker = await NatsBroker.open(server.url_of("writer"), "writer", (channel,))
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def streams(server: Nats) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(server.url_of("writer"), inbox_prefix=b"_INBOX.writer")
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def stored(server: Nats, channel: str) -> int:
    """Return how many messages the stream of a channel holds."""
    async with streams(server) as stream:
        return (await stream.stream_info(channel)).state.messages


async def test_is_stored_as_a_whole(server: Nats) -> None:
    """A batch needs one confirmation, however many it has; a server takes no more than a thousand at once."""
    async with writing(server, "whole") as broker:
        await broker.publish(told("whole", MOST + LEAST))
        assert broker.batches == 2
        await broker.publish(told("whole", 1))
        assert broker.batches == 2
    assert await stored(server, "whole") == MOST + LEAST + 1


async def test_recognises_what_was_published_before(server: Nats) -> None:
    """What was confirmed to nobody is published again, and stored once; what is new in its batch is stored as well."""
    old, new = told("known", LEAST), told("known", LEAST)
    async with writing(server, "known") as broker:
        await broker.publish(old)
        await broker.publish([*old, *new])
        assert broker.batches == 1
        await broker.publish(told("known", LEAST))
        assert broker.batches == 2
    assert await stored(server, "known") == 3 * LEAST


async def make_as_before(stream: JetStreamContext, channel: str) -> None:
    """Make the stream of a channel as it was made before there were batches."""
    await stream.add_stream(
        name=channel,
        subjects=[f"{channel}.>"],
        max_age=KEEP_SECONDS,
        duplicate_window=RECOGNISE_SECONDS,
        deny_delete=True,
    )


async def test_lets_a_stream_that_is_there_take_batches(server: Nats) -> None:
    """A stream from a time before batches takes them once a service has opened it, and keeps what it has."""
    async with streams(server) as stream:
        await make_as_before(stream, "older")
        await stream.publish("older.told.v1.somebody", b"{}")
    async with writing(server, "older") as broker:
        await broker.publish(told("older", LEAST))
        assert broker.batches == 1
    assert await stored(server, "older") == LEAST + 1


async def test_publishes_to_a_stream_that_allows_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a service may not change a stream from a time before batches, it takes the same messages, one by one."""

    def without_update(name: str, voice: Voice) -> dict[str, object]:
        publish = [f"{channel}.>" for channel in voice.emits] + ["$JS.API.INFO", "$JS.API.STREAM.CREATE.>"]
        publish.append("$JS.API.STREAM.INFO.>")
        return {"publish": {"allow": publish}, "subscribe": {"allow": [f"_INBOX.{name}.>"]}}

    monkeypatch.setattr("arnia.local.servers.nats.permissions", without_update)
    monkeypatch.setattr("arnia.chassis.brokers.nats.CONFIRM_SECONDS", AGES)
    server = Nats(tmp_path, free_port(), log=tmp_path / "nats.log", users={"writer": Voice(emits=("oldest",))})
    start(server, 120.0)
    try:
        async with streams(server) as stream:
            await make_as_before(stream, "oldest")
        async with asyncio.timeout(PATIENCE), writing(server, "oldest") as broker:
            await broker.publish(told("oldest", LEAST))
            assert broker.batches == 0
        assert await stored(server, "oldest") == LEAST
    finally:
        server.stop()


async def test_says_at_once_what_the_server_refuses(server: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that the server answers with an error is refused then, long before nobody waits any more."""
    monkeypatch.setattr("arnia.chassis.brokers.nats.CONFIRM_SECONDS", AGES)
    async with writing(server, "full") as broker:
        await broker.publish(told("full", 1))
        async with streams(server) as stream:
            made = await stream.stream_info("full")
            await stream.update_stream(made.config.evolve(max_msgs=1, discard=DiscardPolicy.NEW))
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unavailable) as caught:
                await broker.publish(told("full", 1))
        assert "maximum messages exceeded" in str(caught.value.__cause__)
    assert await stored(server, "full") == 1


def test_is_no_larger_than_a_server_takes() -> None:
    """A batch is of one stream, of a thousand messages and of some megabytes at most, and in order."""
    large = [replace(message, payload=bytes(MOST_BYTES // 2)) for message in told("whole", 3)]
    messages = [*told("whole", MOST + 1), *told("known", 2), *large]
    found = list(parts(messages))
    assert [len(part) for part in found] == [MOST, 1, 2, 2, 1]
    assert [message for part in found for message in part] == messages


TOKENS: Final = st.text("abcXYZ-_ 0\t\xe9", max_size=8)


@given(st.lists(st.tuples(TOKENS, st.sampled_from([":", ": ", ""]), st.text("ab: \t\xe9\u2603=?", max_size=9))))
def test_reads_headers_as_the_library_does(lines: list[tuple[str, str, str]]) -> None:
    """Headers that are read quickly are those that nats-py reads."""
    raw = "".join(f"{name}{colon}{value}\r\n" for name, colon, value in lines).encode() + b"\r\n"
    assert NatsClient._parse_header_lines(raw) == Client._parse_header_lines(raw)


async def sent(client: Client, headers: dict[str, str]) -> dict[str, str] | str:
    """Return what a client writes, as it is read; or why it does not."""
    try:
        await client._send_publish("place", "", b"", 0, headers)
    except BadHeaderError as error:
        return str(error)
    _, _, written = b"".join(client._pending).partition(b"NATS/1.0\r\n")
    return Client._parse_header_lines(written)


@given(st.dictionaries(TOKENS, st.text("ab: \t\r\n\xe9\u2603=?", max_size=9), min_size=1))
def test_writes_headers_as_the_library_does(headers: dict[str, str]) -> None:
    """Headers that are written quickly are those that nats-py writes: none breaks out of its line."""
    assert asyncio.run(sent(NatsClient(), headers)) == asyncio.run(sent(Client(), headers))


def test_headers_need_be_no_text() -> None:
    """A value that is no UTF-8 is read as far as it can be."""
    assert NatsClient._parse_header_lines(b"a: \xff\r\n\r\n") == {"a": "\ufffd"}


async def test_goes_on_after_somebody_gave_up(server: Nats) -> None:
    """An answer that comes when nobody waits for it any more does not end the reading of everything else."""
    client = NatsClient()
    await client.connect(server.url_of("writer"), inbox_prefix=b"_INBOX.writer")
    try:
        hasty = asyncio.create_task(client.flush())
        await asyncio.sleep(0)
        hasty.cancel()
        await client.flush()
        await client.flush()
        assert client.is_connected
    finally:
        await client.close()

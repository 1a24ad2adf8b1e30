"""NATS JetStream: a stream for each aggregate type, a durable pull consumer for each that hears it.

Messages are pulled ahead of need, up to what may be in flight, so that none waits for a round trip. A batch is stored
and confirmed as a whole, or message by message where that cannot be; a message that is published again within two
minutes is recognised by its id.

Source: NATS ADR-13 (pull consumers), ADR-37, and ADR-50 (batches).
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import nats
import nats.errors
import nats.js.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    PubAck,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)

from arnia.chassis.brokers.broker import Subscription, Undeliverable
from arnia.chassis.brokers.nats_batches import COMMITTED, LEAST, headers_of, numbered, parts, refusal, subject
from arnia.chassis.brokers.nats_client import NatsClient, NatsStream
from arnia.chassis.brokers.nats_intake import NatsIntake, Pull
from arnia.chassis.messages import Message
from arnia.errors import OutsideError, Unavailable

__all__ = ["NatsBroker", "stream_name", "subject"]

KEEP_SECONDS: Final = 14 * 86_400.0
"""How long a stream keeps what was published: a consumer may be away, or begin, that much later."""
RECOGNISE_SECONDS: Final = 120.0
ACKNOWLEDGE_SECONDS: Final = 30.0
"""After how long a message that nobody acknowledged is handed over again."""
CONFIRM_SECONDS: Final = 10.0
START_SECONDS: Final = 30.0
RECONNECT_SECONDS: Final = 0.2
MOST_PENDING: Final = 4000
HEADROOM: Final = 4096
"""What headers may need of the server's limit on a message."""
POLL_SECONDS: Final = 0.25
"""How soon it is noticed that something is forbidden: that is told beside the answers, never in one."""

log: Final = logging.getLogger("arnia.broker")


def stream_name(aggregate_type: str) -> str:
    """Return the stream of an aggregate type: names of streams have no dots."""
    return aggregate_type.replace(".", "_")


class NatsBroker:
    """A connection to NATS; it reconnects by itself.

    Attributes:
        batches: How often many messages were stored as a whole.
    """

    def __init__(self, service: str) -> None:
        self._service = service
        self.batches = 0
        self._anew()
        self._heard: set[_Complaints] = set()
        self._reconnected: set[Pull] = set()
        self._batching: set[str] = set()

    @classmethod
    async def open(cls, url: str, service: str, emits: Sequence[str]) -> Self:
        """Connect, and make the streams of what this service emits.

        Raises:
            OutsideError: The server refuses the credentials, or is not there for 30 seconds.
        """
        broker = cls(service)
        await broker._connect(url)
        for aggregate_type in emits:
            await broker._ensure_stream(aggregate_type)
        return broker

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish all of them, and return once each is stored.

        Raises:
            Unavailable: The server is not there, or did not confirm in time.
            Undeliverable: Some are too large, or may not be published by this service.
        """
        if not self._client.is_connected:
            detail = "The message broker cannot be reached."
            raise Unavailable(detail)
        large = [message for message in messages if len(message.payload) > self._client.max_payload - HEADROOM]
        never = {message.id for message in large}
        fit = [message for message in messages if message.id not in never] if large else messages
        stream = self._stream
        waiting: dict[asyncio.Future[PubAck], Message] = {}
        with self._hearing() as complaints:
            try:
                for message in await self._rest(fit, complaints):
                    place, headers = subject(message), headers_of(message)
                    waiting[await stream.publish_async(place, message.payload, headers=headers)] = message
                await self._confirmed(waiting, complaints)
            except (nats.errors.Error, OSError, TimeoutError) as error:
                for future in waiting:
                    future.cancel()
                self._raise(error, complaints, messages)
        if large:
            reason = f"{len(large)} events are larger than the {self._client.max_payload} bytes that NATS takes"
            raise Undeliverable(reason, large)

    @asynccontextmanager
    async def subscribe(self, subscription: Subscription) -> AsyncIterator[NatsIntake]:
        """Read what `subscription` says, through durable consumers that this makes.

        Raises:
            Unavailable: The server is not there, or nobody has made a stream yet.
            Undeliverable: This service may not read there.
        """
        arrived = asyncio.Event()
        async with AsyncExitStack() as stack:
            pulls = [
                await stack.enter_async_context(self._pull(channel, subscription, arrived))
                for channel in subscription.channels
            ]
            yield NatsIntake(self, pulls, arrived)

    async def close(self) -> None:
        """Part, once what was written is sent."""
        if self._client.is_connected:
            try:
                await self._client.flush(timeout=1)
            except (nats.errors.Error, TimeoutError) as error:
                log.info("left the message broker in the middle of something: %s", error)
        with suppress(OSError):  # it is gone already
            await self._client.close()

    async def acknowledged(self) -> None:
        """Return when the server has read every acknowledgement that was written."""
        try:
            await self._client.flush(timeout=int(CONFIRM_SECONDS))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            detail = "The message broker cannot be reached."
            raise Unavailable(detail) from error

    async def answer(self, message: Msg, word: bytes) -> None:
        """Say to the server what became of a message that it handed over."""
        try:
            await self._client.publish(message.reply, word)
        except (nats.errors.Error, OSError) as error:
            detail = "The message broker cannot be reached."
            raise Unavailable(detail) from error

    @property
    def present(self) -> bool:
        """Whether the server is there."""
        return self._client.is_connected

    def _anew(self) -> None:
        self._client = NatsClient()
        # One for all that is published: each has a subscription for its confirms, which never ends.
        self._stream = NatsStream(self._client, timeout=CONFIRM_SECONDS, publish_async_max_pending=MOST_PENDING)

    async def _connect(self, url: str) -> None:
        parts = urlsplit(url)
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        until, said = time.monotonic() + START_SECONDS, False
        while True:
            try:
                await self._client.connect(
                    address,
                    user=unquote(parts.username or ""),
                    password=unquote(parts.password or ""),
                    name=self._service,
                    inbox_prefix=f"_INBOX.{self._service}".encode(),
                    allow_reconnect=False,  # yet: a first connection that reconnects never says what is wrong
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # it is slept for
                    connect_timeout=2,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=self._note,
                    reconnected_cb=self._pull_again,
                )
            except (nats.errors.Error, OSError, TimeoutError) as error:
                with suppress(OSError):
                    await self._client.close()
                self._anew()
                if "authorization" in str(error).lower():
                    message = f"the message broker at {address} refuses {self._service}: is its broker_url right?"
                    raise OutsideError(message) from error
                if time.monotonic() > until:
                    message = f"the message broker at {address} cannot be reached within {START_SECONDS:g} s"
                    raise OutsideError(message) from error
                if not said:
                    said = True
                    log.warning("the message broker at %s cannot be reached: waiting for it", address)
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                self._client.options["allow_reconnect"] = True
                return

    async def _ensure_stream(self, aggregate_type: str) -> None:
        config = StreamConfig(
            name=stream_name(aggregate_type),
            subjects=[f"{aggregate_type}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=KEEP_SECONDS,
            duplicate_window=RECOGNISE_SECONDS,
            deny_delete=True,
            allow_atomic=True,
        )
        stream = self._client.jetstream(timeout=CONFIRM_SECONDS)
        try:
            try:
                info = await stream.add_stream(config)
            except nats.js.errors.BadRequestError:  # it is there, from a time when no stream was made to allow that
                info = await stream.add_stream(config.evolve(allow_atomic=None))
                info = await self._batches_allowed(stream, config) or info
        except (nats.errors.Error, TimeoutError) as error:
            message = f"the message broker does not let {self._service} make the stream of {aggregate_type}: {error}"
            raise OutsideError(message) from error
        if info.config.allow_atomic:
            self._batching.add(aggregate_type)

    async def _batches_allowed(self, stream: JetStreamContext, config: StreamConfig) -> StreamInfo | None:
        """Let a stream that is there take batches; return nothing where the server does not let that be."""
        asked = asyncio.ensure_future(stream.update_stream(config))
        with self._hearing(f".update.{config.name}") as complaints:
            try:
                await self._allowed(asked, complaints)
            except (nats.js.errors.APIError, TimeoutError) as error:
                log.info("the stream %s takes no batches: %s", config.name, complaints.told or error)
                return None
        return asked.result()

    @asynccontextmanager
    async def _pull(self, channel: str, subscription: Subscription, arrived: asyncio.Event) -> AsyncIterator["Pull"]:
        name, consumer = stream_name(channel), subscription.consumer
        config = ConsumerConfig(
            name=consumer,
            durable_name=consumer,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACKNOWLEDGE_SECONDS,
            max_deliver=-1,
            max_ack_pending=subscription.in_flight * 4,
        )
        stream = self._client.jetstream(timeout=CONFIRM_SECONDS)
        with self._hearing(f".{name}.{consumer}") as complaints:
            try:
                await self._allowed(stream.add_consumer(name, config), complaints)
            except nats.js.errors.NotFoundError as error:
                detail = f"Nobody emits anything about {channel} yet."
                raise Unavailable(detail) from error
            except (nats.errors.Error, OSError, TimeoutError) as error:
                self._raise(error, complaints)
        pull = Pull(self._client, name, consumer, subscription, channel, arrived)
        await pull.begin()
        self._reconnected.add(pull)
        try:
            yield pull
        finally:
            self._reconnected.discard(pull)
            await pull.end()

    async def _rest(self, messages: Sequence[Message], complaints: "_Complaints") -> Sequence[Message]:
        """Publish together what can be; return the others, which are to be published by themselves and in this order.

        Once some of a stream are among the others, all that come after them are: they may be about the same thing.
        """
        alone: set[str] = set()
        rest: list[Message] = []
        for part in parts(messages):
            kind = part[0].aggregate_type
            able = kind in self._batching and kind not in alone and len(part) >= LEAST
            if not (able and await self._together(part, complaints)):
                alone.add(kind)
                rest += part
        return rest

    async def _together(self, part: Sequence[Message], complaints: "_Complaints") -> bool:
        """Publish messages of one stream; return whether all of them are stored, or else none."""
        *before, (last, headers) = numbered(part)
        for message, its_headers in before:
            await self._client.publish(subject(message), message.payload, headers=its_headers)
        place, headers = subject(last), headers | COMMITTED
        asked = asyncio.ensure_future(
            self._client.request(place, last.payload, timeout=CONFIRM_SECONDS, headers=headers)
        )
        try:
            await self._allowed(asked, complaints)
        except TimeoutError:
            if complaints.told:
                return False
            raise
        if fault := refusal(asked.result().data):
            log.debug("message broker: %s", fault)
            return False
        self.batches += 1
        return True

    async def _confirmed(self, waiting: Mapping[asyncio.Future[PubAck], Message], complaints: "_Complaints") -> None:
        """Wait for all that may be published."""
        until = time.monotonic() + CONFIRM_SECONDS
        pending = set(waiting)
        while pending:
            done, pending = await asyncio.wait(pending, timeout=POLL_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
            for future in done:
                future.result()
            pending = {future for future in pending if not complaints.name(waiting[future])}
            if pending and (time.monotonic() > until or not self._client.is_connected):
                complaints.told.clear()  # nobody knows about the others
                message = "no acknowledgement"
                raise TimeoutError(message)
        if any(complaints.name(message) for message in waiting.values()):
            message = "some may not be published"
            raise TimeoutError(message)

    async def _allowed(self, asked: Awaitable[object], complaints: "_Complaints") -> None:
        """Wait for an answer for as long as it is not forbidden."""
        task = asyncio.ensure_future(asked)
        try:
            while not task.done() and not complaints.told and self._client.is_connected:
                await asyncio.wait((task,), timeout=POLL_SECONDS)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            message = "that is not allowed"
            raise TimeoutError(message)
        task.result()

    def _raise(self, error: Exception, complaints: "_Complaints", messages: Sequence[Message] = ()) -> None:
        mine = [message for message in messages if complaints.name(message)]
        if mine or (complaints.told and not messages):
            text = f"NATS does not let {self._service} do that: {complaints.told[0]}"
            raise Undeliverable(text, mine) from error
        detail = "The message broker cannot be reached, or did not confirm in time."
        raise Unavailable(detail) from error

    @contextmanager
    def _hearing(self, place: str = "") -> Iterator["_Complaints"]:
        """Give what the server forbids about `place`, or about anything, while the block lasts."""
        complaints = _Complaints(place)
        self._heard.add(complaints)
        try:
            yield complaints
        finally:
            self._heard.discard(complaints)

    async def _note(self, error: Exception) -> None:
        text = str(error).lower()
        if "permissions violation" in text:
            for complaints in self._heard:
                complaints.hear(text)
        else:
            log.info("message broker: %s", str(error) or type(error).__name__)

    async def _pull_again(self) -> None:
        log.warning("the message broker is there again")
        for pull in self._reconnected:
            await pull.renew()


class _Complaints:
    """What was forbidden while somebody waited: the server tells the connection, and answers nobody.

    Several wait at once, and each for its own answer; so each has its own.
    """

    def __init__(self, place: str) -> None:
        self._place = place.lower()
        self.told: list[str] = []

    def hear(self, text: str) -> None:
        """Take in what the server said, where it is about this place."""
        if self._place in text:
            self.told.append(text)

    def name(self, message: Message) -> bool:
        """Tell whether it was forbidden to publish this one."""
        return any(f'"{subject(message)}"'.lower() in text for text in self.told)

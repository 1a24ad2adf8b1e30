"""NATS JetStream: a stream for each aggregate type, a durable pull consumer for each that hears it.

Messages are pulled ahead of need, up to what may be in flight, so that none waits for a round trip. A batch is
confirmed when the server has acknowledged each of its messages, which are stored by then; a message that is published
again within two minutes is recognised by its id.

Source: NATS ADR-13 (pull consumers) and ADR-37.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final, Self
from urllib.parse import unquote, urlsplit

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    PubAck,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from arnia.chassis.brokers.broker import Received, Subscription, Undeliverable
from arnia.chassis.messages import Message, Undecodable, attributes, read
from arnia.errors import OutsideError, Unavailable

__all__ = ["NatsBroker", "stream_name", "subject"]

PREFIX: Final = "ce-"
CONTENT_TYPE: Final = "content-type"
MESSAGE_ID: Final = "Nats-Msg-Id"
KEEP_SECONDS: Final = 14 * 86_400.0
"""How long a stream keeps what was published: a consumer may be away, or begin, that much later."""
RECOGNISE_SECONDS: Final = 120.0
ACKNOWLEDGE_SECONDS: Final = 30.0
"""After how long a message that nobody acknowledged is handed over again."""
CONFIRM_SECONDS: Final = 10.0
START_SECONDS: Final = 30.0
RECONNECT_SECONDS: Final = 0.2
PULL_SECONDS: Final = 20.0
MOST_PENDING: Final = 4000

log: Final = logging.getLogger("arnia.broker")


def stream_name(aggregate_type: str) -> str:
    """Return the stream of an aggregate type: names of streams have no dots."""
    return aggregate_type.replace(".", "_")


def subject(message: Message) -> str:
    """Return where a message is published."""
    kind = message.type.removeprefix(f"{message.aggregate_type}.").replace(".", "_")
    return f"{message.aggregate_type}.{kind}.v{message.version}.{message.aggregate_id}"


class NatsBroker:
    """A connection to NATS; it reconnects by itself."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._client = Client()
        # One for all that is published: each has a subscription for its confirms, which never ends.
        self._stream = self._client.jetstream(timeout=CONFIRM_SECONDS, publish_async_max_pending=MOST_PENDING)
        self._forbidden: list[str] = []
        self._reconnected: set[_Pull] = set()

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
        large = [message for message in messages if len(message.payload) > self._client.max_payload - _HEADROOM]
        never = {message.id for message in large}
        stream = self._stream
        self._forbidden.clear()
        waiting: list[asyncio.Future[PubAck]] = []
        try:
            for message in messages:
                if message.id not in never:
                    headers = {f"{PREFIX}{name}": value for name, value in attributes(message).items()}
                    headers[MESSAGE_ID] = str(message.id)
                    waiting.append(await stream.publish_async(subject(message), message.payload, headers=headers))
            await self._confirmed(waiting)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            for future in waiting:
                future.cancel()
            self._raise(error, messages)
        if large:
            reason = f"{len(large)} events are larger than the {self._client.max_payload} bytes that NATS takes"
            raise Undeliverable(reason, large)

    @asynccontextmanager
    async def subscribe(self, subscription: Subscription) -> AsyncIterator["_Intake"]:
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
            yield _Intake(self, pulls, arrived)

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
                self._client = Client()
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
        )
        stream = self._client.jetstream(timeout=CONFIRM_SECONDS)
        try:
            await stream.add_stream(config)
        except (nats.errors.Error, TimeoutError) as error:
            message = f"the message broker does not let {self._service} make the stream of {aggregate_type}: {error}"
            raise OutsideError(message) from error

    @asynccontextmanager
    async def _pull(self, channel: str, subscription: Subscription, arrived: asyncio.Event) -> AsyncIterator["_Pull"]:
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
        self._forbidden.clear()
        try:
            await stream.add_consumer(name, config)
        except nats.js.errors.NotFoundError as error:
            detail = f"Nobody emits anything about {channel} yet."
            raise Unavailable(detail) from error
        except (nats.errors.Error, OSError, TimeoutError) as error:
            self._raise(error, ())
        pull = _Pull(self._client, name, consumer, subscription, channel, arrived)
        await pull.begin()
        self._reconnected.add(pull)
        try:
            yield pull
        finally:
            self._reconnected.discard(pull)
            await pull.end()

    async def _confirmed(self, waiting: Sequence[asyncio.Future[PubAck]]) -> None:
        """Wait for all; a violation of permissions is told beside the acknowledgements, never in one."""
        until = time.monotonic() + CONFIRM_SECONDS
        pending: set[asyncio.Future[PubAck]] = set(waiting)
        while pending:
            done, pending = await asyncio.wait(pending, timeout=0.25, return_when=asyncio.FIRST_EXCEPTION)
            for future in done:
                future.result()
            if pending and (self._forbidden or time.monotonic() > until or not self._client.is_connected):
                message = "no acknowledgement"
                raise TimeoutError(message)

    def _raise(self, error: Exception, messages: Sequence[Message]) -> None:
        if self._forbidden:
            told = " ".join(self._forbidden).lower()
            mine = [message for message in messages if subject(message).lower() in told]
            text = f"NATS does not let {self._service} do that: {self._forbidden[0]}"
            raise Undeliverable(text, mine) from error
        detail = "The message broker cannot be reached, or did not confirm in time."
        raise Unavailable(detail) from error

    async def _note(self, error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            self._forbidden.append(str(error))
        else:
            log.info("message broker: %s", str(error) or type(error).__name__)

    async def _pull_again(self) -> None:
        log.warning("the message broker is there again")
        for pull in self._reconnected:
            await pull.renew()


_HEADROOM: Final = 4096
"""What headers may need of the server's limit on a message."""


class _Pull:
    """What is pulled from one stream, ahead of need."""

    def __init__(
        self,
        client: Client,
        stream: str,
        consumer: str,
        subscription: Subscription,
        channel: str,
        arrived: asyncio.Event,
    ) -> None:
        self._client = client
        self.stream = stream
        self.consumer = consumer
        self._most = subscription.in_flight
        self._channel = channel
        self._arrived = arrived
        self._inbox = client.new_inbox()
        self._subscription: NatsSubscription | None = None
        self._asked = 0
        self._asked_until = 0.0
        self.unacknowledged = 0
        self.ready: deque[Received] = deque()

    async def begin(self) -> None:
        self._subscription = await self._client.subscribe(self._inbox, cb=self._take)
        await self.ask()

    async def end(self) -> None:
        if self._subscription is not None and not self._client.is_closed:
            await self._subscription.unsubscribe()

    async def renew(self) -> None:
        """Ask anew: what was asked for before the connection broke is forgotten."""
        self._asked = 0
        await self.ask()

    async def ask(self) -> None:
        """Ask for as much as may be in flight, once half of it is used up, or nobody remembers what was asked."""
        now = time.monotonic()
        if now > self._asked_until:
            self._asked = 0
        wanted = self._most - self.unacknowledged - self._asked
        if wanted < max(1, self._most // 2) and self._asked:
            return
        if wanted < 1 or not self._client.is_connected:
            return
        self._asked += wanted
        self._asked_until = now + PULL_SECONDS + 1
        body = json.dumps({"batch": wanted, "expires": int(PULL_SECONDS * 1e9)}).encode()
        place = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.consumer}"
        await self._client.publish(place, body, reply=self._inbox)

    async def lag(self) -> int:
        """Return how many messages wait at the server, and how many are handed over and not acknowledged."""
        try:
            info = await self._client.jetstream(timeout=2).consumer_info(self.stream, self.consumer)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            detail = "The message broker cannot be reached."
            raise Unavailable(detail) from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def _take(self, message: Msg) -> None:
        headers = message.headers or {}
        if (status := headers.get("Status")) and not message.reply:
            left = headers.get("Nats-Pending-Messages")
            self._asked = max(0, self._asked - int(left)) if left else 0
            if status not in {"404", "408", "409", "100"}:
                log.info("message broker: %s %s", status, headers.get("Description", ""))
            await self.ask()
            return
        self._asked = max(0, self._asked - 1)
        self.unacknowledged += 1
        self.ready.append(_received(message, headers, self._channel, self))
        self._arrived.set()


class _Intake:
    """What several streams hand over, as it comes."""

    def __init__(self, broker: NatsBroker, pulls: Sequence[_Pull], arrived: asyncio.Event) -> None:
        self._broker = broker
        self._pulls = pulls
        self._arrived = arrived

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return what is there, or comes within `wait` seconds.

        Raises:
            Unavailable: The server was not there at the end of that time.
        """
        for pull in self._pulls:
            await pull.ask()
        if not any(pull.ready for pull in self._pulls):
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), wait)
            except TimeoutError:
                if self._broker.present:
                    return ()
                detail = "The message broker cannot be reached."
                raise Unavailable(detail) from None
        found: list[Received] = []
        for pull in self._pulls:
            while pull.ready and len(found) < most:
                found.append(pull.ready.popleft())
        return found

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Never hand these over again.

        Raises:
            Unavailable: The server is not there.
        """
        receipts = _receipts(received)
        if not self._broker.present:
            detail = "The message broker cannot be reached."
            raise Unavailable(detail)
        for message, pull in receipts:
            pull.unacknowledged -= 1
            await self._broker.answer(message, b"+ACK")
        for pull in self._pulls:
            await pull.ask()
        await self._broker.acknowledged()

    async def give_back(self, received: Sequence[Received], *, delay: float = 0.0) -> None:
        """Hand these over again, after `delay` seconds."""
        word = b"-NAK" if delay <= 0 else f'-NAK {{"delay": {int(delay * 1e9)}}}'.encode()
        for message, pull in _receipts(received):
            pull.unacknowledged -= 1
            await self._broker.answer(message, word)

    async def lag(self) -> int:
        """Return how many messages wait for this consumer at the server."""
        total = 0
        for pull in self._pulls:
            total += await pull.lag()
        return total


def _receipts(received: Sequence[Received]) -> list[tuple[Msg, _Pull]]:
    receipts = []
    for each in received:
        if not isinstance(each.receipt, tuple):
            message = "this was not handed over by NATS"
            raise TypeError(message)
        receipts.append(each.receipt)
    return receipts


def _received(message: Msg, headers: dict[str, str], channel: str, pull: _Pull) -> Received:
    given = {name[len(PREFIX) :]: value for name, value in headers.items() if name.lower().startswith(PREFIX)}
    kinds = [value for name, value in headers.items() if name.lower() == CONTENT_TYPE]
    event, fault = None, ""
    try:
        event = read(given, message.data, content_type=kinds[0] if kinds else "")
    except Undecodable as error:
        fault = str(error)
    return Received(
        message=event,
        channel=channel,
        body=message.data,
        headers=dict(headers),
        fault=fault,
        deliveries=message.metadata.num_delivered,
        receipt=(message, pull),
    )

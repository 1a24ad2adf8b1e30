"""RabbitMQ: a topic exchange for each aggregate type, a quorum queue for each that hears it.

A batch is confirmed when the server has confirmed each of its messages, which a majority of the queues that get it has
written to disk by then. Publishing and reading have a connection each, since a server that is short of memory stops
listening to whoever publishes.

Who makes what, and what becomes of what nobody hears: `rabbitmq_topology`.

Source: AMQP 0-9-1 with RabbitMQ's extensions (publisher confirms, quorum queues, single active consumer), and the
CloudEvents AMQP protocol binding 1.0.2, whose prefix for headers is `cloudEvents:`.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self
from urllib.parse import urlsplit

from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import (
    AuthenticationError,
    ChannelClosed,
    ChannelNotFoundEntity,
    ConnectionClosed,
    ProbableAuthenticationError,
    PublishError,
)
from aiormq.channel import Channel as WireChannel
from aiormq.exceptions import ChannelAccessRefused

from arnia.chassis.brokers.broker import MOST_BYTES, Subscription, Undeliverable
from arnia.chassis.brokers.rabbitmq_client import Outcome, Properties, Sending, publish
from arnia.chassis.brokers.rabbitmq_intake import PREFIX, RabbitIntake
from arnia.chassis.brokers.rabbitmq_line import GONE, RECONNECT_SECONDS, Line, away, bounded
from arnia.chassis.brokers.rabbitmq_topology import key_of, make_channel
from arnia.chassis.messages import JSON, Message, attributes
from arnia.errors import OutsideError, Unavailable

__all__ = ["RabbitBroker"]

CONFIRM_SECONDS: Final = 10.0
START_SECONDS: Final = 30.0
PERSISTENT: Final = 2
EXCHANGE: Final = re.compile(r"exchange '([^']*)'")

log: Final = logging.getLogger("arnia.broker")


class RabbitBroker:
    """A connection to RabbitMQ; it reconnects by itself."""

    def __init__(self, url: str, service: str, emits: Sequence[str]) -> None:
        self._url = url
        self._service = service
        self._emits = tuple(emits)
        self._line = Line(url, service)
        self._lock = asyncio.Lock()
        self._channel: AbstractChannel | None = None
        self._made = False

    @classmethod
    async def open(cls, url: str, service: str, emits: Sequence[str]) -> Self:
        """Connect, and make the exchanges of what this service emits.

        Raises:
            OutsideError: The server refuses the credentials, does not let this service make its exchanges, or is not
                there for 30 seconds.
        """
        broker = cls(url, service, emits)
        try:
            await broker._connect()
            await broker._publishing()
        except Unavailable as error:
            await broker.close()
            raise OutsideError(str(error)) from error
        except BaseException:
            await broker.close()
            raise
        return broker

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish all of them, and return once each is confirmed.

        Raises:
            Unavailable: The server is not there, did not confirm in time, or has lost an exchange or a queue (which is
                made again).
            Undeliverable: Some are larger than `MOST_BYTES`, or may not be published by this service, or nobody makes
                their exchange.
        """
        refused = {message.id: "too large" for message in messages if len(message.payload) > MOST_BYTES}
        waiting = [message for message in messages if message.id not in refused]
        for _ in range(2 + len({message.aggregate_type for message in waiting})):
            if not waiting:
                break
            outcomes = await self._send(await self._publishing(), waiting)
            waiting = [each for each, came in zip(waiting, outcomes, strict=True) if isinstance(came, BaseException)]
            if waiting:
                never = await self._judge([came for came in outcomes if isinstance(came, BaseException)])
                refused |= {each.id: never[each.aggregate_type] for each in waiting if each.aggregate_type in never}
                waiting = [each for each in waiting if each.id not in refused]
        if waiting:
            raise away()
        if refused:
            reasons = ", ".join(sorted(set(refused.values())))
            reason = f"RabbitMQ does not take {len(refused)} events of {self._service}: {reasons}"
            raise Undeliverable(reason, [message for message in messages if message.id in refused])

    @asynccontextmanager
    async def subscribe(self, subscription: Subscription) -> AsyncIterator[RabbitIntake]:
        """Read what `subscription` says, from queues that this makes.

        Raises:
            Unavailable: The server is not there, or nobody has made a channel yet.
            Undeliverable: This service may not read there.
        """
        intake = RabbitIntake(Line(self._url, f"{self._service} reads"), subscription)
        try:
            await intake.begin()
            yield intake
        finally:
            await intake.end()

    async def close(self) -> None:
        """Part."""
        await self._line.close()

    async def _connect(self) -> None:
        address = f"{urlsplit(self._url).scheme}://{urlsplit(self._url).netloc.rpartition('@')[2]}"
        until, said = time.monotonic() + START_SECONDS, False
        while True:
            try:
                await self._line.connect()
            except (AuthenticationError, ProbableAuthenticationError, ConnectionClosed) as error:
                message = f"the message broker at {address} refuses {self._service}: is its broker_url right?"
                raise OutsideError(message) from error
            except GONE as error:
                if time.monotonic() > until:
                    message = f"the message broker at {address} cannot be reached within {START_SECONDS:g} s"
                    raise OutsideError(message) from error
                if not said:
                    said = True
                    log.warning("the message broker at %s cannot be reached: waiting for it", address)
                await asyncio.sleep(RECONNECT_SECONDS)
            else:
                return

    async def _publishing(self) -> AbstractChannel:
        """Return the channel to publish on; a new one, with what has to be there, if need be."""
        async with self._lock:
            if self._channel is None or self._channel.is_closed or not self._line.up:
                self._channel = await self._line.channel()
            try:
                if not self._made:
                    for channel in self._emits:
                        await bounded(make_channel(self._channel, channel), CONFIRM_SECONDS)
                    self._made = True
            except ChannelClosed as error:
                detail = f"The message broker does not let {self._service} make its exchanges: {_said(error)}"
                raise Unavailable(detail) from error
            except GONE as error:
                raise away() from error
            return self._channel

    async def _send(self, channel: AbstractChannel, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Publish all, in order; return the server's confirmation of each, or what came instead.

        Raises:
            Unavailable: Not all is confirmed in time.
        """
        line = await channel.get_underlay_channel()
        if not isinstance(line, WireChannel):  # which `publish` writes to
            message = "this is no channel of aiormq"
            raise TypeError(message)
        sendings = [
            Sending(each.aggregate_type, key_of(each.type, each.version), self._properties(each), each.payload)
            for each in messages
        ]
        try:
            return await bounded(publish(line, sendings), CONFIRM_SECONDS)
        except GONE as error:
            await self._line.drop()
            raise away() from error

    async def _judge(self, faults: Sequence[BaseException]) -> dict[str, str]:
        """Return the channels on which this service can never publish, each with the reason.

        Raises:
            Unavailable: The faults say nothing for ever.
        """
        never: dict[str, str] = {}
        told = False
        for fault in faults:
            if isinstance(fault, ChannelAccessRefused | ChannelNotFoundEntity):
                told = True
                found = EXCHANGE.search(_said(fault))
                if found is not None and isinstance(fault, ChannelAccessRefused):
                    never[found[1]] = f"it may not publish about {found[1]}"
                elif found is not None and found[1] not in self._emits:
                    never[found[1]] = f"nobody makes {found[1]}"
                else:
                    self._made = False  # somebody deleted it
            elif isinstance(fault, PublishError):  # unroutable: a queue is gone that has to be there
                self._made = False
        if not told:
            await self._line.drop()
            raise away() from faults[0]
        return never

    def _properties(self, message: Message) -> Properties:
        told = attributes(message)
        told.pop("datacontenttype")  # which the binding has in the message's own content type
        return Properties(
            content_type=JSON,
            delivery_mode=PERSISTENT,
            message_id=str(message.id),
            app_id=self._service,
            headers={f"{PREFIX}{name}": value for name, value in told.items()},
        )


def _said(error: BaseException) -> str:
    return " ".join(str(part) for part in error.args)

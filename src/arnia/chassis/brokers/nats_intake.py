"""What a consumer reads from NATS: pulled ahead of need from each stream, acknowledged by hand.

A receipt lasts as long as the message: after a reconnect it acknowledges the same one, or nothing.
"""

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from arnia.chassis.brokers.broker import Received, Subscription
from arnia.chassis.messages import Undecodable, read
from arnia.errors import Unavailable

__all__ = ["PREFIX", "NatsIntake", "Pull"]

PREFIX: Final = "ce-"
PLAIN_WORDS: Final = 9
"""Of the address for an acknowledgement, where a server has no domain."""
PULL_SECONDS: Final = 20.0

log: Final = logging.getLogger("arnia.broker")


class Answering(Protocol):
    """A connection on which the server is told what became of its messages."""

    @property
    def present(self) -> bool:
        """Whether the server is there."""
        ...

    async def answer(self, message: Msg, word: bytes) -> None:
        """Say to the server what became of a message that it handed over."""
        ...

    async def acknowledged(self) -> None:
        """Return when the server has read every acknowledgement that was written."""
        ...


class Pull:
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


class NatsIntake:
    """What several streams hand over, as it comes."""

    def __init__(self, broker: Answering, pulls: Sequence[Pull], arrived: asyncio.Event) -> None:
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


def _receipts(received: Sequence[Received]) -> list[tuple[Msg, Pull]]:
    receipts = []
    for each in received:
        if not isinstance(each.receipt, tuple):
            message = "this was not handed over by NATS"
            raise TypeError(message)
        receipts.append(each.receipt)
    return receipts


def _received(message: Msg, headers: dict[str, str], channel: str, pull: Pull) -> Received:
    event, fault = None, ""
    try:
        event = read(headers, message.data, prefix=PREFIX)
    except Undecodable as error:
        fault = str(error)
    return Received(
        message=event,
        channel=channel,
        body=message.data,
        headers=headers,
        fault=fault,
        deliveries=_deliveries(message.reply),
        receipt=(message, pull),
    )


def _deliveries(reply: str) -> int:
    """Return how often a message was handed over, which the address for its acknowledgement tells.

    Source: NATS ADR-15; a server with domains puts two more words before the stream.
    """
    words = reply.split(".")
    return int(words[-5]) if len(words) == PLAIN_WORDS else int(words[6])

"""What a message broker is to a service: it takes batches, and hands over what has to be acknowledged by hand.

A channel is an aggregate type (`delivery`): who emits about it publishes there, and whoever hears anything about it
reads all of it. The messages of one aggregate are handed over in the order in which they were published, as long as
none of them is handed over again; what comes again, or out of order, is for the inbox to see.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from arnia.chassis.events import MOST_BYTES
from arnia.chassis.messages import Message
from arnia.errors import ArniaError

__all__ = ["MOST_BYTES", "Broker", "Intake", "Received", "Subscription", "Undeliverable"]


class Undeliverable(ArniaError):
    """The broker does not take a message and never will: it is too large, nobody may publish it, nothing takes it.

    Attributes:
        messages: Those of the batch to which that applies; each other one is confirmed.
    """

    def __init__(self, reason: str, messages: Sequence[Message]) -> None:
        self.messages = tuple(messages)
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a consumer reads.

    Attributes:
        consumer: Whose copy it is: all processes that give the same name share the messages among them.
        channels: The aggregate types.
        in_flight: The most messages that are handed over and not acknowledged.
    """

    consumer: str
    channels: tuple[str, ...]
    in_flight: int = 1024


@dataclass(slots=True, kw_only=True)
class Received:
    """A message that a broker handed over and that is not acknowledged yet.

    Attributes:
        message: The event; None where it is none.
        channel: Where it was read.
        body: What was carried, as it came.
        headers: The broker's own headers, as they came.
        fault: Why it is no event; empty where it is one.
        deliveries: How often it was handed over, this time included; 1 where the broker does not count.
        receipt: What the adapter needs to acknowledge it.
    """

    message: Message | None
    channel: str
    body: bytes
    headers: dict[str, str]
    fault: str = ""
    deliveries: int = 1
    receipt: object = None


class Intake(Protocol):
    """An open subscription; what it handed over and was not acknowledged when it ends is handed over again."""

    async def fetch(self, most: int, wait: float) -> Sequence[Received]:
        """Return at least one message as soon as there is one, `most` at the most, or none after `wait` seconds.

        Reconnects by itself.

        Raises:
            Unavailable: The broker has not been there for as long as `wait`.
        """
        ...

    async def acknowledge(self, received: Sequence[Received]) -> None:
        """Never hand these over again.

        Raises:
            Unavailable: The broker is not there; they are handed over again, and the inbox knows them.
        """
        ...

    async def give_back(self, received: Sequence[Received], *, delay: float = 0.0) -> None:
        """Hand these over again, after `delay` seconds where the broker can wait."""
        ...

    async def lag(self) -> int:
        """Return how many messages wait for this consumer, as far as the broker tells."""
        ...


class Broker(Protocol):
    """A connection to a message broker, shared by all that a process publishes and reads."""

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish all of them, and return once each is confirmed to be kept and to have somewhere to go.

        Raises:
            Unavailable: The broker is not there, or did not confirm in time: nobody knows which of them it has.
            Undeliverable: Some can never be published.
        """
        ...

    def subscribe(self, subscription: Subscription) -> AbstractAsyncContextManager[Intake]:
        """Return the intake of a subscription, for as long as an `async with` lasts; makes what it needs at the broker.

        Raises:
            Unavailable: The broker is not there.
            Undeliverable: The broker does not let this service read there (its `messages` are empty).
        """
        ...

    async def close(self) -> None:
        """Publish nothing more, and part."""
        ...

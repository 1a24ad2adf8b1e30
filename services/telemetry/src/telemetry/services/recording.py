"""Taking positions in: they are told to the broker at once, and stored when this service hears them."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

from arnia.chassis.events import Event
from telemetry.models.events import PositionsRecorded
from telemetry.models.positions import Position

__all__ = ["Publisher", "Receipt", "record"]


class Publisher(Protocol):
    """Whatever tells events at once."""

    async def publish(self, events: Sequence[Event], /) -> None:
        """Return once all of them are kept by the broker."""


class Receipt(NamedTuple):
    """What was taken: so many positions, in so many messages."""

    positions: int
    messages: int


async def record(chunks: AsyncIterator[Sequence[Position]], publisher: Publisher) -> Receipt:
    """Tell all positions, one message a chunk; when this returns the broker has confirmed all of them.

    Raises:
        Unavailable: The broker did not confirm; what was told before is taken, and may be sent again.
    """
    positions = messages = 0
    async for chunk in chunks:
        await publisher.publish([PositionsRecorded.of(chunk)])
        positions += len(chunk)
        messages += 1
    return Receipt(positions, messages)

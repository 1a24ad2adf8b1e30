"""What an inbox remembers, and how it is asked: one transaction at a time."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from uuid import UUID

from arnia.chassis.messages import Message

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = [
    "TOGETHER",
    "Aggregate",
    "Due",
    "Entry",
    "InboxStore",
    "Kept",
    "Key",
    "Progress",
    "State",
    "Turn",
    "aggregate_of",
    "key_of",
]

TOGETHER: Final = "it is being tried together with others"
"""The cause of what waits because somebody has begun to try it among others: whose fault an end is, nobody knows."""

Aggregate: TypeAlias = tuple[str, UUID]
"""Its type and its id."""
Due: TypeAlias = tuple[Aggregate, UUID | None]
"""What is to be looked at: an aggregate, or a message of it that has no sequence."""
Key: TypeAlias = Aggregate | UUID
"""What is held up together: an aggregate, or a message without a sequence."""


def aggregate_of(message: Message) -> Aggregate:
    """Return what a message is about."""
    return message.aggregate_type, message.aggregate_id


def key_of(message: Message) -> Key:
    """Return what is held up when this message is."""
    return aggregate_of(message) if message.sequence else message.id


class State(StrEnum):
    """What became of a message."""

    DONE = "done"
    DROPPED = "dropped"
    WAITING = "waiting"
    PARKED = "parked"


@dataclass(slots=True)
class Progress:
    """How far an aggregate has been heard.

    Attributes:
        last: The sequence of the last message that is over; None before the first.
        baseline: The sequence below which nothing is known.
        waiting: Whether messages of it wait.
        parked: Whether it is parked.
    """

    last: int | None = None
    baseline: int = 0
    waiting: bool = False
    parked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to be remembered of a message besides that it came.

    Attributes:
        message: The message; kept whole where it waits or is parked.
        state: What became of it.
        cause: Why, in one sentence.
        attempts: How often it was tried.
        due: In how many seconds it is looked at again; None while it waits behind another.
    """

    message: Message
    state: State
    cause: str = ""
    attempts: int = 0
    due: float | None = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that waits.

    Attributes:
        message: The message.
        attempts: How often it was tried.
        age: Seconds since it came.
        due: In how many seconds it is to be looked at; not above 0 where that is now.
        together: Whether it was begun to be tried among others, which is no attempt of its own.
        unfinished: Whether what was begun last, by itself or among others, has no end yet.
    """

    message: Message
    attempts: int
    age: float
    due: float = 0.0
    together: bool = False
    unfinished: bool = False

    def is_as(self, other: "Kept") -> bool:
        """Tell whether nobody went on from there meanwhile: the number of attempts is the fence."""
        mine, its = (self.message.id, self.attempts, self.together), (other.message.id, other.attempts, other.together)
        return mine == its


class Turn(Protocol):
    """One transaction on the inbox; committed when its block ends well, undone otherwise."""

    @property
    def session(self) -> "Session":
        """The transaction, for the effect."""

    async def remember(self, messages: Sequence[Message]) -> frozenset[UUID]:
        """Remember these as done; return the ids of those that were not known. Waits for others who remember them."""

    async def progress(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        """Return how far these are, locked until the end of the transaction, in an order that cannot deadlock."""

    async def claim(self, aggregates: Iterable[Aggregate]) -> dict[Aggregate, Progress]:
        """Return how far these are, locked; without those that somebody else holds, or of which nothing is known."""

    async def first(self, aggregates: Iterable[Aggregate], most: int = 1) -> dict[Aggregate, list[Kept]]:
        """Return the first messages of each of these that wait, in their order; nothing of those that have none."""

    async def find(self, ids: Iterable[UUID]) -> dict[UUID, Kept]:
        """Return those of these messages that wait, locked; without those that somebody else has."""

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Remember this about messages that are remembered."""

    async def advance(self, changed: Mapping[Aggregate, Progress]) -> None:
        """Remember how far these are now."""

    async def wake(self, aggregates: Sequence[Aggregate]) -> None:
        """Let the first that waits of each of these be looked at now."""

    async def hush(self, aggregate: Aggregate) -> None:
        """Let nothing that waits of it be looked at, but the first."""

    async def park(self, aggregate: Aggregate) -> None:
        """Park everything that waits of it."""


class InboxStore(Protocol):
    """Where messages are remembered."""

    def turn(self) -> AbstractAsyncContextManager[Turn]:
        """Begin a transaction."""

    async def due(self, most: int) -> Sequence[Due]:
        """Return aggregates of which something is to be looked at now, and single messages that have no sequence."""

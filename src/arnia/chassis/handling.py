"""How the functions that hear events are called: in order, neighbours together, and none of them for ever."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from arnia.chassis.hearers import Handler, Reception
from arnia.chassis.inbox_turns import Turn
from arnia.chassis.messages import Message
from arnia.chassis.spans import HeardSpans
from arnia.chassis.traces import CURRENT
from arnia.errors import DeadlineExceeded, ServiceError, TooManyRequests, Unavailable

if TYPE_CHECKING:
    from arnia.chassis.session import Session

__all__ = ["TRANSIENT", "Failed", "Handling", "describe"]

TRANSIENT: Final = (Unavailable, DeadlineExceeded, TooManyRequests)
LONGEST_CAUSE: Final = 500


class Failed(Exception):
    """A function raised something.

    Attributes:
        messages: What it was given.
        error: What it raised.
    """

    def __init__(self, messages: Sequence[Message], error: Exception) -> None:
        self.messages = tuple(messages)
        self.error = error
        super().__init__(type(error).__name__)


class Handling:
    """What a service does with events, by their topic and version."""

    def __init__(
        self,
        handlers: Mapping[tuple[str, int], Handler],
        receive: Callable[[Message, "Session"], Reception],
        seconds: float,
        spans: HeardSpans | None = None,
    ) -> None:
        """Call `handlers` with what `receive` makes of a message and a transaction, for at most `seconds` each.

        Each call is recorded in `spans`, where its trace is sampled.
        """
        self._handlers = handlers
        self._receive = receive
        self._seconds = seconds
        self._spans = spans

    async def handle(self, turn: Turn, messages: Sequence[Message]) -> None:
        """Call the functions that hear these, in this order; neighbours go together to one that hears batches.

        Raises:
            Failed: One of them raised something.
        """
        together: list[Message] = []
        for place, message in enumerate(messages):
            handler = self._handlers.get((message.type, message.version))
            if handler is None:
                continue
            if handler.one is not None:
                await self._call(handler, turn, [message])
                continue
            together.append(message)
            following = messages[place + 1] if place + 1 < len(messages) else None
            if following is None or not _is_same(self._handlers.get((following.type, following.version)), handler):
                await self._call(handler, turn, together)
                together = []

    async def _call(self, handler: Handler, turn: Turn, messages: Sequence[Message]) -> None:
        try:
            views = [self._handlers[message.type, message.version].view for message in messages]
            events = [view.from_envelope(message) for view, message in zip(views, messages, strict=True)]
            reception = self._receive(messages[0], turn.session)
            outer, started, failed = CURRENT.set(reception.trace), time.perf_counter(), True
            try:
                if handler.one is not None:
                    await self._limit(handler.one(events[0], reception))
                elif handler.many is not None:
                    await self._limit(handler.many(events, reception))
                failed = False
            finally:
                CURRENT.reset(outer)
                if self._spans is not None:
                    seconds = time.perf_counter() - started
                    self._spans.record(reception.trace, messages, failed=failed, seconds=seconds)
        except Exception as error:
            raise Failed(messages, error) from error

    async def _limit(self, call: Awaitable[None]) -> None:
        limit = asyncio.timeout(self._seconds)
        try:
            async with limit:
                await call
        except TimeoutError:
            if not limit.expired():
                raise
            detail = f"It was not handled within {self._seconds:g} s."
            raise DeadlineExceeded(detail) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            message = "the function that hears it cancelled itself"
            raise RuntimeError(message) from None


def _is_same(other: Handler | None, handler: Handler) -> bool:
    return other is not None and other.many is handler.many


def describe(error: Exception) -> str:
    """Return what kind of fault it was and what it says of itself, without values of the event."""
    if not isinstance(error, ServiceError):
        return type(error).__name__
    # What a database can keep: no NUL, and nothing that is no character.
    told = f"{type(error).__name__}: {error.detail}"[:LONGEST_CAUSE].replace("\0", "")
    return told.encode(errors="replace").decode()

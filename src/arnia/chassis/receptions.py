"""What a function that hears an event is given: the message, the transaction, and clients of other services."""

import time
from typing import Final, TypeVar

from arnia.chassis.calls import Origin
from arnia.chassis.client import Client
from arnia.chassis.context import Runtime
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.traces import Trace, continue_trace
from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER

__all__ = ["HANDLING_SECONDS", "EventReception"]

HANDLING_SECONDS: Final = 25.0
"""How long one event may take: shorter than the lease of an attempt."""

C = TypeVar("C", bound=Client)


class EventReception:
    """One event being heard.

    Attributes:
        message: The event as it travelled; the first one of several.
        session: The transaction in which it is remembered.
        kept: What the service's own `lifespan` opened.
        trace: This piece of work, in the trace of the request that the event came from; of several, the first one.
    """

    def __init__(self, runtime: Runtime, message: Message, session: Session) -> None:
        self.message = message
        self.session = session
        self.kept = runtime.kept
        self.trace = trace_of(message)
        session.trace = self.trace
        self._runtime = runtime
        self._deadline = time.monotonic() + HANDLING_SECONDS

    def client(self, kind: type[C]) -> C:
        """Return a declared client, on behalf of the service itself, in the trace of this event.

        What it calls ends when the handling has to: `HANDLING_SECONDS` after that began, however old the event is.

        Raises:
            TypeError: The service does not declare the client.
        """
        caller = self._runtime.callers.get(kind.service)
        if caller is None:
            message = f"{kind.__name__} is not declared: give it to create_app(clients=...)"
            raise TypeError(message)
        origin = Origin(
            deadline=self._deadline,
            request_id=str(self.message.id),
            trace=self.trace,
            spans=self._runtime.spans,
        )
        return kind(caller, origin)


def trace_of(message: Message) -> Trace:
    """Return a new place in the trace that a message carries; a new trace where it carries none."""
    parent, state = (message.headers.get(name) for name in (TRACE_HEADER, TRACE_STATE_HEADER))
    return continue_trace(parent.encode() if parent else None, state.encode() if state else None)

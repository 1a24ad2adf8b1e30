"""What a service does when it hears of an event: its own view of it, and a function for each.

```python
class DeliveryCreated(Heard):
    topic = "delivery.created"

    pickup_after: datetime


facts = Hearer()


@facts.on(DeliveryCreated)
async def plan(event: DeliveryCreated, reception: Reception) -> None: ...


create_app(..., hearers=(facts,))
```

The function runs in the transaction that also remembers the message: its effect happens once inside the service's
database, however often the broker hands the event over. What it does elsewhere may happen again: give that the
message's id as its key. It raises `Unavailable` or `DeadlineExceeded` for what another attempt may mend; anything else
parks the aggregate, with everything that is said about it later, until somebody redrives it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PrivateAttr
from typing_extensions import override

from arnia.chassis.events import TOPIC
from arnia.chassis.messages import Message
from arnia.chassis.traces import Trace

if TYPE_CHECKING:
    from arnia.chassis.client import Client
    from arnia.chassis.session import Session

__all__ = ["Heard", "Hearer", "Reception"]

C = TypeVar("C", bound="Client")


class Heard(BaseModel):
    """The consumer's own view of an event: what it reads of it, and nothing else (fields that it does not know pass).

    Subclasses name the `topic` and, where it is not the first, the major `version` that they read.

    Raises:
        TypeError: When a subclass is defined without a well-formed `topic`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    topic: ClassVar[str]
    version: ClassVar[int] = 1
    aggregate_type: ClassVar[str] = ""

    aggregate_id: UUID

    _envelope: Message = PrivateAttr()

    @property
    def envelope(self) -> Message:
        """The event as it travelled: its id is the key of what is done elsewhere."""
        return self._envelope

    @classmethod
    def from_envelope(cls, message: Message) -> Self:
        """Read what a message carries.

        Raises:
            ValidationError: It is not what this view reads.
        """
        event = cls.model_validate_json(message.payload)
        event._envelope = message  # noqa: SLF001 - its own
        return event

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Refuse a subclass that could hear nothing."""
        topic = getattr(cls, "topic", "")
        if not TOPIC.fullmatch(topic):
            message = f"heard event {cls.__name__}: give it a topic such as 'delivery.created', not {topic!r}"
            raise TypeError(message)
        cls.aggregate_type = cls.aggregate_type or topic.rpartition(".")[0]


H = TypeVar("H", bound=Heard)


class Reception(Protocol):
    """What a function that hears an event may use besides the event."""

    message: Message
    """The event as it travelled: its id is the key of what is done elsewhere."""
    kept: object
    """What the service's own `lifespan` opened."""

    @property
    def trace(self) -> Trace | None:
        """This piece of work, in the trace of the event (of several, the first): what is logged meanwhile names it."""
        ...

    @property
    def session(self) -> "Session":
        """The transaction in which the message is remembered; `emit` on it tells others."""
        ...

    def client(self, kind: type[C]) -> C:
        """Return a declared client, on behalf of the service itself, in the trace of this event.

        Of several events it is the trace of the first. Calls end 25 s after the function began, however old the event.
        """
        ...


@dataclass(frozen=True, slots=True)
class Handler:
    """What is done with the events of one topic and version.

    Attributes:
        view: How they are read.
        one: Called with each; None where `many` is.
        many: Called with all of a batch at once, in their order; None where `one` is.
    """

    view: type[Heard]
    one: Callable[[Heard, Reception], Awaitable[None]] | None = None
    many: Callable[[Sequence[Heard], Reception], Awaitable[None]] | None = None


class Hearer:
    """A set of functions that hear events, as a router is a set of functions that answer requests."""

    def __init__(self) -> None:
        self.handlers: dict[tuple[str, int], Handler] = {}

    def on(
        self, view: type[H]
    ) -> Callable[[Callable[[H, Reception], Awaitable[None]]], Callable[[H, Reception], Awaitable[None]]]:
        """Let the decorated function hear each event that `view` reads.

        Raises:
            TypeError: Another function hears it already.
        """

        def keep(function: Callable[[H, Reception], Awaitable[None]]) -> Callable[[H, Reception], Awaitable[None]]:
            self._keep(view, Handler(view, one=function))  # type: ignore[arg-type]  # called with this view only
            return function

        return keep

    def on_batch(
        self, view: type[H]
    ) -> Callable[
        [Callable[[Sequence[H], Reception], Awaitable[None]]], Callable[[Sequence[H], Reception], Awaitable[None]]
    ]:
        """Let the decorated function hear all events of a batch that `view` reads, at once and in their order.

        A function that hears several topics so hears neighbours of any of them together; `envelope` tells them apart.

        Raises:
            TypeError: Another function hears it already.
        """

        def keep(
            function: Callable[[Sequence[H], Reception], Awaitable[None]],
        ) -> Callable[[Sequence[H], Reception], Awaitable[None]]:
            self._keep(view, Handler(view, many=function))  # type: ignore[arg-type]  # called with this view only
            return function

        return keep

    def _keep(self, view: type[Heard], handler: Handler) -> None:
        key = view.topic, view.version
        if key in self.handlers:
            message = f"{view.__name__}: {view.topic} version {view.version} is heard already; one function hears it"
            raise TypeError(message)
        self.handlers[key] = handler

"""What happened to an aggregate, said to whoever wants to hear it."""

import re
from typing import ClassVar, Final, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from arnia.errors import ContentTooLarge

__all__ = ["MOST_BYTES", "Event", "EventSink"]

MOST_BYTES: Final = 900_000
"""What the payload of one event may have: all brokers take that much with their own settings."""

TOPIC: Final = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)+")


class Event(BaseModel):
    """A fact about one aggregate, in the past tense, carrying all that its hearers need.

    Subclasses name their `topic` (`"delivery.created"`), add their own fields, and raise `version` when these change in
    a way that old hearers cannot read. Their `aggregate_type` (`"delivery"`) is the topic without its last word, unless
    they name another.

    Raises:
        TypeError: When a subclass is defined without a well-formed `topic` that starts with its `aggregate_type`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    topic: ClassVar[str]
    version: ClassVar[int] = 1
    aggregate_type: ClassVar[str] = ""

    aggregate_id: UUID

    @classmethod
    @override
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        """Refuse a subclass that could not be routed."""
        topic = getattr(cls, "topic", "")
        if not TOPIC.fullmatch(topic):
            message = f"event {cls.__name__}: give it a topic such as 'delivery.created', not {topic!r}"
            raise TypeError(message)
        cls.aggregate_type = cls.aggregate_type or topic.rpartition(".")[0]
        if not topic.startswith(f"{cls.aggregate_type}."):
            message = f"event {cls.__name__}: its topic {topic!r} must start with its aggregate_type and a dot"
            raise TypeError(message)

    def payload(self) -> bytes:
        """Return the fields as one JSON object, by the names that the contract has for them.

        Raises:
            ContentTooLarge: It is larger than what every broker takes: nobody would ever hear of it.
        """
        written = self.model_dump_json(by_alias=True).encode()
        # The database writes a blank after each comma and colon.
        size = len(written) + written.count(b",") + written.count(b":")
        if size > MOST_BYTES:
            detail = f"An event {self.topic} of {size} bytes cannot be sent: brokers take {MOST_BYTES}."
            raise ContentTooLarge(detail)
        return written


class EventSink(Protocol):
    """Whatever takes events: a database session, or a list in a test."""

    def emit(self, event: Event, /) -> None:
        """Take `event`; it becomes visible together with the change it tells about, or not at all."""

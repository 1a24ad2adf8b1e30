"""An event on its way between services: CloudEvents 1.0, in binary mode, and read in structured mode too.

The attributes travel as headers whose prefix is the broker's own business (`ce-` in NATS, `ce_` in Kafka,
`cloudEvents:` in AMQP); the body is the event's fields as one JSON object.

Source: CloudEvents 1.0.2 with its extensions for sequences and for distributed tracing.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER
from arnia.errors import ArniaError

__all__ = ["Message", "Undecodable", "attributes", "read"]

SPECIFICATION: Final = "1.0"
JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
SOURCE_PREFIX: Final = "/services/"
EVENT_DEADLINE: Final = "deadline"
MOST_VERSION: Final = 2**31 - 1
MOST_SEQUENCE: Final = 2**63 - 1
"""What a database can count."""
COUNTED: Final = frozenset({"eventversion", "sequence"})
CARRIED: Final = (TRACE_HEADER, TRACE_STATE_HEADER, EVENT_DEADLINE)
"""Extensions that are handed on as they came: where the event belongs, and until when somebody waited for it."""


class Undecodable(ArniaError):
    """What a broker handed over is no event; a sentence says why, and never repeats what was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event as it travels.

    Attributes:
        id: The same however often it is sent.
        type: Its topic, such as `delivery.created`.
        version: The major version of its fields.
        aggregate_type: What kind of thing it is about; also the channel on which it travels.
        aggregate_id: The one thing that it is about; whatever is said about it stays in order.
        sequence: Its place among what is said about that thing, from 1 on without a gap; 0 where nobody counts.
        source: The service that says so.
        time: When it happened.
        payload: Its fields, as one JSON object.
        headers: Trace context and deadline of the request that it came from.
    """

    id: UUID
    type: str
    version: int
    aggregate_type: str
    aggregate_id: UUID
    sequence: int
    source: str
    time: datetime
    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def attributes(message: Message) -> dict[str, str]:
    """Return the CloudEvents attributes of `message`, without any prefix; `datacontenttype` among them."""
    return {
        "specversion": SPECIFICATION,
        "id": str(message.id),
        "source": f"{SOURCE_PREFIX}{message.source}",
        "type": message.type,
        "subject": str(message.aggregate_id),
        "time": message.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": JSON,
        "eventversion": str(message.version),
        "aggregatetype": message.aggregate_type,
        "sequence": str(message.sequence),
        **{name: message.headers[name] for name in CARRIED if name in message.headers},
    }


def read(given: Mapping[str, str], body: bytes, *, content_type: str = "") -> Message:
    """Return the message that `given` attributes and `body` are, in binary or in structured mode.

    Args:
        given: Attributes without prefix, in any case; ignored in structured mode.
        body: What the broker carried.
        content_type: The broker's own content type, which says that it is structured.

    Raises:
        Undecodable: It is no event of this kind.
    """
    named = {name.lower(): value for name, value in given.items()}
    try:
        if (content_type or named.get("datacontenttype", "")).partition(";")[0].strip().lower() == STRUCTURED:
            named, body = _structured(body)
        if named.get("specversion") != SPECIFICATION:
            message = "it names no CloudEvents specversion 1.0"
            raise Undecodable(message)
        return Message(
            id=UUID(named["id"]),
            type=_text(named["type"]),
            version=_number(named.get("eventversion", "1"), 1, MOST_VERSION),
            aggregate_type=_text(named["aggregatetype"]),
            aggregate_id=UUID(named["subject"]),
            sequence=_number(named.get("sequence", "0"), 0, MOST_SEQUENCE),
            source=_text(named["source"].removeprefix(SOURCE_PREFIX)),
            time=_time(named["time"]),
            payload=_object(body),
            headers={name: _text(named[name]) for name in CARRIED if named.get(name)},
        )
    except KeyError as error:
        message = f"its attribute {error.args[0]} is missing"
        raise Undecodable(message) from None
    except (ValueError, OverflowError):
        message = "one of its attributes cannot be read"
        raise Undecodable(message) from None


def _structured(body: bytes) -> tuple[dict[str, str], bytes]:
    """Return attributes and data of an event in the JSON format."""
    try:
        document: JsonValue = from_json(body, allow_inf_nan=False)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        message = "it says that it is structured, and its body is no JSON object"
        raise Undecodable(message)
    data, coded = document.pop("data", None), document.pop("data_base64", None)
    payload = b64decode(coded, validate=True) if isinstance(coded, str) else to_json(data)
    return {name: _attribute(name, value) for name, value in document.items() if value is not None}, payload


def _attribute(name: str, value: JsonValue) -> str:
    """Return an attribute as binary mode has it; nothing where it is of another type than it has to be."""
    if isinstance(value, int) and not isinstance(value, bool) and name in COUNTED:
        return str(value)
    return value if isinstance(value, str) else ""


def _text(value: str) -> str:
    value.encode()  # a lone surrogate is no text, and that is a ValueError as well
    if not value or "\0" in value:
        raise ValueError(value)
    return value


def _number(value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise ValueError(value)
    return int(value)


def _time(value: str) -> datetime:
    """Return when it happened, in UTC; whoever names no zone means that."""
    time = datetime.fromisoformat(value)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _object(body: bytes) -> bytes:
    try:
        if isinstance(orjson.loads(body), dict):
            return body
    except orjson.JSONDecodeError:
        pass
    message = "its body is no JSON object"
    raise Undecodable(message)

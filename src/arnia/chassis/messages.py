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
from asyncpg.pgproto import pgproto
from pydantic import JsonValue
from pydantic_core import from_json, to_json

from arnia.conventions import TRACE_HEADER, TRACE_STATE_HEADER
from arnia.errors import ArniaError

__all__ = ["Message", "Undecodable", "attributes", "read"]

SPECIFICATION: Final = "1.0"
JSON: Final = "application/json"
CONTENT_TYPE: Final = "content-type"
STRUCTURED: Final = "application/cloudevents+json"
SOURCE_PREFIX: Final = "/services/"
EVENT_DEADLINE: Final = "deadline"
MOST_VERSION: Final = 2**31 - 1
MOST_SEQUENCE: Final = 2**63 - 1
"""What a database can count."""
PLAIN_UUID: Final = 36
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


def attributes(message: Message, prefix: str = "") -> dict[str, str]:
    """Return the CloudEvents attributes of `message`, each name with `prefix`; `datacontenttype` among them."""
    found = {
        f"{prefix}specversion": SPECIFICATION,
        f"{prefix}id": str(message.id),
        f"{prefix}source": f"{SOURCE_PREFIX}{message.source}",
        f"{prefix}type": message.type,
        f"{prefix}subject": str(message.aggregate_id),
        f"{prefix}time": message.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        f"{prefix}datacontenttype": JSON,
        f"{prefix}eventversion": str(message.version),
        f"{prefix}aggregatetype": message.aggregate_type,
        f"{prefix}sequence": str(message.sequence),
    }
    for name, value in message.headers.items():
        if name in CARRIED:
            found[f"{prefix}{name}"] = value
    return found


def read(given: Mapping[str, str], body: bytes, *, prefix: str = "", content_type: str = "") -> Message:
    """Return the message that `given` headers and `body` are, in binary or in structured mode.

    Args:
        given: Headers, in any case; their attributes are ignored in structured mode.
        body: What the broker carried.
        prefix: What the header of each attribute begins with, in lower case.
        content_type: The broker's own content type, where that is no header: it says that it is structured.

    Raises:
        Undecodable: It is no event of this kind.
    """
    named = {name.lower(): value for name, value in given.items()}
    kind = content_type or named.get(CONTENT_TYPE) or named.get(f"{prefix}datacontenttype", "")
    try:
        if kind.partition(";")[0].strip().lower() == STRUCTURED:
            named, body = _structured(body)
            prefix = ""
        if named.get(f"{prefix}specversion") != SPECIFICATION:
            message = "it names no CloudEvents specversion 1.0"
            raise Undecodable(message)
        return Message(
            id=_identity(named[f"{prefix}id"]),
            type=_text(named[f"{prefix}type"]),
            version=_number(named.get(f"{prefix}eventversion", "1"), 1, MOST_VERSION),
            aggregate_type=_text(named[f"{prefix}aggregatetype"]),
            aggregate_id=_identity(named[f"{prefix}subject"]),
            sequence=_number(named.get(f"{prefix}sequence", "0"), 0, MOST_SEQUENCE),
            source=_text(named[f"{prefix}source"].removeprefix(SOURCE_PREFIX)),
            time=_time(named[f"{prefix}time"]),
            payload=_object(body),
            headers={name: _text(value) for name in CARRIED if (value := named.get(f"{prefix}{name}"))},
        )
    except KeyError as error:
        message = f"its attribute {error.args[0].removeprefix(prefix)} is missing"
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


def _identity(value: str) -> UUID:
    """Return an id, of the kind that the driver of the database has: it is read and compared ten times as fast."""
    return pgproto.UUID(value) if len(value) == PLAIN_UUID else UUID(value)


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

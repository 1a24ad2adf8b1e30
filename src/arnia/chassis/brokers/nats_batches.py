"""Many messages that NATS stores in one go and confirms once.

One by one, each message has a confirmation of its own, which costs the client as much as the message does. Together,
they are stored when the last of them has come, all or none: whatever is wrong with one (the server knows its id
already, or this service may not publish it) shows in the one confirmation, and then each is published by itself.

Source: NATS ADR-50, since server 2.12; an older one makes a stream that does not allow it, and says so.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import uuid4

import orjson

from arnia.chassis.brokers.nats_intake import PREFIX
from arnia.chassis.messages import Message, attributes

__all__ = ["COMMITTED", "LEAST", "headers_of", "numbered", "parts", "refusal", "subject"]

LEAST: Final = 8
"""Fewer are confirmed one by one: nobody waits longer for that."""
MOST: Final = 1000
"""What a server takes in one batch."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of what a server holds in memory until the batch is whole."""
MESSAGE_ID: Final = "Nats-Msg-Id"
BATCH: Final = "Nats-Batch-Id"
PLACE: Final = "Nats-Batch-Sequence"
COMMITTED: Final = {"Nats-Batch-Commit": "1"}


def subject(message: Message) -> str:
    """Return where a message is published."""
    kind = message.type.removeprefix(f"{message.aggregate_type}.").replace(".", "_")
    return f"{message.aggregate_type}.{kind}.v{message.version}.{message.aggregate_id}"


def headers_of(message: Message) -> dict[str, str]:
    """Return what a message carries besides its payload; the server recognises its id."""
    return attributes(message, PREFIX) | {MESSAGE_ID: str(message.id)}


def parts(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield neighbours that belong to one stream, in their order, and no more than a server takes together."""
    part: list[Message] = []
    size = 0
    for message in messages:
        if part and (
            message.aggregate_type != part[0].aggregate_type
            or len(part) == MOST
            or size + len(message.payload) > MOST_BYTES
        ):
            yield part
            part, size = [], 0
        part.append(message)
        size += len(message.payload)
    if part:
        yield part


def numbered(part: Sequence[Message]) -> Iterator[tuple[Message, dict[str, str]]]:
    """Yield each message of a batch with its headers."""
    batch = uuid4().hex
    for place, message in enumerate(part, 1):
        yield message, headers_of(message) | {BATCH: batch, PLACE: str(place)}


def refusal(answer: bytes) -> str:
    """Return why a batch is not stored; nothing where it is."""
    fault = orjson.loads(answer).get("error")
    return str(fault) if fault else ""

"""Holding what one service hears against what another emits: whether every event can be read.

An event is known by its topic and its major version. What is emitted must lie within what the hearer's own view takes;
it ignores the fields that it does not name, so those are the emitter's own affair.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from arnia.contracts.documents import Contract, channels
from arnia.contracts.reading import Reading, breaking
from arnia.contracts.schemas import Direction, listed_values, resolve
from arnia.conventions import AGGREGATE_EXTENSION


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a contract.

    Attributes:
        payload: The schema of its fields.
        aggregate_type: What kind of thing it is about; empty where the contract does not say so.
    """

    payload: object
    aggregate_type: str


def read_events(contract: Contract, action: str) -> dict[tuple[str, int], Told]:
    """Return the events that a service emits (`send`) or hears (`receive`), by topic and major version."""
    document = contract.asyncapi
    found: dict[tuple[str, int], Told] = {}
    for event, channel, messages in channels(document, action):
        payloads = [resolve(each, document).get("payload", True) for each in messages] or [True]
        payload = payloads[0] if len(payloads) == 1 else {"anyOf": payloads}
        found[event] = Told(payload, str(channel.get(AGGREGATE_EXTENSION, "")))
    return dict(sorted(found.items()))


def hold_events(consumer: Contract, producer: Contract, topics: Collection[str]) -> Iterator[str]:
    """Yield, as sentences, why `consumer` cannot hear those of `topics` that it hears, which `producer` owns."""
    emitted = read_events(producer, "send")
    for (topic, version), heard in read_events(consumer, "receive").items():
        if topic not in topics:
            continue
        place = f"{consumer.service} hears version {version} of {topic!r}"
        told = emitted.get((topic, version))
        if told is None:
            have = ", ".join(str(other) for name, other in emitted if name == topic)
            what = f"of which {producer.service} emits {have}" if have else f"which {producer.service} does not emit"
            yield f"{place}, {what}: hear one that exists, or let {producer.service} emit it."
            continue
        if told.aggregate_type != heard.aggregate_type and told.aggregate_type and heard.aggregate_type:
            what = f"as one about {heard.aggregate_type!r}, and it travels with those about {told.aggregate_type!r}"
            yield f'{place} {what}: write `aggregate_type = "{told.aggregate_type}"` in the view.'
        comparison = Reading(consumer.asyncapi, producer.asyncapi, Direction.GIVEN)
        for sentence in breaking(comparison.compare(heard.payload, told.payload, "its field")):
            yield f"{place}: {_shorten(sentence)}: let the view take that, or {producer.service} emit another version."


def hold_silence(consumer: Contract, before: Contract, after: Contract) -> Iterator[str]:
    """Yield, as sentences, what `consumer` waits for and its producer says no longer: values that its views name.

    A view may name a value before anybody says it, so what counts is what `before` says and `after` does not.
    """
    old, new = read_events(before, "send"), read_events(after, "send")
    for (topic, version), heard in read_events(consumer, "receive").items():
        said, told = old.get((topic, version)), new.get((topic, version))
        if said is None or told is None:
            continue
        named, past, now = (
            listed_values(event.payload, contract.asyncapi, "its field")
            for event, contract in ((heard, consumer), (said, before), (told, after))
        )
        for where in sorted(named.keys() & past.keys() & now.keys()):
            gone = [value for value in past[where] if value in named[where] and value not in now[where]]
            if gone:
                place = f"{consumer.service} hears version {version} of {topic!r}"
                what = _shorten(f"{where} names {', '.join(json.dumps(value) for value in gone)}")
                yield (
                    f"{place}: {what}, which {after.service} would say no more: "
                    f"let the view forget that first, or {after.service} emit another version."
                )


def _shorten(sentence: str) -> str:
    return sentence.replace("its field.", "its field ", 1).removesuffix(".")

"""Example bodies from a JSON schema: a valid one, others that differ a little, and others that each break one rule.

A schema's own `examples` come first. What no schema can say, such as that one moment lies after another, a service
tells in its examples.
"""

import copy
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

__all__ = ["Broken", "NoSample", "Schemas", "broken", "sample", "variants"]

JSON = Any
Pointer = tuple[str | int, ...]

FORMATS: Final[Mapping[str, str]] = {
    "date": "2031-03-04",
    "time": "05:06:07Z",
    "email": "bee@example.org",
    "uri": "https://example.org/",
    "json-pointer": "/name",
    "duration": "PT1H",
}
GUESSES: Final = ("abc", "ABC", "Abc", "A1", "a-b", "1", "1.00", "abc-1", "EUR", "0" * 8, "a" * 16, "A" * 8)
WRONG_TYPES: Final[tuple[JSON, ...]] = ({"wrong": "wrong"}, ["wrong"], "wrong", True)


_HOURS: Final = itertools.count()
"""Each sampled moment is an hour later than the one before it: what begins in a body also ends in it."""


class NoSample(Exception):
    """A schema asks for something that cannot be made up; give it `examples`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A body that breaks one rule of its schema, and where."""

    body: JSON
    pointer: str
    rule: str


class Schemas:
    """Follows references within a document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Any] = document.get("components", {}).get("schemas", {})

    def plain(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `schema` with its reference followed, its `allOf` merged and its first real alternative taken."""
        if "$ref" in schema:
            rest = {name: value for name, value in schema.items() if name != "$ref"}
            return self.plain({**self._schemas[str(schema["$ref"]).rpartition("/")[2]], **rest})
        for word in ("anyOf", "oneOf"):
            if word in schema:
                rest = {name: value for name, value in schema.items() if name != word}
                real = next((part for part in schema[word] if part.get("type") != "null"), schema[word][0])
                return self.plain({**real, **rest})
        if "allOf" in schema:
            merged = {name: value for name, value in schema.items() if name != "allOf"}
            for part in schema["allOf"]:
                merged = {**self.plain(part), **merged}
            return merged
        return schema

    def nullable(self, schema: Mapping[str, Any]) -> bool:
        """Whether null is a value of `schema`."""
        parts = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), schema]
        return any(part.get("type") == "null" or "null" in _types(part) for part in parts)


def _types(schema: Mapping[str, Any]) -> list[str]:
    given = schema.get("type", [])
    return [given] if isinstance(given, str) else list(given)


def sample(schemas: Schemas, schema: Mapping[str, Any]) -> JSON:
    """Return a value of `schema`, with its required members only unless an example shows more.

    Raises:
        NoSample: it takes more than a schema to know one.
    """
    plain = schemas.plain(schema)
    if plain.get("examples"):
        return copy.deepcopy(plain["examples"][0])
    for word in ("example", "const"):
        if word in plain:
            return copy.deepcopy(plain[word])
    if plain.get("enum"):
        return plain["enum"][0]
    kind = next((name for name in _types(plain) if name != "null"), "object" if "properties" in plain else "")
    if kind == "object":
        required = plain.get("required", ())
        return {name: sample(schemas, plain["properties"][name]) for name in required}
    if kind == "array":
        return [sample(schemas, plain.get("items", {})) for _ in range(plain.get("minItems", 0))]
    if kind == "string":
        return _text(plain)
    if kind in ("integer", "number"):
        return _number(plain, whole=kind == "integer")
    return True if kind == "boolean" else None


def _text(schema: Mapping[str, Any]) -> str:
    form = schema.get("format", "")
    if form == "uuid":
        return str(uuid4())
    if form == "date-time":
        moment = datetime(2031, 3, 4, tzinfo=UTC) + timedelta(hours=next(_HOURS))
        return moment.isoformat().replace("+00:00", "Z")
    if form in FORMATS:
        return FORMATS[form]
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1 << 20)
    if "pattern" not in schema:
        return "sample"[:most].ljust(least, "x")
    for guess in GUESSES:
        if least <= len(guess) <= most and re.search(schema["pattern"], guess):
            return guess
    raise NoSample(f"give an example of a string that matches {schema['pattern']}")


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + (1 if "exclusiveMinimum" in schema else 0))
    most = schema.get("maximum", schema.get("exclusiveMaximum", least + 1))
    value = least if least > 0 or most < 1 else 1
    return int(value) if whole else float(min(value, most))


def variants(schemas: Schemas, schema: Mapping[str, Any], body: JSON) -> Iterator[JSON]:
    """Yield bodies that differ from `body` in one value, each still of `schema` as far as the schema says."""
    for pointer, part, value in _leaves(schemas, schema, body):
        for other in _others(schemas.plain(part), value):
            yield _changed(body, pointer, other)


def _others(schema: Mapping[str, Any], value: JSON) -> Iterator[JSON]:
    if schema.get("enum"):
        yield from (other for other in schema["enum"] if other != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, str) and "format" not in schema and "pattern" not in schema:
        if value:
            yield value[:-1] + ("y" if value[-1] != "y" else "z")
    elif isinstance(value, int | float):
        for step in (1, -1, 0.5, -0.5) if isinstance(value, float) else (1, -1):
            if _within(schema, value + step):
                yield value + step


def _within(schema: Mapping[str, Any], value: float) -> bool:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    return bool(schema.get("exclusiveMinimum", value - 1) < value < schema.get("exclusiveMaximum", value + 1))


def broken(schemas: Schemas, schema: Mapping[str, Any], body: JSON) -> Iterator[Broken]:
    """Yield bodies that each break one rule of `schema`: a member missing, unknown, ill-typed or out of bounds."""
    plain = schemas.plain(schema)
    if isinstance(body, dict):
        yield Broken({**body, "no_such_member": 1}, "#/no_such_member", "an unknown member")
    yield from _missing(plain, body)
    for pointer, part, value in _leaves(schemas, schema, body):
        place = "#" + "".join(f"/{step}" for step in pointer)
        for wrong in WRONG_TYPES[:2]:
            if not isinstance(value, type(wrong)):
                yield Broken(_changed(body, pointer, wrong), place, "a value of the wrong type")
        for beyond in _beyond(schemas.plain(part), value):
            yield Broken(_changed(body, pointer, beyond), place, "a value out of bounds")


def _missing(schema: Mapping[str, Any], body: JSON) -> Iterator[Broken]:
    if not isinstance(body, dict):
        return
    for name in schema.get("required", ()):
        if name in body:
            rest = {key: value for key, value in body.items() if key != name}
            yield Broken(rest, f"#/{name}", "a missing member")


def _beyond(schema: Mapping[str, Any], value: JSON) -> Iterator[JSON]:
    if isinstance(value, str) and "format" not in schema and "pattern" not in schema:
        if schema.get("minLength", 0) > 0:
            yield value[: schema["minLength"] - 1]
        if "maxLength" in schema:
            yield "x" * (schema["maxLength"] + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        for word, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)):
            if word in schema:
                yield schema[word] + step


def _leaves(
    schemas: Schemas, schema: Mapping[str, Any], body: JSON, at: Pointer = ()
) -> Iterator[tuple[Pointer, Mapping[str, Any], JSON]]:
    plain = schemas.plain(schema)
    if isinstance(body, dict):
        for name, value in body.items():
            if name in plain.get("properties", {}):
                yield from _leaves(schemas, plain["properties"][name], value, (*at, name))
    elif isinstance(body, list):
        for index, value in enumerate(body[:1]):
            yield from _leaves(schemas, plain.get("items", {}), value, (*at, index))
    else:
        yield at, plain, body


def _changed(body: JSON, pointer: Pointer, value: JSON) -> JSON:
    if not pointer:
        return value
    changed = copy.deepcopy(body)
    place = changed
    for step in pointer[:-1]:
        place = place[step]
    place[pointer[-1]] = value
    return changed

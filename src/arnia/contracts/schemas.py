"""Comparing two JSON Schemas, as what a server takes or as what it gives.

A schema is a set of values. Where the set of the new one lacks values of the old one it is *narrowed*, where it has
values that the old one lacks it is *widened* (a change can be both). What a server takes may be widened but not
narrowed; what it gives may be narrowed but not widened. Readers of what it gives ignore fields that they do not know
(design, rule 2), so a new field never breaks them, and they may count on every field that was declared.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from arnia.contracts.changes import Change, Kind, changed
from arnia.contracts.documents import Document

_LOWER = {
    "minimum": "numbers below {}",
    "exclusiveMinimum": "numbers up to {}",
    "minLength": "texts shorter than {}",
    "minItems": "fewer than {} items",
    "minProperties": "fewer than {} fields",
}
_UPPER = {
    "maximum": "numbers above {}",
    "exclusiveMaximum": "numbers from {}",
    "maxLength": "texts longer than {}",
    "maxItems": "more than {} items",
    "maxProperties": "more than {} fields",
}
_FORMS = {
    "pattern": "texts that do not match {}",
    "format": "texts that are no {}",
    "multipleOf": "numbers that are no multiple of {}",
    "uniqueItems": "repeated items",
    "contentEncoding": "texts that are not in {}",
}
FOUND_BY: Final = "x-found-by"
"""The member of an alternative that says by which reference it was found."""
_NOUNS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "any": "anything",
}


class Direction(StrEnum):
    """Which way values travel."""

    TAKEN = "taken"
    """From a client to the server."""
    GIVEN = "given"
    """From the server to a client, or from an emitter to its hearers."""


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison: the documents that references are looked up in, and which way values travel."""

    old: Document
    new: Document
    direction: Direction
    _open: set[tuple[str, str]] = dataclasses.field(default_factory=set)

    def compare(self, old: object, new: object, where: str) -> Iterator[Change]:
        """Yield what differs between the schemas `old` and `new`, found at `where`."""
        yield from self._compare_alternatives(alternatives(old, self.old), alternatives(new, self.new), where)

    def narrowed(self, kind: Kind, where: str, values: str) -> Change:
        """Return the change that `values` have left the set."""
        taken = self.direction is Direction.TAKEN
        return changed(kind, where, f"no longer {'accepts' if taken else 'holds'} {values}", breaking=taken)

    def widened(self, kind: Kind, where: str, values: str) -> Change:
        """Return the change that `values` have joined the set."""
        taken = self.direction is Direction.TAKEN
        return changed(kind, where, f"{'now also accepts' if taken else 'may now hold'} {values}", breaking=not taken)

    def _compare_alternatives(self, old: list[Document], new: list[Document], where: str) -> Iterator[Change]:
        for left, right in _pairs(old, new):
            if left is None or right is None:
                yield self._type_change(left, right, where)
            else:
                yield from self._compare_alternative(left, right, where)

    def _type_change(self, left: Document | None, right: Document | None, where: str) -> Change:
        if right is None:
            return self.narrowed(Kind.TYPE, where, _noun(left or {}))
        return self.widened(Kind.TYPE, where, _noun(right))

    def _compare_alternative(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        names = (old.get(FOUND_BY, ""), new.get(FOUND_BY, ""))
        if names in self._open:
            return  # a schema that contains itself: the comparison that is under way covers it
        opened = {names} if all(names) else set()
        self._open.update(opened)
        try:
            yield from self._compare_parts(old, new, where)
        finally:  # who asks may have heard enough
            self._open.difference_update(opened)

    def _compare_parts(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        types = (type_of(old), type_of(new))
        if types == ("integer", "number"):
            yield self.widened(Kind.TYPE, where, "numbers that are not whole")
        if types == ("number", "integer"):
            yield self.narrowed(Kind.TYPE, where, "numbers that are not whole")
        yield from self._compare_values(old, new, where)
        yield from self._compare_bounds(old, new, where)
        yield from self._compare_forms(old, new, where)
        if "array" in types:
            yield from self._compare_items(old, new, where)
        if "object" in types:
            yield from self._compare_fields(old, new, where)

    def _compare_values(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        before, after = values_of(old), values_of(new)
        if before is None and after is None:
            return
        if after is None:
            yield self.widened(Kind.VALUE, where, "values other than " + _list(before or []))
        elif before is None:
            yield self.narrowed(Kind.VALUE, where, "values other than " + _list(after))
        else:
            if gone := [value for value in before if value not in after]:
                yield self.narrowed(Kind.VALUE, where, _list(gone))
            if come := [value for value in after if value not in before]:
                yield self.widened(Kind.VALUE, where, _list(come))

    def _compare_bounds(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        for facets, sign in ((_LOWER, 1), (_UPPER, -1)):
            for facet, values in facets.items():
                before, after = old.get(facet), new.get(facet)
                if before == after:
                    continue
                if before is None or (after is not None and sign * after > sign * before):
                    yield self.narrowed(Kind.BOUND, where, values.format(after))
                else:
                    yield self.widened(Kind.BOUND, where, values.format(before))

    def _compare_forms(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        for facet, values in _FORMS.items():
            before, after = old.get(facet) or None, new.get(facet) or None
            if before == after:
                continue
            if after is not None:
                yield self.narrowed(Kind.FORM, where, values.format(_text(after)))
            if before is not None:
                yield self.widened(Kind.FORM, where, values.format(_text(before)))

    def _compare_items(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        rest = old.get("items", True), new.get("items", True)
        for position in range(max(len(before), len(after))):
            left = before[position] if position < len(before) else rest[0]
            right = after[position] if position < len(after) else rest[1]
            yield from self.compare(left, right, f"{where}[{position}]")
        yield from self.compare(*rest, f"{where}[]")

    def _compare_fields(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        must_before, must_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(before.keys() | after.keys()):
            place = field(where, name)
            if name not in after:
                yield changed(Kind.FIELD, place, "is gone", breaking=True)
            elif name not in before:
                yield self._field_addition(place, required=name in must_after)
            else:
                if (name in must_before) != (name in must_after):
                    yield self._obligation(place, required=name in must_after)
                yield from self.compare(before[name], after[name], place)
        yield from self._compare_rest(old, new, where)

    def _field_addition(self, place: str, *, required: bool) -> Change:
        if self.direction is Direction.TAKEN and required:
            return changed(Kind.REQUIRED, place, "is new and required", breaking=True)
        return changed(Kind.FIELD, place, "is new", breaking=False)

    def _obligation(self, place: str, *, required: bool) -> Change:
        if self.direction is Direction.TAKEN:
            what = "is now required" if required else "may now be left out"
            return changed(Kind.REQUIRED, place, what, breaking=required)
        what = "is now always there" if required else "may now be absent"
        return changed(Kind.REQUIRED, place, what, breaking=not required)

    def _compare_rest(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self.compare(before, after, f"{where}.*")
        elif self.direction is Direction.TAKEN and before != after:
            if after is False:
                yield self.narrowed(Kind.FIELD, where, "fields that it does not name")
            elif before is False:
                yield self.widened(Kind.FIELD, where, "fields that it does not name")


def resolve(schema: object, root: Document) -> Document:
    """Return `schema` with its reference into `root` followed and its `allOf` merged."""
    if not isinstance(schema, Mapping):
        return {} if schema is not False else {"enum": []}
    resolved: Document = dict(schema)
    visited = set()
    while (name := resolved.get("$ref")) and name not in visited:
        visited.add(name)
        target: object = root
        for part in name.removeprefix("#/").split("/"):
            target = target.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, Mapping) else {}
        rest = {key: value for key, value in resolved.items() if key != "$ref"}
        resolved = {**(target if isinstance(target, Mapping) else {}), **rest, "title": name.rsplit("/", 1)[-1]}
    for part in resolved.pop("allOf", []):
        resolved = _merge(resolved, resolve(part, root))
    return resolved


def _merge(left: Document, right: Document) -> Document:
    merged = {**right, **left}
    for key in ("properties", "required"):
        if key in left and key in right:
            both = left[key], right[key]
            merged[key] = {**both[1], **both[0]} if key == "properties" else sorted({*both[0], *both[1]})
    return merged


def alternatives(schema: object, root: Document) -> list[Document]:
    """Return the schemas of which a value of `schema` fits at least one, without references, but with their names."""
    resolved = {**resolve(schema, root), **_name_of(schema)}
    for key in ("anyOf", "oneOf"):
        if key in resolved:
            rest = {facet: value for facet, value in resolved.items() if facet not in {key, "title"}}
            return [
                alternative
                for part in resolved[key]
                for alternative in alternatives({**_merge(rest, resolve(part, root)), **_name_of(part)}, root)
            ]
    if isinstance(resolved.get("type"), list):
        return [{**resolved, "type": one} for one in resolved["type"]]
    return [resolved]


def _name_of(schema: object) -> Document:
    """Return by which reference `schema` is found, for whoever walks through schemas that contain themselves."""
    name = _reference(schema)
    return {FOUND_BY: name} if name else {}


def _pairs(old: list[Document], new: list[Document]) -> Iterator[tuple[Document | None, Document | None]]:
    """Match alternatives: equal ones first, then by type and name, then by type alone; the rest stand alone."""
    left, right = list(old), list(new)
    for alike in (_equal, _same_name, _same_type, _both_numbers):
        for one in list(left):
            other = next((each for each in right if alike(one, each)), None)
            if other is not None:
                left.remove(one)
                right.remove(other)
                yield one, other
    yield from ((one, None) for one in left)
    yield from ((None, one) for one in right)


def _equal(one: Document, other: Document) -> bool:
    return one == other


def _same_type(one: Document, other: Document) -> bool:
    return type_of(one) == type_of(other)


def _same_name(one: Document, other: Document) -> bool:
    return _same_type(one, other) and one.get("title") == other.get("title")


def _both_numbers(one: Document, other: Document) -> bool:
    return {type_of(one), type_of(other)} == {"integer", "number"}


def _reference(schema: object) -> str:
    return str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""


def type_of(schema: Document) -> str:
    """Return the type of the values of `schema`, which has no alternatives; `any` where they may have several."""
    if "type" in schema:
        return str(schema["type"])
    if "properties" in schema:
        return "object"
    values = values_of(schema)
    if values:
        kinds = {_type_of(value) for value in values}
        return kinds.pop() if len(kinds) == 1 else "any"
    return "any"


def _type_of(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def values_of(schema: Document) -> list[object] | None:
    """Return the only values of `schema`, None where it does not list them."""
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return list(values) if values is not None else None


def listed_values(schema: object, root: Document, where: str) -> dict[str, list[object]]:
    """Return, of each place of `schema` (which is at `where`) that lists its only values, these values.

    Null is none of them: it says that there is no value.
    """
    found: dict[str, list[object] | None] = {}
    for place, values in _places(schema, root, where, frozenset()):
        before = found.get(place, [])
        found[place] = None if before is None or values is None else [*before, *values]
    return {place: values for place, values in found.items() if values is not None}


def _places(
    schema: object, root: Document, where: str, entered: frozenset[str]
) -> Iterator[tuple[str, list[object] | None]]:
    """Yield each place with its only values, None where it does not list them; no reference is followed into itself."""
    for part in alternatives(schema, root):
        name = part.get(FOUND_BY, "")
        if name in entered:
            yield where, None
            continue
        within = entered | {name} if name else entered
        values = [] if type_of(part) == "null" else values_of(part)
        yield where, values and [value for value in values if value is not None]
        for key, inner in part.get("properties", {}).items():
            yield from _places(inner, root, field(where, key), within)
        for key, place in (("items", f"{where}[]"), ("additionalProperties", f"{where}.*")):
            if key in part:
                yield from _places(part[key], root, place, within)


def _noun(schema: Document) -> str:
    values = values_of(schema)
    if values:
        return _list(values)
    kind = type_of(schema)
    name = schema.get("title")
    return f"an object {name}" if kind == "object" and name else _NOUNS.get(kind, kind)


def field(where: str, name: str) -> str:
    """Return the place of the field `name` at `where`."""
    return f"{where} {name}" if where.endswith(":") else f"{where}.{name}"


def _list(values: list[object]) -> str:
    return ", ".join(_text(value) for value in values) or "nothing"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)

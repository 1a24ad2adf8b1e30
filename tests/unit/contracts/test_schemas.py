"""Comparing schemas: what narrows breaks what is taken, what widens breaks what is given."""

import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from arnia.contracts import Change
from arnia.contracts.reading import Reading
from arnia.contracts.schemas import Comparison, Direction, listed_values

Schema = dict[str, Any]


def compare(old: object, new: object, direction: Direction, root: Schema | None = None) -> list[Change]:
    """Return the changes between two schemas that share their definitions."""
    return list(Comparison(root or {}, root or {}, direction).compare(old, new, "body:"))


def breaks(old: object, new: object, direction: Direction) -> bool:
    """Tell whether any change between two schemas breaks somebody."""
    return any(change.breaking for change in compare(old, new, direction))


SCALARS: st.SearchStrategy[Schema] = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={"minLength": st.integers(0, 5), "maxLength": st.integers(6, 9), "pattern": st.sampled_from("ab")},
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(0, 5), "maximum": st.integers(6, 9)},
    ),
    st.fixed_dictionaries(
        {"type": st.just("string"), "enum": st.lists(st.sampled_from("abcd"), min_size=1, unique=True)}
    ),
)


def _composed(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=2, max_size=3)),
        st.builds(
            lambda fields, closed: {
                "type": "object",
                "properties": fields,
                "required": sorted(fields)[:1],
                **({"additionalProperties": False} if closed else {}),
            },
            st.dictionaries(st.sampled_from(["id", "name", "price"]), inner, min_size=1),
            st.booleans(),
        ),
    )


SCHEMAS: st.SearchStrategy[Schema] = st.recursive(SCALARS, _composed, max_leaves=6)
DIRECTIONS = st.sampled_from(Direction)


@settings(deadline=None)
@given(schema=SCHEMAS, direction=DIRECTIONS)
def test_nothing_changes_between_equal_schemas(schema: Schema, direction: Direction) -> None:
    """Every schema compares with itself to no change at all."""
    assert compare(schema, schema, direction) == []


@settings(deadline=None)
@given(old=SCALARS, new=SCALARS)
def test_directions_mirror_each_other(old: Schema, new: Schema) -> None:
    """What breaks when it is taken breaks, read backwards, when it is given."""
    assert breaks(old, new, Direction.TAKEN) == breaks(new, old, Direction.GIVEN)


VALUES: list[object] = [None, True, "", "a", "ab", "abcdefgh", "bbbbbbbbbb", 0, 3, 8, 2.5, [], ["a"], [None, 3], {}]
VALUES += [{"id": value} for value in (None, "a", 3)]
VALUES += [{"id": "a", "name": value, "price": other} for value in (None, "b", 7) for other in (True, 0.5, [3])]


@settings(deadline=None)
@given(old=SCHEMAS, new=SCHEMAS)
def test_no_break_goes_unseen(old: Schema, new: Schema) -> None:
    """Where a value fits the old schema and not the new one, as an independent validator has it, a break is found."""
    before, after = Draft202012Validator(old), Draft202012Validator(new)
    if any(before.is_valid(value) and not after.is_valid(value) for value in VALUES):
        assert breaks(old, new, Direction.TAKEN)


@settings(deadline=None)
@given(schema=SCHEMAS, added=SCHEMAS, direction=DIRECTIONS)
def test_an_optional_field_never_breaks(schema: Schema, added: Schema, direction: Direction) -> None:
    """A new field that may be left out breaks nobody, in either direction and however strict the reader was."""
    old = {"type": "object", "properties": {"a": schema}, "additionalProperties": False}
    new = {"type": "object", "properties": {"a": schema, "b": added}, "additionalProperties": False}
    changes = compare(old, new, direction)
    assert [change.breaking for change in changes] == [False]
    assert "b" in changes[0].where


@settings(deadline=None)
@given(schema=SCHEMAS, direction=DIRECTIONS)
def test_a_removed_field_always_breaks(schema: Schema, direction: Direction) -> None:
    """A field that is gone breaks those who sent it and those who read it."""
    old = {"type": "object", "properties": {"a": schema}}
    assert breaks(old, {"type": "object", "properties": {}}, direction)


@settings(deadline=None)
@given(schema=SCHEMAS)
def test_prose_is_no_change(schema: Schema) -> None:
    """Titles, descriptions and examples may change without anybody noticing."""
    spoken = {**schema, "title": "T", "description": "D", "examples": [1], "default": 1}
    assert compare(schema, spoken, Direction.TAKEN) == []


NARROWINGS: dict[str, tuple[object, object, str]] = {
    "type": ({"type": "string"}, {"type": "integer"}, "a text"),
    "null": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}, "null"),
    "type list": ({"type": ["string", "null"]}, {"type": "string"}, "null"),
    "whole numbers": ({"type": "number"}, {"type": "integer"}, "numbers that are not whole"),
    "enum": ({"enum": ["a", "b"]}, {"enum": ["a"]}, '"b"'),
    "enum for all": ({"type": "string"}, {"type": "string", "enum": ["a"]}, 'values other than "a"'),
    "const": ({"type": "string"}, {"type": "string", "const": "a"}, 'values other than "a"'),
    "minimum": ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 2}, "numbers below 2"),
    "maximum": ({"type": "integer"}, {"type": "integer", "maximum": 2}, "numbers above 2"),
    "length": ({"type": "string", "maxLength": 9}, {"type": "string", "maxLength": 8}, "texts longer than 8"),
    "items": ({"type": "array"}, {"type": "array", "minItems": 1}, "fewer than 1 items"),
    "item": ({"type": "array"}, {"type": "array", "items": {"type": "string"}}, "anything"),
    "tuple": ({"type": "array", "prefixItems": [{}]}, {"type": "array", "prefixItems": [{"type": "null"}]}, "anything"),
    "pattern": ({"type": "string"}, {"type": "string", "pattern": "^a$"}, 'texts that do not match "^a$"'),
    "format": ({"type": "string"}, {"type": "string", "format": "uuid"}, 'texts that are no "uuid"'),
    "unique": ({"type": "array"}, {"type": "array", "uniqueItems": True}, "repeated items"),
    "values of two types": ({"enum": ["a", 1]}, {"enum": ["a"]}, '"a", 1'),
    "nothing": ({"type": "string"}, False, "a text"),
    "map": (
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        "numbers that are not whole",
    ),
}


@pytest.mark.parametrize(("wide", "narrow", "values"), NARROWINGS.values(), ids=NARROWINGS.keys())
def test_narrowing_breaks_senders_and_widening_breaks_readers(wide: object, narrow: object, values: str) -> None:
    """Each facet is judged by direction, and its sentence names the values that come or go."""
    narrowed = [change for change in compare(wide, narrow, Direction.TAKEN) if change.breaking]
    assert len(narrowed) == 1
    assert f"no longer accepts {values}." in narrowed[0].sentence
    widened = [change for change in compare(narrow, wide, Direction.GIVEN) if change.breaking]
    assert len(widened) == 1
    assert f"may now hold {values}." in widened[0].sentence
    assert all("holds" in c.sentence for c in compare(wide, narrow, Direction.GIVEN) if not c.breaking)
    assert any("now also accepts" in c.sentence for c in compare(narrow, wide, Direction.TAKEN))


def _object(*names: str, required: tuple[str, ...] = (), **facets: object) -> Schema:
    return {"type": "object", "properties": {name: {} for name in names}, "required": list(required), **facets}


@pytest.mark.parametrize(
    ("old", "new", "direction", "sentence", "breaking"),
    [
        (_object(), _object("a", required=("a",)), Direction.TAKEN, "body: a is new and required.", True),
        (_object(), _object("a", required=("a",)), Direction.GIVEN, "body: a is new.", False),
        (_object("a"), _object("a", required=("a",)), Direction.TAKEN, "body: a is now required.", True),
        (_object("a"), _object("a", required=("a",)), Direction.GIVEN, "body: a is now always there.", False),
        (_object("a", required=("a",)), _object("a"), Direction.TAKEN, "body: a may now be left out.", False),
        (_object("a", required=("a",)), _object("a"), Direction.GIVEN, "body: a may now be absent.", True),
        (
            _object(),
            _object(additionalProperties=False),
            Direction.TAKEN,
            "body: no longer accepts fields that it does not name.",
            True,
        ),
        (
            _object(additionalProperties=False),
            _object(),
            Direction.TAKEN,
            "body: now also accepts fields that it does not name.",
            False,
        ),
    ],
)
def test_fields_of_objects(old: Schema, new: Schema, direction: Direction, sentence: str, *, breaking: bool) -> None:
    """Obligations are the sender's: the client's for what is taken, the server's for what is given."""
    (change,) = compare(old, new, direction)
    assert (change.sentence, change.breaking) == (sentence, breaking)


def test_readers_tolerate_unknown_fields() -> None:
    """Whether an answer may hold further fields is no promise, since readers ignore them."""
    assert compare(_object(additionalProperties=False), _object(), Direction.GIVEN) == []


def test_references_are_followed_and_may_be_recursive() -> None:
    """A tree that refers to itself is compared once, and a change below it has its place."""
    leaf: Callable[[str], Schema] = lambda kind: {  # noqa: E731 - two roots that differ in one word
        "components": {
            "schemas": {
                "Tree": {
                    "type": "object",
                    "properties": {
                        "value": {"type": kind},
                        "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
                    },
                }
            }
        }
    }
    reference = {"$ref": "#/components/schemas/Tree"}
    changes = list(Comparison(leaf("string"), leaf("integer"), Direction.TAKEN).compare(reference, reference, "body:"))
    assert [change.where for change in changes] == ["body: value", "body: value"]
    assert [change.breaking for change in changes] == [True, False]


class _Leaf(BaseModel):
    """What Pydantic makes of models that contain themselves: optionally, in lists, by another."""

    child: "_Leaf | None" = None
    children: list["_Leaf"] = []
    branch: "_Branch | None" = None
    kind: Literal["small", "large"] = "small"


class _Branch(BaseModel):
    leaves: dict[str, _Leaf] = {}
    forest: "_Leaf | list[_Branch] | None" = None


@pytest.mark.parametrize("kind", [Comparison, Reading])
@pytest.mark.parametrize("direction", list(Direction))
def test_what_contains_itself_as_pydantic_writes_it_is_compared_once(
    kind: type[Comparison], direction: Direction
) -> None:
    """Equal trees differ nowhere, whichever way they contain themselves; a change deep within one is seen."""
    old: Schema = _Leaf.model_json_schema()
    new = json.loads(json.dumps(old).replace('"large"', '"huge"'))
    assert list(kind(old, old, direction).compare(old, old, "body:")) == []
    assert any(change.breaking for change in kind(old, new, direction).compare(old, new, "body:"))
    assert listed_values(old, old, "body:") == {"body: kind": ["small", "large"]}


def test_a_shared_schema_is_compared_wherever_it_is_used() -> None:
    """A change of a schema that two fields share is told of both."""
    roots = [{"components": {"schemas": {"Place": {"type": kind}}}} for kind in ("string", "integer")]
    place = {"$ref": "#/components/schemas/Place"}
    route = {"type": "object", "properties": {"start": place, "goal": place}}
    changes = Comparison(roots[0], roots[1], Direction.TAKEN).compare(route, route, "body:")
    assert [change.where for change in changes if change.breaking] == ["body: goal", "body: start"]


def test_alternatives_are_matched_by_name() -> None:
    """In a union of objects each is compared with its namesake, and one that is gone is named."""
    root = {"components": {"schemas": {"Cat": _object("purr"), "Dog": _object("bark"), "Cow": _object("moo")}}}
    refs = {name: {"$ref": f"#/components/schemas/{name}"} for name in ("Cat", "Dog", "Cow")}
    old = {"oneOf": [refs["Cat"], refs["Dog"], refs["Cow"]]}
    (change,) = compare(old, {"oneOf": [refs["Cow"], refs["Cat"]]}, Direction.TAKEN, root)
    assert change.sentence == "body: no longer accepts an object Dog."


def test_all_of_is_merged() -> None:
    """Schemas that are joined by allOf are compared as the one that they make together."""
    joined = {"allOf": [_object("a", required=("a",)), _object("b", required=("b",))]}
    assert compare(joined, _object("a", "b", required=("a", "b")), Direction.TAKEN) == []


def test_broken_references_mean_anything() -> None:
    """A reference that leads nowhere is read as a schema without rules instead of failing."""
    assert compare({"$ref": "#/nowhere"}, {"$ref": "#/nowhere"}, Direction.TAKEN) == []
    assert breaks({"$ref": "#/nowhere"}, {"type": "string"}, Direction.TAKEN)

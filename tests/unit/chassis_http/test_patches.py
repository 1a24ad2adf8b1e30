"""JSON Merge Patch and JSON Patch over a model."""

from typing import Any

import pytest
from pydantic import Field, JsonValue, TypeAdapter

from arnia.chassis.patches import PatchDocument, PatchTestFailed, merge_schema
from arnia.chassis.schemas import Body
from arnia.errors import InvalidContent


class Anything(Body):
    """A model that takes any document, for the table of RFC 7396."""

    target: Any = None


class Box(Body):
    """A small body."""

    name: str = Field(min_length=3)
    size: int = Field(gt=0)
    tags: tuple[str, ...] = ()
    note: str | None = None


BOX = Box(name="box", size=2, tags=("a", "b"), note="n")


def patched(document: JsonValue) -> Box:
    """Apply `document` to the box."""
    return PatchDocument(Box, document).apply(BOX)


@pytest.mark.parametrize(
    ("original", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_follows_the_table_of_the_standard(original: Any, patch: Any, result: Any) -> None:
    """Each row of RFC 7396, appendix A, one level down (a null patch of the whole aside)."""
    assert PatchDocument(Anything, {"target": patch}).apply(Anything(target=original)).target == result


def test_merge_patch_changes_only_what_it_names() -> None:
    """Members that are left out stay; null takes away."""
    assert patched({"size": 5, "note": None}) == Box(name="box", size=5, tags=("a", "b"))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/tags/1", "value": "x"}, {"tags": ("a", "x", "b")}),
        ({"op": "add", "path": "/tags/-", "value": "x"}, {"tags": ("a", "b", "x")}),
        ({"op": "remove", "path": "/tags/0"}, {"tags": ("b",)}),
        ({"op": "replace", "path": "/size", "value": 9}, {"size": 9}),
        ({"op": "move", "from": "/tags/0", "path": "/tags/1"}, {"tags": ("b", "a")}),
        ({"op": "copy", "from": "/name", "path": "/note"}, {"note": "box"}),
        ({"op": "test", "path": "/size", "value": 2}, {}),
    ],
)
def test_json_patch_has_all_operations(operation: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each operation of RFC 6902 does what it says."""
    assert patched([operation]) == BOX.model_copy(update=expected)


def test_failed_test_changes_nothing_and_is_a_conflict() -> None:
    """A patch is applied whole or not at all."""
    with pytest.raises(PatchTestFailed):
        patched([{"op": "replace", "path": "/size", "value": 9}, {"op": "test", "path": "/name", "value": "other"}])
    assert BOX.size == 2


@pytest.mark.parametrize(
    "operation",
    [
        1,
        None,
        {},
        {"op": "nothing", "path": "/a"},
        {"op": "add", "path": "/tags/9", "value": 1},
        {"op": "remove", "path": "/x"},
        {"op": "add", "value": 1},
        {"op": "add", "path": "/size"},
        {"op": "move", "path": "/size"},
        {"op": "replace", "path": "size", "value": 1},
        {"op": "add", "path": "/tags/-1", "value": 1},
        {"op": "add", "path": 5, "value": 1},
        {"op": "move", "from": "/tags", "path": "/tags/0"},
        {"op": ["add"], "path": "/a", "value": 1},
        {"op": "copy", "from": None, "path": "/a"},
        {"op": "remove", "path": ""},
        {"op": "add", "path": "/name/~2", "value": 1},
    ],
)
def test_ill_formed_operation_is_named_by_its_place(operation: Any) -> None:
    """An operation that cannot be done is refused with a pointer to it."""
    with pytest.raises(InvalidContent) as refused:
        patched([{"op": "test", "path": "/size", "value": 2}, operation])
    assert refused.value.violations


def test_result_is_validated_as_a_whole() -> None:
    """A patch cannot bring about a state that the model refuses; the pointer is into the resource."""
    with pytest.raises(InvalidContent) as refused:
        patched({"name": "x"})
    assert refused.value.violations[0].pointer == "#/name"


def test_copies_cannot_blow_up_the_document() -> None:
    """Doubling by copy ends at a bound, not in memory."""
    doubling: list[JsonValue] = [{"op": "copy", "from": "/tags", "path": "/tags/-"}] * 60
    with pytest.raises(InvalidContent):
        patched(doubling)
    with pytest.raises(InvalidContent):
        patched([{"op": "test", "path": "/size", "value": 2}] * 101)


def test_copies_cannot_nest_the_document_beyond_reason() -> None:
    """A document that doubles its depth by each copy, or by moves, is refused: it is no fault of the service."""
    nested = [{"op": "copy", "from": "/target", "path": "/target" + "/a" * 2**power} for power in range(12)]
    deep: JsonValue = {}
    for _ in range(60):
        deep = {"a": deep}
    moved = [{"op": "add", "path": "/target/x", "value": deep}]
    for _ in range(48):
        moved.append({"op": "add", "path": "/target/y", "value": deep})
        moved.append({"op": "move", "from": "/target/x", "path": "/target/y" + "/a" * 60})
        moved.append({"op": "move", "from": "/target/y", "path": "/target/x"})
    for patch in (nested, moved[:100]):
        document: Any = patch
        with pytest.raises(InvalidContent):
            PatchDocument(Anything, document).apply(Anything(target={"a": {}}))


def test_a_patch_can_be_applied_again() -> None:
    """Applying it changes neither the patch nor the state that it was applied to."""
    added: JsonValue = [
        {"op": "add", "path": "/target", "value": {"list": []}},
        {"op": "add", "path": "/target/list/-", "value": {}},
        {"op": "add", "path": "/target/list/0/a", "value": 1},
    ]
    patch, before = PatchDocument(Anything, added), Anything(target={"kept": [1]})
    for _ in range(2):
        assert patch.apply(before).target == {"list": [{"a": 1}]}
    assert before == Anything(target={"kept": [1]})


def test_merge_schema_requires_nothing_and_refers_to_nothing() -> None:
    """The documented schema of a merge patch stands alone."""
    schema = merge_schema(Box)
    assert isinstance(schema, dict)
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert "required" not in schema
    assert set(properties) == {"name", "size", "tags", "note"}
    assert "$ref" not in str(TypeAdapter(PatchDocument[Box]).json_schema())

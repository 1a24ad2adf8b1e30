"""Comparing OpenAPI documents: what a client that kept to the old one may notice."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from arnia.contracts import Change, Kind, compare_openapi

Document = dict[str, Any]

THING = {"$ref": "#/components/schemas/Thing"}
BASE: Document = {
    "openapi": "3.1.0",
    "paths": {
        "/api/v1/things/{thing_id}": {
            "parameters": [{"name": "thing_id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "parameters": [
                    {"name": "fields", "in": "query", "schema": {"type": "string"}},
                    {"name": "X-Mood", "in": "header", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "headers": {"ETag": {"schema": {"type": "string"}}},
                        "content": {"application/json": {"schema": THING}},
                    },
                    "404": {"$ref": "#/components/responses/Missing"},
                },
            },
            "put": {
                "requestBody": {"required": True, "content": {"application/json": {"schema": THING}}},
                "responses": {"204": {"description": "Replaced."}},
            },
        }
    },
    "components": {
        "schemas": {"Thing": {"type": "object", "properties": {"status": {"enum": ["new", "old"]}}}},
        "responses": {"Missing": {"content": {"application/problem+json": {"schema": {}}}}},
    },
}
PATH = "/api/v1/things/{thing_id}"


def edited(edit: Callable[[Document], object]) -> Document:
    """Return a copy of the base document after `edit`."""
    document = copy.deepcopy(BASE)
    edit(document)
    return document


def item(document: Document) -> Document:
    """Return the operations of the only path."""
    found: Document = document["paths"][PATH]
    return found


def status(document: Document) -> Document:
    """Return the schema of the field that both bodies carry."""
    found: Document = document["components"]["schemas"]["Thing"]["properties"]["status"]
    return found


def sentences(changes: list[Change]) -> list[tuple[str, bool]]:
    """Return what is said of each change, and whether it breaks."""
    return [(change.sentence, change.breaking) for change in changes]


def test_equal_documents_have_no_changes() -> None:
    """A document compared with itself, whatever is in it, has not changed."""
    assert compare_openapi(BASE, copy.deepcopy(BASE)) == []


def drop_answer(code: str) -> Callable[[Document], object]:
    """Return an edit that removes an answer from GET."""
    return lambda document: item(document)["get"]["responses"].pop(code)


REMOVALS: dict[str, tuple[Callable[[Document], object], str, bool]] = {
    "path": (lambda d: d["paths"].pop(PATH), f"{PATH} is gone.", True),
    "operation": (lambda d: item(d).pop("put"), f"PUT {PATH} is gone.", True),
    "success": (drop_answer("200"), f"GET {PATH}: answer 200 is gone.", True),
    "refusal": (drop_answer("404"), f"GET {PATH}: answer 404 is gone.", False),
    "header": (
        lambda d: item(d)["get"]["responses"]["200"].pop("headers"),
        f"GET {PATH}: answer 200: header ETag is gone.",
        True,
    ),
    "media type": (
        lambda d: item(d)["put"]["requestBody"]["content"].pop("application/json"),
        f"PUT {PATH}: body as application/json is gone.",
        True,
    ),
    "body": (lambda d: item(d)["put"].pop("requestBody"), f"PUT {PATH}: body is gone.", True),
    "query parameter": (
        lambda d: item(d)["get"]["parameters"].pop(0),
        f"GET {PATH}: query parameter fields is gone.",
        True,
    ),
    "request header": (
        lambda d: item(d)["get"]["parameters"].pop(1),
        f"GET {PATH}: header parameter X-Mood is gone.",
        False,
    ),
}


@pytest.mark.parametrize(("remove", "sentence", "breaking"), REMOVALS.values(), ids=REMOVALS.keys())
def test_removals_break_and_additions_do_not(
    remove: Callable[[Document], object], sentence: str, *, breaking: bool
) -> None:
    """What is taken away breaks where clients lean on it; the same read backwards is an addition, and fine."""
    smaller = edited(remove)
    assert sentences(compare_openapi(BASE, smaller)) == [(sentence, breaking)]
    added = compare_openapi(smaller, BASE)
    if "body is gone" in sentence:  # a body that is new and required is the one addition that asks something
        assert sentences(added) == [(f"PUT {PATH}: body is new and required.", True)]
    else:
        assert sentences(added) == [(sentence.replace("is gone", "is new"), False)]


def test_a_value_more_breaks_readers_only() -> None:
    """A value that joins an enum is fine in a request and breaks whoever reads the answer; leaving is the reverse."""
    wider = edited(lambda document: status(document)["enum"].append("lost"))
    assert sentences(compare_openapi(BASE, wider)) == [
        (f'GET {PATH}: answer 200: status may now hold "lost".', True),
        (f'PUT {PATH}: body: status now also accepts "lost".', False),
    ]
    assert [change.breaking for change in compare_openapi(wider, BASE)] == [False, True]


def test_parameters_may_be_added_when_optional() -> None:
    """A new parameter breaks when it is required, and so does an old one that becomes so."""

    def add(document: Document, *, required: bool) -> None:
        given = {"name": "limit", "in": "query", "required": required, "schema": {"type": "integer"}}
        item(document)["get"]["parameters"].append(given)

    optional = edited(lambda document: add(document, required=False))
    required = edited(lambda document: add(document, required=True))
    place = f"GET {PATH}: query parameter limit"
    assert sentences(compare_openapi(BASE, optional)) == [(f"{place} is new.", False)]
    assert sentences(compare_openapi(BASE, required)) == [(f"{place} is new and required.", True)]
    assert sentences(compare_openapi(optional, required)) == [(f"{place} is now required.", True)]
    assert sentences(compare_openapi(required, optional)) == [(f"{place} may now be left out.", False)]


def test_a_body_may_become_optional() -> None:
    """Asking for a body that could be left out breaks; no longer asking for it does not."""
    optional = edited(lambda document: item(document)["put"]["requestBody"].pop("required"))
    assert sentences(compare_openapi(optional, BASE)) == [(f"PUT {PATH}: body is now required.", True)]
    assert sentences(compare_openapi(BASE, optional)) == [(f"PUT {PATH}: body may now be left out.", False)]


def test_path_parameters_may_be_renamed() -> None:
    """The name of a path parameter is the server's own affair; its schema is not."""

    def rename(document: Document, kind: str) -> None:
        moved = document["paths"].pop(PATH)
        moved["parameters"][0] |= {"name": "id", "schema": {"type": kind}}
        document["paths"]["/api/v1/things/{id}"] = moved

    assert compare_openapi(BASE, edited(lambda document: rename(document, "string"))) == []
    changes = compare_openapi(BASE, edited(lambda document: rename(document, "integer")))
    assert {change.kind for change in changes} == {Kind.TYPE}
    assert sum(change.breaking for change in changes) == 2  # GET and PUT


def test_deprecation_is_told_and_breaks_nobody() -> None:
    """A client should hear that an operation ends, and nothing fails yet."""
    old = edited(lambda document: item(document)["get"].update(deprecated=True))
    assert sentences(compare_openapi(BASE, old)) == [(f"GET {PATH} is now deprecated.", False)]
    assert sentences(compare_openapi(old, BASE)) == [(f"GET {PATH} is no longer deprecated.", False)]


def test_prose_is_no_change() -> None:
    """Summaries, descriptions and operation ids may change."""
    spoken = edited(lambda document: item(document)["get"].update(summary="Read.", operationId="read", tags=["x"]))
    assert compare_openapi(BASE, spoken) == []

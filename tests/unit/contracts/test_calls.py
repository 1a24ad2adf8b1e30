"""Declared calls beside the provider's contract: everything that would fail has a sentence."""

from copy import deepcopy
from typing import Any

import pytest
from tests.client.garden import create

from arnia.contracts import Contract, hold_calls

PLANT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "height": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "latin": {"type": "string"},
    },
    "required": ["name", "latin"],
}
WISH: dict[str, Any] = {
    "type": "object",
    "properties": {"stems": {"type": "integer", "maximum": 99}, "card": {"type": "string"}},
    "required": ["stems"],
    "additionalProperties": False,
}
KEY = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}}


def answers(status: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    """Return the `responses` of an operation."""
    return {status: {"content": {"application/json": {"schema": schema}}} if schema else {}}


def body() -> dict[str, Any]:
    """Return the `requestBody` of an operation."""
    return {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wish"}}}}


def identified(name: str) -> dict[str, Any]:
    """Return a path parameter."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


def query(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a query parameter."""
    return {"name": name, "in": "query", "required": False, "schema": schema}


def nursery() -> dict[str, Any]:
    """Return the OpenAPI document of a nursery that serves all that the florist calls."""
    plant = {"$ref": "#/components/schemas/Plant"}
    filters = [
        query("colour", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        query("tall", {"type": "boolean"}),
        query("tags", {"type": "array", "items": {"type": "string"}}),
    ]
    return {
        "paths": {
            "/api/v1/plants": {
                "get": {"parameters": filters, "responses": answers("200", {"type": "array", "items": plant})}
            },
            "/api/v1/plants/{id}": {"get": {"parameters": [identified("id")], "responses": answers("200", plant)}},
            "/api/v1/orders": {"post": {"requestBody": body(), "responses": answers("201", plant)}},
            "/api/v1/orders/{order_id}": {
                "put": {
                    "parameters": [identified("order_id")],
                    "requestBody": body(),
                    "responses": answers("204", None),
                },
                "delete": {"parameters": [{**identified("order_id"), "schema": {"type": "string"}}], "responses": {}},
            },
            "/api/v1/gifts": {"post": {"parameters": [KEY], "requestBody": body(), "responses": answers("201", plant)}},
        },
        "components": {"schemas": {"Plant": deepcopy(PLANT), "Wish": deepcopy(WISH)}},
    }


def held(document: dict[str, Any]) -> list[str]:
    """Return what is found of the florist's calls in a nursery that serves `document`."""
    florist = Contract.model_validate({"service": "florist", "calls": create().contract()["calls"]})
    return list(hold_calls(florist, Contract(service="nursery", openapi={1: document})))


def test_calls_that_fit() -> None:
    """Whoever answers more than is read and takes more than is sent fits; names of path parameters are its own."""
    assert held(nursery()) == []


def change(document: Any, path: str, value: object) -> None:
    """Set the place that `path` names; None removes it."""
    *way, last = (int(part) if part.isdigit() else part for part in path.split(" "))
    for part in way:
        document = document[part]
    if value is None:
        del document[last]
    else:
        document[last] = value


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("paths /api/v1/gifts", None, "florist calls POST /api/v1/gifts of nursery, which has no such path"),
        (
            "paths /api/v1/orders/{order_id} delete",
            None,
            "DELETE /api/v1/orders/{order_id} of nursery, which has no such method",
        ),
        (
            "components schemas Plant properties name",
            None,
            "GET /api/v1/plants/{plant_id} of nursery: answer 200: name is needed and not there",
        ),
        ("components schemas Plant properties height", None, ""),
        ("components schemas Plant required", ["latin"], "answer 200: name is needed and may be absent"),
        ("components schemas Plant properties name", {"type": "integer"}, "answer 200: name"),
        (
            "components schemas Plant properties name",
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "may hold null",
        ),
        ("components schemas Wish required", ["card", "stems"], "body: card is required and not sent"),
        ("components schemas Wish properties stems", None, "body: stems is sent and not known there"),
        ("components schemas Wish properties stems", {"type": "string"}, "body: stems"),
        (
            "paths /api/v1/plants get parameters 1",
            KEY,
            "calls GET /api/v1/plants of nursery with the parameter 'tall', which it does not have",
        ),
        ("paths /api/v1/plants get parameters 1", query("tall", {"type": "integer"}), "parameter tall"),
        (
            "paths /api/v1/plants get parameters 0",
            {**query("to", {}), "required": True},
            "does not send the query parameter 'to'",
        ),
        ("paths /api/v1/gifts post parameters", [], "with an Idempotency-Key, which it does not promise"),
        (
            "paths /api/v1/gifts post requestBody content",
            {"text/plain": {}},
            "with a body of type application/json, which it does not take",
        ),
        ("paths /api/v1/gifts post responses", answers("204", None), "expects a body: a 204 has none"),
        ("paths /api/v1/gifts post security", [{"oauth2": ["gifts:write"]}], "without the scope gifts:write"),
    ],
)
def test_what_would_break_is_told(place: str, value: object, sentence: str) -> None:
    """Each way in which a provider can fail its consumer is named with the consumer, the call and the place."""
    document = nursery()
    change(document, place, value)
    found = "\n".join(held(document))
    assert sentence in found
    assert bool(found) == bool(sentence)


TAG: dict[str, Any] = {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
LOST = "with If-Match, which it does not look at"


@pytest.mark.parametrize(
    ("sent", "tag", "sentence"),
    [
        (None, TAG, "does not send the header parameter 'If-Match', which is required"),
        ("optional", TAG, "does not send the header parameter 'If-Match', which is required"),
        ("required", TAG, ""),
        (None, {**TAG, "required": False}, ""),
        ("optional", {**TAG, "required": False}, ""),
        ("required", None, LOST),
        ("optional", None, LOST),
    ],
)
def test_a_precondition_is_held_against_the_provider(
    sent: str | None, tag: dict[str, Any] | None, sentence: str
) -> None:
    """A call without the If-Match that its provider demands would be a 428; one that is not looked at is of no use."""
    document = nursery()
    parameters = document["paths"]["/api/v1/orders/{order_id}"]["put"]["parameters"]
    parameters.extend([] if tag is None else [tag])
    calls = create().contract()["calls"]
    for call in calls["calls"]["nursery"]["operations"]:
        if call["method"] == "PUT":
            call["if_match"] = sent
    florist = Contract.model_validate({"service": "florist", "calls": calls})
    found = "\n".join(hold_calls(florist, Contract(service="nursery", openapi={1: document})))
    assert sentence in found
    assert bool(found) == bool(sentence)

"""The judge: every edge is declared and coded, or neither."""

from typing import Any

import pytest

from arnia.contracts import Contract, Edges, judge

OPENAPI: dict[str, Any] = {
    "paths": {"/api/v1/orders": {"get": {}}, "/api/v1/stock": {"get": {}}, "/livez": {"get": {}}}
}
ASYNCAPI: dict[str, Any] = {
    "channels": {"order.placed": {}, "stock.low": {}},
    "operations": {
        "a": {"action": "send", "channel": {"$ref": "#/channels/order.placed"}},
        "b": {"action": "receive", "channel": {"$ref": "#/channels/stock.low"}},
    },
}
SETTINGS: dict[str, Any] = {"settings": [{"variable": "ORDERS_DATABASE_URL"}]}

DECLARED: dict[str, Any] = {
    "exposes": ("/api/v1/orders",),
    "emits": ("order.placed",),
    "hears": ("stock.low",),
    "calls": {"bank": 1},
    "uses_database": True,
}
CODED: dict[str, Any] = {
    "openapi": {1: OPENAPI},
    "asyncapi": ASYNCAPI,
    "settings": SETTINGS,
    "calls": {"calls": {"bank": {"version": 1}}},
}


def sentences(declared: dict[str, Any], coded: dict[str, Any]) -> list[str]:
    """Return what the judge says about the service `orders`, with `bank` beside it in version 1."""
    edges = {"orders": Edges(service="orders", **{**DECLARED, **declared}), "bank": Edges(service="bank")}
    contracts = {
        "orders": Contract.model_validate({"service": "orders", **CODED, **coded}),
        "bank": Contract(service="bank", openapi={1: {}}),
    }
    findings = judge(edges, contracts)
    assert {finding.service for finding in findings} <= {"orders"}
    return [finding.sentence for finding in findings]


def test_agreement_has_no_findings() -> None:
    """A declaration and a contract that say the same are fine; a path that is not exposed is a backend API."""
    assert sentences({}, {}) == []


@pytest.mark.parametrize(
    ("declared", "coded", "sentence"),
    [
        ({"exposes": ("/api/v1/orders", "/x")}, {}, "orders exposes '/x' and serves nothing there"),
        ({"exposes": ("/api/v1/orders", "/livez")}, {}, "orders exposes '/livez' and serves nothing there"),
        (
            {},
            {"openapi": {1: OPENAPI, 2: {"paths": {"/api/v2/orders": {"get": {}}}}}},
            "orders serves '/api/v2/orders' and exposes only other versions of it",
        ),
        (
            {},
            {"openapi": {1: {"paths": {**OPENAPI["paths"], "/api/v3/x": {"get": {}}}}}},
            "orders serves '/api/v3/x' and documents it under API version 1",
        ),
        ({"emits": ()}, {}, "orders emits 'order.placed' and does not declare it"),
        (
            {"emits": ("order.lost", "order.placed")},
            {},
            "orders is declared to emit 'order.lost' and its code does not",
        ),
        ({"hears": ()}, {}, "orders hears 'stock.low' and does not declare it"),
        ({"hears": ("a.b", "stock.low")}, {}, "orders is declared to hear 'a.b' and its code does not"),
        ({"uses_database": False}, {}, "orders has the setting ORDERS_DATABASE_URL and uses no database"),
        ({}, {"settings": {}}, "orders uses a database and has no setting ORDERS_DATABASE_URL"),
        ({"calls": {}}, {}, "orders calls 'bank' and does not declare it"),
        ({}, {"calls": {}}, "orders is declared to call 'bank' and has no client for it"),
        (
            {},
            {"calls": {"calls": {"bank": {"version": 2}}}},
            "orders is declared to call version 1 of 'bank' and calls 2",
        ),
        (
            {"calls": {"bank": 2}},
            {"calls": {"calls": {"bank": {"version": 2}}}},
            "orders calls version 2 of 'bank', which has 1: call one that exists.",
        ),
    ],
)
def test_each_edge_without_its_counterpart_is_one_finding(
    declared: dict[str, Any], coded: dict[str, Any], sentence: str
) -> None:
    """An edge declared but not coded, or coded but not declared, is named with the service and the way out."""
    (found,) = sentences(declared, coded)
    assert found.startswith(sentence)
    assert found.endswith(".")


def test_a_service_without_contract_is_one_finding() -> None:
    """Nothing is judged where nothing is committed, and that is said once."""
    (finding,) = judge({"orders": Edges(service="orders", **DECLARED)}, {})
    assert finding.sentence == "orders has no committed contract: write it with `arnia contract`."


def test_route_to_a_foreign_protocol_is_coded() -> None:
    """A path of a foreign protocol that the edge opens is served."""
    document = {"paths": {"/token": {"post": {"x-protocol": "oauth2", "responses": {}}}}}
    edges = Edges(service="shop", exposes=("/token",))
    assert judge({"shop": edges}, {"shop": Contract(service="shop", protocols=document)}) == []
    assert judge({"shop": edges}, {"shop": Contract(service="shop")}) != []


TOKENS: dict[str, Any] = {
    "paths": {
        "/api/v1/orders": {"get": {"security": [{"bearer": ["orders:read"]}]}},
        "/api/v1/orders/weather": {"get": {"security": []}},
    }
}
PROTOCOLS: dict[str, Any] = {"paths": {"/token": {"post": {"security": []}}}}


@pytest.mark.parametrize(
    ("exposes", "public", "sentence"),
    [
        (("/api/v1/orders", "/api/v1/orders/weather"), ("/api/v1/orders/weather",), None),
        (("/api/v1/orders",), (), "orders asks for no token at GET /api/v1/orders/weather, where the edge asks for"),
        (("/api/v1/orders",), ("/api/v1/orders",), "orders exposes '/api/v1/orders' as public and asks for a token"),
        (("/token",), (), "orders asks for no token at POST /token, where the edge asks for one"),
        (("/token",), ("/token",), None),
        (("/api/v1/orders", "/token"), None, None),
    ],
)
def test_edge_and_service_ask_for_tokens_at_the_same_paths(
    exposes: tuple[str, ...], public: tuple[str, ...] | None, sentence: str | None
) -> None:
    """A public route leads to operations without a policy, every other one to operations with one."""
    coded = {"openapi": {1: TOKENS}, "protocols": PROTOCOLS}
    found = sentences({"exposes": exposes, "public": public}, coded)
    assert len(found) == (sentence is not None)
    assert sentence is None or found[0].startswith(sentence)

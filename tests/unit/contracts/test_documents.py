"""Reading contracts, their canonical text, and comparing them as a whole."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arnia.contracts import Contract, Router, canonical, compare
from arnia.errors import UsageError

Document = dict[str, Any]

LETTERS = st.text('aZ é"\\\n', max_size=4)
JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | LETTERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LETTERS, inner, max_size=3),
    max_leaves=6,
)


def openapi(path: str, *tags: str, deprecated: bool = False) -> Document:
    """Return a document with one operation."""
    return {"paths": {path: {"get": {"tags": list(tags), "deprecated": deprecated, "responses": {}}}}}


def asyncapi(action: str = "send", **payloads: object) -> Document:
    """Return a document with one channel for each payload; a double underscore stands for a dot."""
    names = {name.replace("__", "."): payload for name, payload in payloads.items()}
    return {
        "channels": {
            f"{name}.v1": {"address": name, "messages": {"Said": {"$ref": f"#/components/messages/{name}"}}}
            for name in names
        },
        "operations": {
            f"{action}.{name}": {"action": action, "channel": {"$ref": f"#/channels/{name}.v1"}} for name in names
        },
        "components": {"messages": {name: {"payload": payload} for name, payload in names.items()}},
    }


def setting(variable: str, **facets: object) -> Document:
    """Return one setting of a settings document."""
    return {"variable": variable, "type": "str", "required": False, "secret": False, "default": None, **facets}


def contract(**parts: object) -> Contract:
    """Return a contract of the service `shop` with these parts."""
    return Contract.model_validate({"service": "shop", **parts})


@settings(deadline=None)
@given(document=st.dictionaries(LETTERS, JSON, max_size=4))
def test_canonical_text_is_the_only_one(document: Document) -> None:
    """The text of a document does not depend on its order, reads back equal and is its own canonical form."""
    text = canonical(document)
    assert json.loads(text) == document
    assert canonical(dict(reversed(document.items()))) == text
    assert canonical(json.loads(text)) == text
    assert text.endswith("\n")


def test_files_are_read_and_written_alike() -> None:
    """What is written under its file names reads back as the same contract; other files are not for us."""
    whole = contract(
        openapi={1: openapi("/api/v1/x"), 2: openapi("/api/v2/x")},
        asyncapi=asyncapi(shop__opened={}),
        settings={"settings": [setting("SHOP_PORT")]},
        calls={"calls": {"bank": {"version": 1}}},
    )
    files = {name: json.loads(text) for name, text in whole.files().items()}
    assert sorted(files) == ["asyncapi.json", "calls.json", "openapi.v1.json", "openapi.v2.json", "settings.json"]
    assert Contract.read("shop", {**files, "openapi.json": {}, "openapi.v0.json": {}}) == whole


def test_documents_are_objects() -> None:
    """A file that holds something else than an object is named."""
    with pytest.raises(UsageError, match=r"shop: calls\.json holds no JSON object"):
        Contract.read("shop", {"calls.json": []})


def test_edges_are_read_from_the_documents() -> None:
    """Events, calls, the database and the domains with their routers are what the documents say."""
    whole = contract(
        openapi={1: openapi("/api/v1/orders/{id}", "orders", deprecated=True), 2: openapi("/token", "login", "oauth")},
        asyncapi=asyncapi("receive", bank__closed={}),
        settings={"settings": [setting("SHOP_DATABASE_URL")]},
        calls={"calls": {"bank": {"version": 2}}},
    )
    assert whole.emits == ()
    assert whole.hears == ("bank.closed",)
    assert whole.called == {"bank": 2}
    assert whole.has_database
    assert not contract().has_database
    assert whole.routers == (
        Router(prefix="/api/v1/orders", version=1, domains=("orders",)),
        Router(prefix="/token", version=None, domains=("login", "oauth")),
    )
    assert whole.domains == ("login", "oauth", "orders")
    assert [whole.is_deprecated(major) for major in (1, 2, 3)] == [True, False, False]


TEXT: Document = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
NUMBER: Document = {"type": "object", "properties": {"name": {"type": "integer"}}, "required": ["name"]}


@pytest.mark.parametrize(
    ("old", "new", "sentence", "breaking"),
    [
        ({"openapi": {1: {}}}, {}, "API version 1 is gone.", True),
        ({}, {"openapi": {2: {}}}, "API version 2 is new.", False),
        ({"openapi": {1: openapi("/a")}}, {"openapi": {1: {}}}, "/a is gone.", True),
        ({"asyncapi": asyncapi(shop__opened={})}, {}, "event shop.opened is gone.", True),
        ({}, {"asyncapi": asyncapi(shop__opened={})}, "event shop.opened is new.", False),
        ({}, {"asyncapi": asyncapi("receive", bank__closed={})}, "event bank.closed is now heard.", False),
        ({"asyncapi": asyncapi("receive", bank__closed={})}, {}, "event bank.closed is heard no longer.", False),
        ({}, {"settings": {"settings": [setting("A")]}}, "setting A is new.", False),
        ({}, {"settings": {"settings": [setting("A", required=True)]}}, "setting A is new and required.", True),
        ({"settings": {"settings": [setting("A")]}}, {}, "setting A is gone.", False),
        (
            {"calls": {"calls": {"bank": {"version": 1}}}},
            {"calls": {"calls": {"bank": {"version": 2}}}},
            "is now called in version 2",
            False,
        ),
        ({"calls": {"calls": {"bank": {"version": 1}}}}, {}, "service bank is called no longer.", False),
    ],
)
def test_parts_of_a_contract(old: Document, new: Document, sentence: str, *, breaking: bool) -> None:
    """Whole parts that come or go are one change each, judged by who leans on them."""
    (change,) = compare(contract(**old), contract(**new))
    assert sentence in change.sentence
    assert change.breaking is breaking


@pytest.mark.parametrize(
    ("facet", "sentence", "breaking"),
    [
        ({"type": "int"}, "setting A is now int and was str.", True),
        ({"required": True}, "setting A is now required.", True),
        ({"default": "7"}, "setting A has the default 7 now and had None.", False),
        ({"secret": True}, "setting A is now a secret.", True),
    ],
)
def test_settings_are_compared_facet_by_facet(facet: Document, sentence: str, *, breaking: bool) -> None:
    """A deployment breaks when it must say more, or say it differently."""
    old, new = ({"settings": [one]} for one in (setting("A"), setting("A", **facet)))
    (change,) = compare(contract(settings=old), contract(settings=new))
    assert (change.sentence, change.breaking) == (sentence, breaking)


@pytest.mark.parametrize(
    ("before", "after", "sentence", "breaking"),
    [
        ("Literal['a']", "Literal['a', 'b', 'c']", "now also accepts 'b', 'c'.", False),
        ("int", "int | None", "now also accepts None.", False),
        ("Literal['a'] | None", "str | None", "now also accepts str.", False),
        ("int", "float", "now also accepts float.", False),
        ("Literal['a', 'b']", "Literal['a']", "is now Literal['a'] and was Literal['a', 'b'].", True),
        ("int | None", "int", "is now int and was int | None.", True),
        ("Literal['a']", "Literal['b']", "is now Literal['b'] and was Literal['a'].", True),
        ("float", "int", "is now int and was float.", True),
    ],
)
def test_a_setting_that_gains_values_fits(before: str, after: str, sentence: str, *, breaking: bool) -> None:
    """Whatever a deployment said of a setting may be said still, or the change breaks it."""
    old, new = ({"settings": [setting("A", type=each)]} for each in (before, after))
    (change,) = compare(contract(settings=old), contract(settings=new))
    assert (change.sentence, change.breaking) == (f"setting A {sentence}", breaking)


def test_events_are_compared_as_answers() -> None:
    """A payload whose field changes its type breaks hearers; breaking changes come first."""
    changes = compare(contract(asyncapi=asyncapi(shop__opened=TEXT)), contract(asyncapi=asyncapi(shop__opened=NUMBER)))
    assert [(change.where, change.breaking) for change in changes] == [
        ("event shop.opened: name", True),
        ("event shop.opened: name", False),
    ]


def test_a_message_may_be_renamed() -> None:
    """The name of a message is a name in the emitter's code, and nobody hears it."""
    renamed = asyncapi(shop__opened=TEXT)
    messages = renamed["channels"]["shop.opened.v1"]["messages"]
    messages["Opened"] = messages.pop("Said")
    assert compare(contract(asyncapi=asyncapi(shop__opened=TEXT)), contract(asyncapi=renamed)) == []


def test_a_second_version_of_an_event_is_added() -> None:
    """A hearer of version 1 goes on while version 2 is emitted beside it, and breaks when 1 ends."""
    both = asyncapi(shop__opened=TEXT)
    both["channels"]["shop.opened.v2"] = {"address": "shop.opened", "messages": {"Two": {"payload": NUMBER}}}
    both["operations"]["second"] = {"action": "send", "channel": {"$ref": "#/channels/shop.opened.v2"}}
    one = contract(asyncapi=asyncapi(shop__opened=TEXT))
    (added,) = compare(one, contract(asyncapi=both))
    assert not added.breaking
    (removed,) = compare(contract(asyncapi=both), one)
    assert removed.breaking
    assert removed.sentence == "event shop.opened is no longer emitted in version 2."


def test_foreign_protocol_is_a_document_of_its_own() -> None:
    """What another standard rules is read from and written to one file, and names its paths by protocol."""
    document = {"paths": {"/token": {"post": {"x-protocol": "oauth2", "tags": ["tokens"], "responses": {}}}}}
    read = Contract.read("shop", {"openapi.protocols.json": document})
    assert read.spoken == {"oauth2": ("/token",)}
    assert read.routers == (Router(prefix="/token", version=None, domains=("tokens",)),)
    assert json.loads(read.files()["openapi.protocols.json"]) == document
    assert "openapi.protocols.json" not in contract().files()
    gone = compare(read, contract())
    assert [(change.breaking, "/token" in change.sentence) for change in gone] == [(True, True)]

"""What a client's class says is checked when it is made, and written down in the contract."""

import asyncio
from collections.abc import Callable
from types import new_class
from typing import Any
from uuid import UUID

import pytest
from tests.client.garden import NurseryClient, create

from arnia.chassis.call_contracts import describe_calls
from arnia.chassis.client import Client, Versioned, delete, get, patch, post, put
from arnia.chassis.schemas import Body, View


class Thing(View):
    """What is read."""

    name: str


class Wish(Body):
    """What is sent."""

    stems: int


async def no_such_parameter(self: Client, other: int) -> Thing: ...


async def optional_in_path(self: Client, thing_id: int = 1) -> Thing: ...


def no_coroutine(self: Client, thing_id: int) -> Thing: ...


async def no_type(self: Client, thing_id: int) -> Thing: ...


async def no_answer(self: Client, thing_id: int) -> Thing: ...


del no_type.__annotations__["thing_id"], no_answer.__annotations__["return"]


async def variadic(self: Client, thing_id: int, *more: int) -> Thing: ...


async def with_body(self: Client, thing_id: int, body: Wish) -> Thing: ...


async def unreadable(self: Client, thing_id: int) -> asyncio.Event: ...


async def with_key(self: Client, thing_id: int, idempotency_key: str) -> Thing: ...


async def with_tag(self: Client, thing_id: int, if_match: str) -> Thing: ...


async def with_number(self: Client, thing_id: int, if_match: int) -> None: ...


async def fine(self: Client, thing_id: int) -> Thing: ...


@pytest.mark.parametrize(
    ("stub", "decorate", "sentence"),
    [
        (no_such_parameter, get("/things/{thing_id}"), "the path names {thing_id}, which is no parameter"),
        (optional_in_path, get("/things/{thing_id}"), "thing_id is in the path and has a default"),
        (no_coroutine, get("/things/{thing_id}"), "is no `async def`"),
        (no_type, get("/things/{thing_id}"), "thing_id has no type"),
        (no_answer, get("/things/{thing_id}"), "does not say what it returns"),
        (variadic, get("/things/{thing_id}"), r"\*more cannot be sent"),
        (with_body, get("/things/{thing_id}"), "a GET has no body"),
        (with_body, delete("/things/{thing_id}"), "a DELETE has no body"),
        (unreadable, get("/things/{thing_id}"), "what it returns is of a type that pydantic cannot"),
        (with_key, put("/things/{thing_id}"), "idempotency_key is a parameter of calls that are declared"),
        (with_tag, get("/things/{thing_id}"), "if_match is a parameter of a PUT, a PATCH or a DELETE"),
        (with_number, put("/things/{thing_id}"), "if_match is the ETag of a version: a `str`"),
        (fine, get("things/{thing_id}"), "begins with no slash"),
        (fine, lambda stub: stub, "declares no call: decorate it with @get"),
    ],
)
def test_a_wrong_stub_is_named(stub: Any, decorate: Callable[[Any], Any], sentence: str) -> None:
    """Each way to declare a call wrongly ends the making of its class, in a sentence that names class and method."""
    stub.__dict__.clear()
    with pytest.raises(TypeError, match=f"^Things.stub.*{sentence}"):
        new_class("Things", (Client,), {"service": "thing"}, lambda body: body.update(stub=decorate(stub)))


def test_arguments_are_those_of_a_function() -> None:
    """Positional and named arguments and defaults bind as ever; too many, too few and unknown ones are a TypeError."""
    search = next(each for each in NurseryClient.operations if each.name == "search")
    assert search.bind(("red",), {"tall": True}) == {"colour": "red", "tall": True, "tags": ()}
    for args, kwargs in ((("a", True, (), 1), {}), ((), {"other": 1})):
        with pytest.raises(TypeError, match="takes the arguments colour, tall, tags"):
            search.bind(args, kwargs)


def test_the_contract_tells_every_call() -> None:
    """The contract has path, method, scopes, parameters, what is sent as written and what is read as read."""

    class Things(Client, service="thing", version=2):
        @patch("/things/{thing_id}", scopes=("things:write", "things:read"), keyed=True)
        async def change(self, thing_id: UUID, body: Wish, *, dry: bool | None = None) -> Thing | None: ...

    told = describe_calls([Things])
    assert told["calls"]["thing"]["version"] == 2
    (operation,) = told["calls"]["thing"]["operations"]
    assert (operation["method"], operation["path"]) == ("PATCH", "/api/v2/things/{thing_id}")
    assert operation["scopes"] == ["things:read", "things:write"]
    assert operation["parameters"]["thing_id"] == {
        "in": "path",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    }
    assert operation["parameters"]["dry"]["required"] is False
    assert operation["body"] == {"$ref": "#/components/schemas/Wish"}
    assert operation["body_type"] == "application/merge-patch+json"
    assert operation["answer"]["anyOf"][1] == {"type": "null"}
    assert told["components"]["schemas"]["Thing"]["required"] == ["name"]


def test_the_contract_tells_of_versions() -> None:
    """The contract has whether a call insists on a version, always or where one is given, and whether it reads one."""

    class Things(Client, service="thing"):
        @patch("/things/{thing_id}")
        async def change(self, thing_id: UUID, body: Wish, if_match: str) -> Versioned[Thing]: ...

        @delete("/things/{thing_id}")
        async def drop(self, thing_id: UUID, if_match: str | None = None) -> None: ...

        @get("/things/{thing_id}")
        async def read(self, thing_id: UUID) -> Thing: ...

    told = {each["name"]: each for each in describe_calls([Things])["calls"]["thing"]["operations"]}
    assert [told[name]["if_match"] for name in ("change", "drop", "read")] == ["required", "optional", None]
    assert [told[name]["versioned"] for name in ("change", "drop", "read")] == [True, False, False]
    assert told["change"]["answer"] == {"$ref": "#/components/schemas/Thing"}
    assert set(told["change"]["parameters"]) == set(told["drop"]["parameters"]) == {"thing_id"}


def test_one_client_for_each_service() -> None:
    """Two clients of one service would be two breakers for it: their calls belong into one."""

    class Other(Client, service="nursery"):
        @post("/orders")
        async def buy(self, body: Wish) -> Thing: ...

    with pytest.raises(ValueError, match="several clients are of one service"):
        describe_calls([NurseryClient, Other])
    assert set(create().contract()["calls"]["calls"]) == {"nursery"}

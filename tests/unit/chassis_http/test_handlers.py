"""Handlers are called without FastAPI's help, and nobody can tell."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, Header, Query
from fastapi.exceptions import RequestValidationError
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Scope

from arnia.chassis.bodies import JsonRequest
from arnia.chassis.handlers import Compiled, Handler, handler_of
from arnia.chassis.routing import Route, Router
from arnia.chassis.schemas import Body
from arnia.chassis.security import anyone
from arnia.errors import NotFound

JSON = ("application/json",)
CALLS: list[str] = []


class Wish(Body):
    """A body."""

    text: str
    many: int = 1


class Filter(Body):
    """Query parameters."""

    color: str
    sizes: tuple[int, ...] = ()


async def first(wish_id: int, request: Request) -> str:
    CALLS.append("first")
    return f"{wish_id} of {request.method}"


async def second(one: Annotated[str, Depends(first)]) -> str:
    CALLS.append("second")
    if one.startswith("404"):
        raise NotFound("No such wish.")
    return one.upper()


class Third:
    """A dependency that is an object."""

    async def __call__(self, two: Annotated[str, Depends(second)], one: Annotated[str, Depends(first)]) -> list[str]:
        CALLS.append("third")
        return [one, two]


async def everything(
    wish_id: int,
    other: UUID,
    query: Annotated[Filter, Query()],
    body: Wish,
    three: Annotated[list[str], Depends(Third())],
    one: Annotated[str, Depends(first)],
    x_mood: Annotated[str, Header()] = "calm",
) -> Response:
    CALLS.append("handler")
    return JSONResponse([wish_id, str(other), query.model_dump(), body.model_dump(), three, one, x_mood])


def _route(endpoint: Callable[..., Any], method: str = "POST", path: str = "/wishes") -> Route:
    router = Router(dependencies=[anyone])
    router.api_route(path, methods=[method])(endpoint)
    (route,) = router.flat()
    route.dependency_overrides_provider = FastAPI()
    return route


async def _outcome(handler: Handler, path: dict[str, str], query: str, body: JsonValue, mood: str = "") -> object:
    raw = b"" if body is None else json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), *([(b"x-mood", mood.encode())] if mood else [])]
    scope: Scope = {"type": "http", "method": "POST", "path": "/wishes", "path_params": path, "headers": headers}
    scope["query_string"] = query.encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": raw}

    CALLS.clear()
    async with AsyncExitStack() as stack:
        scope["fastapi_middleware_astack"] = scope["fastapi_inner_astack"] = scope["fastapi_function_astack"] = stack
        try:
            response = await handler(JsonRequest(scope, receive, raw, body))
        except RequestValidationError as error:
            return error.errors(), list(CALLS)
        except NotFound as error:
            return str(error), list(CALLS)
    return bytes(response.body), response.background, list(CALLS)


@pytest.mark.parametrize("wish", ["7", "404", "seven", ""])
@pytest.mark.parametrize("other", [str(UUID(int=3)), "nobody"])
@pytest.mark.parametrize("query", ["color=red&sizes=1&sizes=2", "color=red&sizes=big", "shape=round", ""])
@pytest.mark.parametrize("body", [{"text": "a"}, {"text": 1, "many": "x"}, {}, [], 7, "text", None])
async def test_it_is_as_if_fastapi_had_called_the_handler(wish: str, other: str, query: str, body: JsonValue) -> None:
    """The same values, the same errors in the same order, and the same calls, each made once."""
    route = _route(everything, path="/wishes/{wish_id}/{other}")
    compiled, path = handler_of(route, JSON), {"wish_id": wish, "other": other}
    assert isinstance(compiled, Compiled)
    for mood in ("", "merry"):
        expected = await _outcome(route.get_route_handler(), path, query, body, mood)
        assert await _outcome(compiled, path, query, body, mood) == expected


async def test_what_was_overridden_is_called() -> None:
    """A dependency that a test replaces is replaced, also after the handler was made."""
    route = _route(everything, path="/wishes/{wish_id}/{other}")
    compiled, path = handler_of(route, JSON), {"wish_id": "7", "other": str(UUID(int=3))}
    app = route.dependency_overrides_provider
    assert isinstance(app, FastAPI)
    assert "7 of POST" in str(await _outcome(compiled, path, "color=red", {"text": "a"}))
    app.dependency_overrides[first] = lambda: "9 of TEST"
    assert "9 of TEST" in str(await _outcome(compiled, path, "color=red", {"text": "a"}))


async def _opened() -> AsyncIterator[int]:
    yield 1


def _threaded() -> int:
    return 1


async def _scoped() -> int:
    return 1


def sync() -> Response:
    return Response()


async def of_two_bodies(a: Wish, b: Wish) -> Response:
    return Response(a.text + b.text)


async def of_a_generator(one: Annotated[int, Depends(_opened)]) -> Response:
    return Response(str(one))


async def of_a_thread(one: Annotated[int, Depends(_threaded)]) -> Response:
    return Response(str(one))


async def of_what_is_not_kept(one: Annotated[int, Depends(_scoped, use_cache=False)]) -> Response:
    return Response(str(one))


async def of_tasks(tasks: BackgroundTasks) -> Response:
    return Response(str(tasks))


async def of_a_cookie(crumb: Annotated[str, Cookie()]) -> Response:
    return Response(crumb)


async def of_a_response(response: Response) -> Response:
    return response


async def of_data() -> Wish:
    return Wish(text="a")


STOCK: list[Callable[..., Awaitable[object] | Response]] = [
    sync,
    of_two_bodies,
    of_a_generator,
    of_a_thread,
    of_what_is_not_kept,
    of_tasks,
    of_a_cookie,
    of_a_response,
    of_data,
]


@pytest.mark.parametrize("endpoint", STOCK)
def test_what_is_not_plain_is_left_to_fastapi(endpoint: Callable[..., Any]) -> None:
    """Threads, generators, cookies and the like are called as FastAPI calls them."""
    assert not isinstance(handler_of(_route(endpoint), JSON), Compiled)


def test_a_body_that_is_no_json_is_left_to_fastapi() -> None:
    """So is a body of another media type."""
    route = _route(everything, path="/wishes/{wish_id}/{other}")
    assert isinstance(handler_of(route, ["application/merge-patch+json"]), Compiled)
    for other in ("text/plain", "application/x-www-form-urlencoded"):
        assert not isinstance(handler_of(route, [other]), Compiled)


async def test_a_handler_holds_to_what_it_says() -> None:
    """A handler that says that it answers with a response, and returns data, is a fault that is told."""

    async def liar() -> Response:
        return {"text": "a"}  # type: ignore[return-value]  # that is the lie

    with pytest.raises(TypeError, match="says that it answers with a response"):
        await _outcome(handler_of(_route(liar), JSON), {}, "", None)

"""From a request to the call of its handler: FastAPI declares it, and here it is worked out once, at the start.

FastAPI finds out with every request what kind of parameter each one is; that is half of what a small GET costs. What
most routes need is known beforehand: path parameters, a JSON body, and dependencies that are coroutines. These get a
`Compiled` handler, with the same order, the same errors and the same values; for everything else, and whenever a test
overrides a dependency, FastAPI's own handler is called.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_type_hints

from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from arnia.chassis.routing import is_response

__all__ = ["Handler", "handler_of"]

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Coroutine: TypeAlias = Callable[..., Awaitable[Any]]
Errors: TypeAlias = list[Any]

BODY: Final = ("body",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A call, and where its arguments come from."""

    call: Coroutine
    name: str | None
    dependencies: tuple["_Step", ...]
    path: tuple[ModelField, ...]
    query: tuple[ModelField, ...]
    headers: tuple[ModelField, ...]
    requests: tuple[str, ...]

    async def arguments(self, request: Request, known: dict[Coroutine, Any], errors: Errors) -> dict[str, Any]:
        """Return what the call takes; what is wrong with the request is added to `errors`, and nothing is called then.

        `known` has what other calls answered: each is made once.
        """
        values: dict[str, Any] = {}
        for each in self.dependencies:
            if each.call not in known:
                wrong: Errors = []
                given = await each.arguments(request, known, wrong)
                if wrong:
                    errors.extend(wrong)
                    continue
                known[each.call] = await each.call(**given)
            if each.name is not None:
                values[each.name] = known[each.call]
        for field in self.path:
            value, wrong = field.validate(request.path_params[field.alias], {}, loc=("path", field.alias))
            if wrong:
                errors.extend(wrong)
            else:
                values[field.name] = value
        if self.query:
            found, wrong = request_params_to_args(self.query, request.query_params)
            values.update(found)
            errors.extend(wrong)
        if self.headers:
            found, wrong = request_params_to_args(self.headers, request.headers)
            values.update(found)
            errors.extend(wrong)
        for name in self.requests:
            values[name] = request
        return values


class Compiled:
    """A route's handler, called without FastAPI's help."""

    __slots__ = ("_body", "_overrides", "_step", "_stock")

    def __init__(self, route: APIRoute, step: _Step, stock: Handler) -> None:
        self._step = step
        self._stock = stock
        self._body = next(iter(route.dependant.body_params), None)
        self._overrides = route.dependency_overrides_provider

    async def __call__(self, request: Request) -> Response:
        """Return the handler's answer.

        Raises:
            RequestValidationError: the parameters or the body are not what the handler takes.
            TypeError: the handler returned something else than it says.
        """
        field = self._body
        if getattr(self._overrides, "dependency_overrides", None) or (field is not None and not await request.body()):
            return await self._stock(request)
        errors: Errors = []
        values = await self._step.arguments(request, {}, errors)
        body = None
        if field is not None:
            body = await request.json()
            values[field.name], wrong = field.validate(body, {}, loc=BODY)
            errors.extend(wrong)
        if errors:
            raise RequestValidationError(errors, body=body)
        answer = await self._step.call(**values)
        if not isinstance(answer, Response):
            message = f"the handler of {request.method} {request.scope['path']} says that it answers with a response"
            raise TypeError(message)
        return answer


def handler_of(route: APIRoute, consumes: Collection[str]) -> Handler:
    """Return what turns a request to `route` into an answer; `consumes` has the media types of its body."""
    stock = _with_stack(route.get_route_handler())
    fields = route.dependant.body_params
    if fields and not (_is_one_document(route) and all(map(_is_json, consumes))):
        return stock
    if not is_response(get_type_hints(route.endpoint).get("return")):
        return stock
    step = _step(route.dependant)
    return stock if step is None else Compiled(route, step, stock)


def _with_stack(stock: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            request.scope["fastapi_function_astack"] = stack
            return await stock(request)

    return handle


def _step(dependant: Dependant) -> _Step | None:
    """Return the call of `dependant`, or nothing where FastAPI does more for it than is done here."""
    call = dependant.call
    special = (
        dependant.cookie_params
        or dependant.websocket_param_name
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.own_oauth_scopes
        or dependant.parent_oauth_scopes
        or dependant.concurrency
        or not dependant.use_cache
    )
    if special or call is None or not _is_coroutine(call) or not all(map(_is_plain, dependant.path_params)):
        return None
    dependencies = [_step(each) for each in dependant.dependencies]
    known = tuple(each for each in dependencies if each is not None)
    if len(known) < len(dependencies) or any(each.body_params for each in dependant.dependencies):
        return None
    names = (dependant.request_param_name, dependant.http_connection_param_name)
    return _Step(
        call=call,
        name=dependant.name,
        dependencies=known,
        path=tuple(dependant.path_params),
        query=tuple(dependant.query_params),
        headers=tuple(dependant.header_params),
        requests=tuple(name for name in names if name is not None),
    )


def _is_coroutine(call: Callable[..., Any]) -> bool:
    called = call if inspect.isroutine(call) else getattr(type(call), "__call__", None)  # noqa: B004 - asked for itself
    return not isinstance(call, type) and inspect.iscoroutinefunction(called)


def _is_plain(field: ModelField) -> bool:
    """Tell whether a path parameter is one text that its type makes sense of."""
    kind = field.field_info.annotation
    return isinstance(kind, type) and not issubclass(kind, (BaseModel, list, tuple, set, frozenset, dict, bytes))


def _is_one_document(route: APIRoute) -> bool:
    """Tell whether the whole body is one argument."""
    fields = route.dependant.body_params
    return len(fields) == 1 and route.body_field is fields[0]


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))

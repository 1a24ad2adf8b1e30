"""Routers: how a service declares its routes.

A `Router` is FastAPI's, with the major version in its prefix and the defaults of a REST resource: the response model
from the `Reply[...]` annotation, 201 for POST and PUT, 204 for DELETE, and operation ids that name version and handler.
"""

from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from fastapi import APIRouter, params
from fastapi.datastructures import Default, DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response
from typing_extensions import override

from arnia.chassis.integers import bound_parameters
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.replies import Reply
from arnia.chassis.security import Policy
from arnia.conventions import PROTOCOL_EXTENSION, version_prefix

__all__ = ["Route", "Router"]

_DEFAULT_STATUS = {"POST": 201, "PUT": 201, "DELETE": 204}
_DEFAULT_DESCRIPTION = {
    "POST": "Created.",
    "PUT": "Created.",
    "DELETE": "Gone.",
    "PATCH": "Changed.",
    "GET": "The current state.",
}


class Route(APIRoute):
    """A route, its policy, and the standard that rules it where that is not Arnia's own."""

    protocol: ForeignProtocol | None = None
    policy: Policy | None = None


class Router(APIRouter):
    """A bounded context's routes under one prefix.

    Args:
        version: Major version of the API; puts `/api/v{version}` before `prefix`. None for routes outside any version.
        prefix: Path of the collection, such as `/deliveries`.
        tags: Names of the domain, shown in the documentation and by `arnia graph`.
        protocol: The standard that rules the routes instead of Arnia's; such a router has no version, and a handler
            may answer with any `Response`.
        dependencies: What every route of the router depends on; among it the policy of those that have none of their
            own: `allow("hives:read")` or `anyone`.

    Raises:
        TypeError: a version and a protocol were given.
    """

    def __init__(
        self,
        *,
        version: int | None = None,
        prefix: str = "",
        tags: list[str] | None = None,
        protocol: ForeignProtocol | None = None,
        dependencies: Sequence[params.Depends] = (),
    ) -> None:
        if version is not None and protocol is not None:
            message = f"the paths of {protocol.name} are its standard's: a router of it has no version"
            raise TypeError(message)
        self.version = version
        self.protocol = protocol
        policies, others = _split(dependencies)
        self.policy = _only(policies, f"the router {prefix or '/'}")
        super().__init__(
            prefix=("" if version is None else version_prefix(version)) + prefix,
            tags=list(tags or ()),
            dependencies=others,
            redirect_slashes=False,
            route_class=Route,
            generate_unique_id_function=self._operation_id,
        )

    def _operation_id(self, route: APIRoute) -> str:
        return route.name if self.version is None else f"{route.name}_v{self.version}"

    def flat(self) -> list[Route]:
        """Return the routes.

        Raises:
            TypeError: another router is included in this one.
        """
        routes = [route for route in self.routes if isinstance(route, Route)]
        if len(routes) != len(self.routes):
            message = f"the router {self.prefix or '/'} includes another: pass each router to create_app by itself"
            raise TypeError(message)
        return routes

    @override
    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, reading what its `Reply` annotation says."""
        method = next(iter(options.get("methods") or {"GET"})).upper()
        if isinstance(options.get("response_model", Default(None)), DefaultPlaceholder):
            options["response_model"] = _answered_model(endpoint)
        policies, options["dependencies"] = _split(options.get("dependencies") or ())
        if self.protocol is None:
            _speak_arnia(method, options)
        else:
            options["openapi_extra"] = {**(options.get("openapi_extra") or {}), PROTOCOL_EXTENSION: self.protocol.name}
        super().add_api_route(path, endpoint, **options)
        route = self.flat()[-1]
        route.protocol = self.protocol
        route.policy = _only([*policies, *_policies(route.dependant)], f"{method} {route.path_format}") or self.policy
        bound_parameters(route)


def _speak_arnia(method: str, options: dict[str, Any]) -> None:
    if options.get("status_code") is None:
        options["status_code"] = _DEFAULT_STATUS.get(method, 200)
    if options.get("response_description") in (None, "Successful Response"):
        options["response_description"] = _DEFAULT_DESCRIPTION.get(method, "Done.")
    if method == "PUT" and options["status_code"] == 201 and 200 not in (options.get("responses") or {}):
        options["responses"] = {204: {"description": "Replaced."}, **(options.get("responses") or {})}


def _split(dependencies: Sequence[params.Depends]) -> tuple[list[Policy], list[params.Depends]]:
    """Return the policies among `dependencies`, and what is left for FastAPI to solve."""
    policies = [each.dependency for each in dependencies if isinstance(each.dependency, Policy)]
    return policies, [each for each in dependencies if not isinstance(each.dependency, Policy)]


def _policies(dependant: Dependant) -> Iterator[Policy]:
    """Yield the policies among the parameters of a handler and of what it depends on."""
    for each in dependant.dependencies:
        if isinstance(each.call, Policy):
            yield each.call
        yield from _policies(each)


def _only(policies: Sequence[Policy], owner: str) -> Policy | None:
    if len(policies) > 1:
        message = f"{owner} declares {len(policies)} policies: give all scopes to one allow(...)"
        raise TypeError(message)
    return policies[0] if policies else None


def _answered_model(endpoint: Callable[..., Any]) -> Any:
    answer = get_type_hints(endpoint, include_extras=True).get("return")
    if get_origin(answer) is Reply:
        (view,) = get_args(answer)
        return None if view in (None, type(None), Any) else view
    if is_response(answer):
        return None
    return Default(answer)


def is_response(answer: Any) -> bool:
    """Tell whether an annotation says that a handler answers with a response, and not with data."""
    if get_origin(answer) in (Union, UnionType):
        return all(map(is_response, get_args(answer)))
    kind = get_origin(answer) or answer
    return isinstance(kind, type) and issubclass(kind, Response)

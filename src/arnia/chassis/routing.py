"""Routers: how a service declares its routes.

A `Router` is FastAPI's, with the major version in its prefix and the defaults of a REST resource: the response model
from the `Reply[...]` annotation, 201 for POST and PUT, 204 for DELETE, and operation ids that name version and handler.
"""

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import APIRouter
from fastapi.datastructures import Default, DefaultPlaceholder
from fastapi.routing import APIRoute
from typing_extensions import override

from arnia.chassis.replies import Reply
from arnia.conventions import version_prefix

__all__ = ["Router"]

_DEFAULT_STATUS = {"POST": 201, "PUT": 201, "DELETE": 204}
_DEFAULT_DESCRIPTION = {
    "POST": "Created.",
    "PUT": "Created.",
    "DELETE": "Gone.",
    "PATCH": "Changed.",
    "GET": "The current state.",
}


class Router(APIRouter):
    """A bounded context's routes under one prefix.

    Args:
        version: Major version of the API; puts `/api/v{version}` before `prefix`. None for routes outside any version.
        prefix: Path of the collection, such as `/deliveries`.
        tags: Names of the domain, shown in the documentation and by `arnia graph`.
    """

    def __init__(self, *, version: int | None = None, prefix: str = "", tags: list[str] | None = None) -> None:
        self.version = version
        super().__init__(
            prefix=("" if version is None else version_prefix(version)) + prefix,
            tags=list(tags or ()),
            redirect_slashes=False,
            generate_unique_id_function=self._operation_id,
        )

    def _operation_id(self, route: APIRoute) -> str:
        return route.name if self.version is None else f"{route.name}_v{self.version}"

    @override
    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, reading what its `Reply` annotation says."""
        method = next(iter(options.get("methods") or {"GET"})).upper()
        if isinstance(options.get("response_model", Default(None)), DefaultPlaceholder):
            options["response_model"] = _answered_model(endpoint)
        if options.get("status_code") is None:
            options["status_code"] = _DEFAULT_STATUS.get(method, 200)
        if options.get("response_description") in (None, "Successful Response"):
            options["response_description"] = _DEFAULT_DESCRIPTION.get(method, "Done.")
        if method == "PUT" and options["status_code"] == 201:
            options["responses"] = {204: {"description": "Replaced."}, **(options.get("responses") or {})}
        super().add_api_route(path, endpoint, **options)


def _answered_model(endpoint: Callable[..., Any]) -> Any:
    answer = get_type_hints(endpoint, include_extras=True).get("return")
    if get_origin(answer) is Reply:
        (view,) = get_args(answer)
        return None if view in (None, type(None), Any) else view
    if isinstance(answer, type) and issubclass(answer, Reply):
        return None
    return Default(answer)

"""Services, and the routes that they expose."""

import re
from typing import Annotated

from pydantic import AfterValidator

from arnia.conventions import API_PREFIX
from arnia.ecosystem.mappings import ByName, NumberOf
from arnia.ecosystem.shapes import TRUTH, Shape, items
from arnia.ecosystem.values import Declared, Names

_MAJOR = re.compile(re.escape(API_PREFIX) + r"/v([1-9][0-9]*)(?:/|$)")


class Route(Declared):
    """A path that the edge lets through to a service, with everything below it.

    Attributes:
        path: Absolute and literal (`/api/v1/deliveries`): no parameters, no slash at the end.
        public: Whether the edge asks for no token there. Where nobody issues tokens it never does.
    """

    path: str
    public: Annotated[bool, TRUTH] = False

    @property
    def version(self) -> int | None:
        """The API's major version that the path names, None where the path names none."""
        match = _MAJOR.match(self.path)
        return int(match[1]) if match else None

    def covers(self, path: str) -> bool:
        """Tell whether `path` is this route or lies below it."""
        return path == self.path or path.startswith(self.path + "/")


def _sorted_routes(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    return tuple(sorted(routes, key=lambda route: route.path))


def _guess_routes(given: object) -> object:
    routes = [Route(path=item) if isinstance(item, str) else item for item in items(given)]
    return tuple(routes) if all(isinstance(route, Route) for route in routes) else None


_ROUTES = Shape("a tuple of routes", '(Route(path="..."),)', _guess_routes)


class Service(Declared):
    """A process of its own, with code, data and releases of its own.

    Attributes:
        name: A DNS label; the package is the same with underscores.
        owner: Who answers for it: a team or a person.
        uses: Names of the resources that it uses.
        calls: The services that it calls over their APIs, each with the major version that it calls.
        emits: Types of the events that it emits, such as `delivery.created`.
        hears: Types of the events that it handles.
        exposes: The routes that the edge lets through to it. Everything else is for other services only.
    """

    name: str
    owner: str
    uses: Names = ()
    calls: NumberOf = ByName[int]({})
    emits: Names = ()
    hears: Names = ()
    exposes: Annotated[tuple[Route, ...], AfterValidator(_sorted_routes), _ROUTES] = ()

    @property
    def versions(self) -> tuple[int, ...]:
        """The major versions that it exposes, ascending."""
        return tuple(sorted({route.version for route in self.exposes if route.version is not None}))

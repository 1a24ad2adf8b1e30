"""Plans of routes: everything that can be known about a route before a request comes, computed once at start."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from fastapi.routing import APIRoute

from arnia.chassis.handlers import Handler, handler_of
from arnia.chassis.integers import unbounded
from arnia.chassis.openapi import Document, operations, sent
from arnia.chassis.preconditions import stated
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.recognition import Recognition, recognition_of
from arnia.chassis.routing import Route
from arnia.chassis.security import Policy
from arnia.chassis.versions import Lifecycle
from arnia.conventions import MERGE_PATCH_MEDIA_TYPE
from arnia.errors import MethodNotAllowed, NotAcceptable, NotFound

__all__ = ["RoutePlan", "RouteTable", "accepts", "preferred", "quality"]

Headers = tuple[tuple[bytes, bytes], ...]

_CONDITIONAL: Final = frozenset({"PUT", "PATCH", "DELETE"})
_SAFE: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutePlan:
    """How one method of one path is served.

    Attributes:
        handler: Turns a request into an answer; None where FastAPI's own application serves the path.
        query: Names of the known query parameters; None where any is let through.
        repeatable: Those of them that may stand more than once.
        consumes: Media types of a request body; empty where there is none.
        produces: Media types of a success.
        protocol: The standard that rules the route instead of Arnia's; None for a resource.
        policy: What the caller must be allowed to do; None where nobody has to say who calls.
        recognition: What an Idempotency-Key means.
    """

    method: str
    template: str
    handler: Handler | None
    route: object = None
    query: frozenset[str] | None = frozenset()
    repeatable: frozenset[str] = frozenset()
    consumes: tuple[str, ...] = ()
    produces: tuple[str, ...] = ("application/json",)
    lifecycle: Lifecycle | None = None
    headers: Headers = ()
    protocol: ForeignProtocol | None = None
    policy: Policy | None = None
    recognition: Recognition = Recognition.IGNORED

    @property
    def read_only(self) -> bool:
        """Whether the method promises to change nothing."""
        return self.method in _SAFE

    @property
    def ignores_unknown(self) -> bool:
        """Whether a query parameter that is not known is let through."""
        return self.protocol is not None and self.protocol.ignores_unknown

    @property
    def patches(self) -> bool:
        """Whether the body is a patch."""
        return MERGE_PATCH_MEDIA_TYPE in self.consumes


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    names: tuple[str, ...] = ()
    plans: dict[str, RoutePlan] = field(default_factory=dict)

    @property
    def allow(self) -> str:
        methods = {"OPTIONS", *self.plans}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods))


class RouteTable:
    """Finds the plan of a request in a trie of path segments, however many routes there are."""

    def __init__(self, plans: Sequence[RoutePlan]) -> None:
        self._root = _Node()
        self._literal: dict[str, _Node] = {}
        for plan in plans:
            self._add(plan)
        self._methods = _Node(plans={plan.method: plan for plan in plans}).allow

    def _add(self, plan: RoutePlan) -> None:
        node, names = self._root, []
        for segment in plan.template.split("/")[1:]:
            if segment.startswith("{") and segment.endswith("}"):
                names.append(segment[1:-1].partition(":")[0])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        if plan.method in node.plans:
            message = f"two routes serve {plan.method} {plan.template}: remove one, or the first would never be called"
            raise TypeError(message)
        node.names = tuple(names)
        node.plans[plan.method] = plan
        if not names:
            self._literal[plan.template] = node

    def find(self, method: str, path: str) -> tuple[RoutePlan, dict[str, str]]:
        """Return the plan and the path parameters.

        Raises:
            NotFound: nothing lives at `path`.
            MethodNotAllowed: something does, and does not have `method`; the error carries the full Allow.
        """
        node, values = self._node(path)
        plan = node.plans.get("GET" if method == "HEAD" else method)
        if plan is None:
            detail = f"This resource has {node.allow}."
            raise MethodNotAllowed(detail, headers={"Allow": node.allow})
        return plan, dict(zip(node.names, values, strict=True))

    def allow(self, path: str) -> str:
        """Return the methods that `path` has, as an Allow header lists them; `*` is the service as a whole.

        Raises:
            NotFound: nothing lives at `path`.
        """
        return self._methods if path == "*" else self._node(path)[0].allow

    def _node(self, path: str) -> tuple[_Node, list[str]]:
        literal = self._literal.get(path)
        if literal is not None:
            return literal, []
        found = _descend(self._root, path.split("/")[1:], 0, [])
        if found is None:
            detail = "Nothing lives at this path."
            raise NotFound(detail)
        return found


def _descend(node: _Node, segments: list[str], depth: int, values: list[str]) -> tuple[_Node, list[str]] | None:
    for place in range(depth, len(segments)):
        segment = segments[place]
        child = node.children.get(segment)
        if node.parameter is None or not segment:
            if child is None:
                return None
            node = child
            continue
        if child is not None and (found := _descend(child, segments, place + 1, values)) is not None:
            return found
        node, values = node.parameter, [*values, segment]
    return (node, values) if node.plans else None


def plan_routes(
    routes: Iterable[Route],
    document: Document,
    lifecycles: Mapping[str, tuple[Lifecycle, Headers]],
    *,
    records: bool,
) -> list[RoutePlan]:
    """Return the plans of `routes`, whose parameters and media types `document` describes.

    `lifecycles` maps the path prefix of each versioned API to its end and the headers that announce it; `records` says
    whether the service keeps records of idempotency keys.
    """
    described = {(path, method.upper()): operation for path, method, operation in operations(document)}
    plans = []
    for route in routes:
        lifecycle, headers = next(
            (found for prefix, found in lifecycles.items() if route.path_format.startswith(prefix + "/")), (None, ())
        )
        policy = _policy_of(route)
        for method in sorted(route.methods or ()):
            if method in _CONDITIONAL and route.protocol is None:
                _refuse_without_preconditions(route, method)
            operation = described.get((route.path_format, method), {})
            consumes = tuple(operation.get("requestBody", {}).get("content", {}))
            if any(map(unbounded, sent(document, operation))):
                message = (
                    f"{method} {route.path_format} reads an int without bounds: let each model in its body inherit "
                    "Body or FormBody, or give it ge and le"
                )
                raise TypeError(message)
            plans.append(
                RoutePlan(
                    method=method,
                    template=route.path_format,
                    handler=handler_of(route, consumes),
                    route=route,
                    query=frozenset(_query(operation)) if operation else None,
                    repeatable=frozenset(name for name, many in _query(operation).items() if many),
                    consumes=consumes,
                    produces=_produced(operation),
                    lifecycle=lifecycle,
                    headers=headers,
                    protocol=route.protocol,
                    policy=None if policy.public else policy,
                    recognition=recognition_of(route, method, records=records),
                )
            )
    return plans


def _query(operation: Document) -> dict[str, bool]:
    """Return the query parameters, and of each whether it is a list."""
    found = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    return {each["name"]: "array" in str(each.get("schema", {})) for each in found}


def _policy_of(route: Route) -> Policy:
    if route.policy is None:
        methods = ", ".join(sorted(route.methods or ()))
        message = (
            f"{methods} {route.path_format} has no policy: declare who may call it with "
            "`dependencies=[allow(...)]` at the route or its router, or `dependencies=[anyone]` if it is public"
        )
        raise TypeError(message)
    return route.policy


def _refuse_without_preconditions(route: APIRoute, method: str) -> None:
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        if dependant.call is stated:
            return
        waiting.extend(dependant.dependencies)
    message = (
        f"{method} {route.path_format} takes no Precondition: If-Match would be ignored; "
        "add `precondition: Precondition` to its handler and check the current ETag with it"
    )
    raise TypeError(message)


def _produced(operation: Document) -> tuple[str, ...]:
    found: dict[str, Any] = {}
    for status, answer in operation.get("responses", {}).items():
        if status.startswith("2"):
            found.update(answer.get("content", {}))
    return tuple(found) or ("application/json",)


@lru_cache(maxsize=1024)
def accepts(accept: bytes, produces: tuple[str, ...]) -> bool:
    """Tell whether an Accept header (RFC 9110, 12.5.1) admits any of the media types in `produces`."""
    ranges = _ranges(accept)
    if not ranges:
        return True
    return any(_most_specific(ranges, media) > 0 for media in produces)


def quality(parameters: list[str]) -> float:
    """Return the weight that parameters of an Accept header give (RFC 9110, 12.4.2)."""
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def preferred(accept: bytes, produces: tuple[str, ...]) -> str:
    """Return which of `produces` an Accept header likes best: the first of those that it likes equally."""
    ranges = _ranges(accept)
    return max(produces, key=lambda media: _most_specific(ranges, media)) if ranges else produces[0]


def _ranges(accept: bytes) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for part in accept.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            ranges[name] = quality(parameters)
    return ranges


def _most_specific(ranges: Mapping[str, float], media: str) -> float:
    kind = media.partition("/")[0]
    for candidate in (media, f"{kind}/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return 0.0


def refuse_unacceptable(plan: RoutePlan, accept: bytes | None) -> None:
    """Refuse a caller that accepts nothing the route can answer with.

    Raises:
        NotAcceptable: as said.
    """
    if accept is not None and plan.protocol is None and not accepts(accept, plan.produces):
        detail = f"This resource answers with {', '.join(plan.produces)}."
        raise NotAcceptable(detail)

"""Integers that fit a column: what a caller sends has 64 bits, unless its model says otherwise.

PostgreSQL and the driver refuse a larger one with an error that looks like a mistake of the program. So the bases of
`arnia.chassis.schemas` bound every `int` that has no bounds of its own, and a router bounds its parameters.
"""

from collections.abc import Iterator
from typing import Any, Final

from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema

__all__ = ["LARGEST", "SMALLEST", "Bounded", "bound", "bound_parameters", "sharpen", "unbounded"]

SMALLEST: Final = -(2**63)
LARGEST: Final = 2**63 - 1

_OTHERS: Final = frozenset({"model", "dataclass"})
_LOW: Final = frozenset({"minimum", "exclusiveMinimum"})
_HIGH: Final = frozenset({"maximum", "exclusiveMaximum"})
_EXAMPLES: Final = frozenset({"default", "example", "examples", "enum", "const"})
_VALUES: Final = frozenset({"cls", "config", "default", "expected", "metadata"})


def _bound(node: Any, owner: object) -> None:
    if isinstance(node, list | tuple):
        for part in node:
            _bound(part, owner)
    elif isinstance(node, dict) and not (node.get("type") in _OTHERS and node.get("cls") is not owner):
        # Another model's validator is its own: what is written into its schema here would be shown, and not enforced.
        if node.get("type") == "int":
            _bound_integer(node)
        for name, part in node.items():
            if name not in _VALUES:
                _bound(part, owner)


def _bound_integer(node: dict[str, Any]) -> None:
    if not node.keys() & {"ge", "gt"}:
        node["ge"] = SMALLEST
    elif node.keys() & {"le", "lt"}:
        return
    if not node.keys() & {"le", "lt"}:
        node["le"] = LARGEST
    node["metadata"] = {**node.get("metadata", {}), "pydantic_js_updates": {"format": "int64"}}


class Bounded(BaseModel):
    """A model whose integers fit into 64 bits, where their own bounds do not say less or more."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _bound(schema, source)
        return schema


class _InInt64:
    """An annotation that does the same to a parameter."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _bound(schema, None)
        return schema


def bound_parameters(route: APIRoute) -> None:
    """Bound the integers in the path, the query, the headers and the cookies of `route`.

    Raises:
        TypeError: a model of several parameters has an integer without bounds, and is not `Bounded`.
    """
    for field in _parameters(route.dependant):
        annotation = field.field_info.annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            field.field_info.metadata.append(_InInt64())
            # FastAPI built the validator from the annotation that it had then.
            field.__post_init__()
        elif not issubclass(annotation, Bounded) and unbounded(annotation.model_json_schema()):
            message = (
                f"{annotation.__qualname__}, the parameters of {route.path_format}, has an int without bounds: "
                "inherit CollectionQuery or Body, or give it ge and le"
            )
            raise TypeError(message)


def _parameters(dependant: Dependant) -> Iterator[ModelField]:
    yield from dependant.path_params
    yield from dependant.query_params
    yield from dependant.header_params
    yield from dependant.cookie_params
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def unbounded(schema: Any) -> bool:
    """Tell whether a JSON schema has an integer that lacks a bound on either side."""
    return any(not (_LOW & integer.keys() and _HIGH & integer.keys()) for integer in _integers(schema))


def bound(schema: Any) -> None:
    """Write the bounds of 64 bits into a JSON schema, wherever an integer lacks one."""
    for integer in _integers(schema):
        if not (_LOW & integer.keys() and _HIGH & integer.keys()):
            integer["format"] = "int64"
            integer.update({} if _LOW & integer.keys() else {"minimum": SMALLEST})
            integer.update({} if _HIGH & integer.keys() else {"maximum": LARGEST})


def sharpen(schema: Any) -> None:
    """Write the bounds of 64 bits as what they are: FastAPI's document has them as floats, which is one too many."""
    for integer in _integers(schema):
        for name, exact in (("minimum", SMALLEST), ("maximum", LARGEST)):
            if integer.get(name) == float(exact):
                integer[name] = exact


def _integers(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, list):
        for part in schema:
            yield from _integers(part)
    elif isinstance(schema, dict):
        if schema.get("type") == "integer" and not schema.keys() & {"enum", "const"}:
            yield schema
        for name, part in schema.items():
            if name not in _EXAMPLES:
                yield from _integers(part)

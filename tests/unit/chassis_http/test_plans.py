"""Route plans: the trie, Allow, and what a caller accepts."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from arnia.chassis.plans import RoutePlan, RouteTable, accepts
from arnia.errors import MethodNotAllowed, NotFound


async def handle(_: Request) -> Response:
    """Answer anything."""
    return Response()


def plan(method: str, template: str) -> RoutePlan:
    """Return a plan for one method and path."""
    return RoutePlan(method=method, template=template, handler=handle)


TABLE = RouteTable(
    [
        plan("GET", "/a"),
        plan("POST", "/a"),
        plan("GET", "/a/{x}"),
        plan("DELETE", "/a/{x}"),
        plan("GET", "/a/mine"),
        plan("PUT", "/a/{x}/b/{y}"),
        plan("GET", "/{any}/c"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "template", "parameters"),
    [
        ("GET", "/a", "/a", {}),
        ("HEAD", "/a", "/a", {}),
        ("GET", "/a/1", "/a/{x}", {"x": "1"}),
        ("GET", "/a/mine", "/a/mine", {}),
        ("PUT", "/a/1/b/2", "/a/{x}/b/{y}", {"x": "1", "y": "2"}),
        ("GET", "/a/c", "/a/{x}", {"x": "c"}),
        ("GET", "/z/c", "/{any}/c", {"any": "z"}),
    ],
)
def test_path_finds_the_most_literal_plan(method: str, path: str, template: str, parameters: dict[str, str]) -> None:
    """Literal segments win over parameters, and HEAD is served by GET."""
    found, values = TABLE.find(method, path)
    assert (found.template, values) == (template, parameters)


@pytest.mark.parametrize("path", ["", "/", "/b", "/a/", "/a/1/", "/a//b/2", "/a/1/b", "a", "//a"])
def test_unknown_path_is_not_found(path: str) -> None:
    """Nothing is guessed: no trailing slash, no empty parameter."""
    with pytest.raises(NotFound):
        TABLE.find("GET", path)


def test_other_method_is_told_all_that_there_are() -> None:
    """Allow lists every method of the path, HEAD and OPTIONS among them."""
    with pytest.raises(MethodNotAllowed) as refused:
        TABLE.find("PATCH", "/a/1")
    assert refused.value.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert TABLE.allow("/a/1/b/2") == "OPTIONS, PUT"


@pytest.mark.parametrize(
    ("accept", "verdict"),
    [
        (b"", True),
        (b"*/*", True),
        (b"application/*", True),
        (b"application/json", True),
        (b"APPLICATION/JSON", True),
        (b"text/html, application/json;q=0.1", True),
        (b"text/html", False),
        (b"application/json;q=0", False),
        (b"application/json;q=0, */*", False),
        (b"*/*;q=0", False),
        (b"application/xml, text/*", False),
        (b"application/json;q=none", False),
        (b",,", True),
        (b"text/html;q=1, */*;q=0.1", True),
    ],
)
def test_accept_is_read_as_the_standard_says(accept: bytes, verdict: bool) -> None:  # noqa: FBT001 - a table of cases
    """The most specific range decides, and a quality of zero excludes."""
    assert accepts(accept, ("application/json",)) is verdict

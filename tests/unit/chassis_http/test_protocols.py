"""Routers of foreign protocols: their standard's errors and parameters, and the spine's concerns all the same."""

import io
from typing import Annotated

import httpx2
import pytest
from fastapi import Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from tests.unit.chassis_http.sample_service import Settings, client

from arnia.chassis.application import create_app
from arnia.chassis.forms import Form, FormBody
from arnia.chassis.logs import AccessLog
from arnia.chassis.protocols import ForeignProtocol
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.errors import DeadlineExceeded, InvalidContent, NotAuthenticated, ServiceError


class TokenRequest(FormBody):
    """A form."""

    grant_type: str


def tell(error: ServiceError, request: Request) -> Response:
    """Answer as RFC 6749 (5.2) says."""
    if request.url.path == "/broken-renderer":
        raise RuntimeError
    status = 400 if isinstance(error, InvalidContent) else error.status
    return JSONResponse({"error": "invalid_request", "kind": error.slug}, status)


OAUTH2 = ForeignProtocol(name="oauth2", render=tell)
router = Router(protocol=OAUTH2, tags=["tokens"], dependencies=[anyone])
strict = Router(protocol=ForeignProtocol(name="strict", ignores_unknown=False), tags=["strict"], dependencies=[anyone])


@router.post("/token")
async def issue(form: Form[TokenRequest]) -> JSONResponse:
    """Answer with JSON, unless told to fail."""
    match form.grant_type:
        case "nobody":
            raise NotAuthenticated(headers={"WWW-Authenticate": "Basic"})
        case "fault":
            message = "canary-5ecret"
            raise RuntimeError(message)
        case "late":
            raise DeadlineExceeded
    return JSONResponse({"access_token": form.grant_type}, headers={"cache-control": "no-store"})


@router.get("/authorize")
async def authorize(client_id: Annotated[str, Query()], page: bool = False) -> HTMLResponse | RedirectResponse:  # noqa: FBT001, FBT002 - a query
    """Answer with a page or a redirect."""
    if page:
        return HTMLResponse(f"<p>{len(client_id)}</p>")
    return RedirectResponse("https://client.example/cb?code=1", status_code=302)


@router.get("/.well-known/openid-configuration")
async def discover() -> dict[str, str]:
    """Answer with a plain document."""
    return {"issuer": "https://example"}


@router.get("/broken-renderer")
async def break_renderer() -> Response:
    """Raise what the renderer cannot tell."""
    raise NotAuthenticated


@router.delete("/registration")
async def forget() -> Response:
    """Write without a precondition."""
    return Response(status_code=204)


@strict.get("/strict")
async def read_strictly(known: str = "") -> dict[str, str]:
    """Take one parameter."""
    return {"known": known}


application = create_app(service="sample", settings=Settings, routers=[router, strict])


async def sent(method: str, target: str, body: bytes = b"", **headers: str) -> httpx2.Response:
    """Send one request."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        given["content-type"] = "application/x-www-form-urlencoded"
    async with client(application) as service:
        return await service.request(method, target, content=body, headers=given)


@pytest.mark.parametrize(
    ("grant", "status", "kind"),
    [("nobody", 401, "not-authenticated"), ("fault", 500, "internal-error"), ("late", 504, "deadline-exceeded")],
)
async def test_every_error_of_its_routes_is_told_by_its_renderer(grant: str, status: int, kind: str) -> None:
    """What a handler raises, on purpose or not, has the form of the standard, and no word of a fault."""
    answer = await sent("POST", "/token", f"grant_type={grant}".encode())
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json() == {"error": "invalid_request", "kind": kind}
    assert answer.headers.get("www-authenticate") == ("Basic" if grant == "nobody" else None)


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "kind"),
    [
        ("POST", "/token", b"", 400, "invalid-content"),
        ("POST", "/token", b"grant_type=a&grant_type=b", 400, "invalid-content"),
        ("POST", "/token", b"grant_type=%ff", 400, "malformed-request"),
        ("POST", "/token", b"grant_type=" + b"a" * 2_000_000, 413, "content-too-large"),
        ("GET", "/authorize", b"", 400, "invalid-content"),
        ("GET", "/authorize?client_id=a&client_id=b", b"", 400, "invalid-content"),
        ("GET", "/authorize?client_id=a%00", b"", 400, "malformed-request"),
    ],
)
async def test_what_the_chassis_refuses_is_told_by_the_renderer(
    method: str, target: str, body: bytes, status: int, kind: str
) -> None:
    """A broken form or query of such a route is refused in the form of the standard."""
    answer = await sent(method, target, body)
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)


async def test_renderer_that_fails_leaves_a_problem() -> None:
    """A fault in the renderer is a problem document, and in the metrics."""
    async with client(application) as service:
        answer = await service.get("/broken-renderer")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "http_server_faults_total 1.0" in (await service.get("/metrics")).text


async def test_any_answer_goes_through() -> None:
    """Pages, redirects and plain documents are answers; Accept does not refuse what the standard prescribes."""
    page = await sent("GET", "/authorize?client_id=abc&page=1&state=unknown", accept="application/json")
    assert (page.text, page.headers["content-type"]) == ("<p>3</p>", "text/html; charset=utf-8")
    redirect = await sent("GET", "/authorize?client_id=a")
    assert (redirect.status_code, redirect.headers["location"]) == (302, "https://client.example/cb?code=1")
    assert (await sent("GET", "/.well-known/openid-configuration")).json() == {"issuer": "https://example"}


async def test_spine_serves_it_like_any_other() -> None:
    """Request id, version, nosniff, HEAD, OPTIONS, 405, metrics and the log are where they always are."""
    log = io.StringIO()
    access = AccessLog(log, "sample", "0", as_json=True)
    transport = httpx2.ASGITransport(application.asgi(Settings.model_validate({"port": 1}), access=access))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as service:
        answer = await service.get("/authorize?client_id=a", headers={"x-request-id": "r-1"})
        assert answer.headers["x-request-id"] == "r-1"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-service-version"].startswith("sample/")
        assert (await service.head("/authorize?client_id=a")).status_code == 302
        assert (await service.options("/token")).headers["allow"] == "OPTIONS, POST"
        wrong = await service.put("/token")
        assert (wrong.status_code, wrong.headers["content-type"]) == (405, "application/problem+json")
        assert 'http_route="/authorize"' in (await service.get("/metrics")).text
    access.flush()
    assert '"r-1"' in log.getvalue()


async def test_no_key_and_no_precondition_is_asked_for() -> None:
    """An Idempotency-Key is not the standard's and is ignored; a write stands without If-Match."""
    answer = await sent("POST", "/token", b"grant_type=x", idempotency_key="k")
    assert answer.json() == {"access_token": "x"}
    async with client(application, require_if_match=True) as service:
        assert (await service.delete("/registration")).status_code == 204


async def test_standard_may_refuse_unknown_parameters() -> None:
    """A protocol says whether a query parameter that is not known is ignored; without a renderer it is a problem."""
    answer = await sent("GET", "/strict?unknown=1")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_contract_lists_it_apart() -> None:
    """The contract has a document of such operations with their standard, and no rule of Arnia's in it."""
    document = application.contract()["protocols"]
    assert {path: [each["x-protocol"] for each in item.values()] for path, item in document["paths"].items()} == {
        "/token": ["oauth2"],
        "/authorize": ["oauth2"],
        "/.well-known/openid-configuration": ["oauth2"],
        "/broken-renderer": ["oauth2"],
        "/registration": ["oauth2"],
        "/strict": ["strict"],
    }
    token = document["paths"]["/token"]["post"]
    assert set(token["responses"]) == {"200", "429"}  # who asks too often is told, whatever the protocol
    assert [each["name"] for each in token["parameters"]] == ["Request-Timeout-Ms"]
    assert list(document["components"]["schemas"]) == ["TokenRequest"]


def test_standard_has_no_version_of_ours() -> None:
    """A router of a protocol under a major version contradicts itself."""
    with pytest.raises(TypeError, match="has no version"):
        Router(version=1, protocol=OAUTH2)


def test_two_routes_in_one_place_are_refused() -> None:
    """A path that two routers serve ends the start, instead of hiding one of them."""
    twice = Router(prefix="/token", tags=["twice"], dependencies=[anyone])
    twice.add_api_route("", issue, methods=["POST"], operation_id="issue_twice")
    both = create_app(service="sample", settings=Settings, routers=[router, twice])
    with pytest.raises(TypeError, match="two routes serve POST /token"):
        both.asgi(Settings.model_validate({"port": 1}))

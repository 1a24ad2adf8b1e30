"""The spine: every concern of a request, told from outside."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest
from starlette.exceptions import HTTPException
from tests.unit.chassis_http.sample_service import ID, Settings, client, closed, create

from arnia.chassis.replies import Reply, no_content
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.chassis.versions import ApiVersion

NOTE = f"/api/v1/notes/{ID}"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def problem(response: httpx2.Response, status: int, slug: str) -> httpx2.Response:
    """Hold an answer against what a problem has to be."""
    told = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, told["status"], told["type"]) == (status, status, f"/problems/{slug}")
    return response


async def test_head_answers_like_get_without_a_body() -> None:
    """HEAD has the headers of GET, the length of its body among them."""
    async with client() as service:
        read, head = await service.get(NOTE), await service.head(NOTE)
    assert head.content == b""
    varying = ("x-request-id",)
    assert {name: value for name, value in head.headers.items() if name not in varying} == {
        name: value for name, value in read.headers.items() if name not in varying
    }


async def test_options_lists_every_method() -> None:
    """OPTIONS answers 204 with the full Allow."""
    async with client() as service:
        answer = await service.options(NOTE)
        missing = await service.options("/nowhere")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PATCH")
    problem(missing, 404, "not-found")


async def test_known_state_is_not_sent_again() -> None:
    """If-None-Match with the current tag answers 304 with the tag and no body."""
    async with client() as service:
        answer = await service.get(NOTE, headers={"If-None-Match": 'W/"1-a"'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1-a"')
    assert "content-type" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "slug"),
    [
        ("GET", "/nowhere", {}, None, 404, "not-found"),
        ("PUT", NOTE, {}, None, 405, "method-not-allowed"),
        ("GET", NOTE, {"Accept": "text/html"}, None, 406, "not-acceptable"),
        ("GET", NOTE + "?a=1", {}, None, 400, "unknown-parameter"),
        ("GET", "/api/v1/notes?limit=0", {}, None, 422, "invalid-content"),
        ("GET", "/api/v1/notes?text=%00", {}, None, 400, "malformed-request"),
        ("GET", "/api/v1/notes/x", {}, None, 422, "invalid-content"),
        ("POST", "/api/v1/notes", {"Content-Type": "text/plain"}, b"x", 415, "unsupported-media-type"),
        (
            "POST",
            "/api/v1/notes",
            {"Content-Type": "application/json", "Content-Encoding": "gzip"},
            b"x",
            415,
            "unsupported-media-type",
        ),
        ("POST", "/api/v1/notes", {"Content-Type": "application/json"}, b"", 422, "invalid-content"),
        (
            "POST",
            "/api/v1/notes",
            {"Content-Type": "application/json"},
            b'{"text":"x","more":1}',
            422,
            "invalid-content",
        ),
        ("POST", "/api/v1/notes", {"Content-Type": "application/json"}, b'{"text":NaN}', 400, "malformed-request"),
        (
            "POST",
            "/api/v1/notes",
            {"Content-Type": "application/json"},
            b'"' + b"x" * 1_048_576 + b'"',
            413,
            "content-too-large",
        ),
        ("PATCH", NOTE, {"Content-Type": "application/merge-patch+json"}, b"{}", 428, "precondition-required"),
        ("PATCH", NOTE, {"Content-Type": "application/json", "If-Match": "*"}, b"{}", 415, "unsupported-media-type"),
        (
            "PATCH",
            NOTE,
            {"Content-Type": "application/json-patch+json", "If-Match": "*"},
            b"{}",
            422,
            "invalid-content",
        ),
        ("GET", NOTE, {"Request-Timeout-Ms": "soon"}, None, 400, "malformed-request"),
        ("GET", NOTE, {"Request-Timeout-Ms": "0"}, None, 504, "deadline-exceeded"),
        ("GET", "/plain/slow", {"Request-Timeout-Ms": "20"}, None, 504, "deadline-exceeded"),
        ("GET", NOTE, {"X-Long": "x" * 40_000}, None, 431, "headers-too-large"),
        ("GET", "/plain/fault", {}, None, 500, "internal-error"),
        ("GET", "/problems/nothing", {}, None, 404, "not-found"),
    ],
)
async def test_what_breaks_a_rule_is_told_as_a_problem(
    method: str, path: str, headers: dict[str, str], content: bytes | None, status: int, slug: str
) -> None:
    """Each broken rule has its status and its type, and nothing that was sent or failed inside is repeated."""
    async with client() as service:
        answer = await service.request(method, path, headers=headers, content=content)
        problem(answer, status, slug)
        assert "canary" not in answer.text
        assert (await service.get(answer.json()["type"])).json()["status"] == status or slug == "not-found"


async def test_unreadable_patch_is_told_what_is_read() -> None:
    """A 415 on PATCH carries Accept-Patch."""
    async with client() as service:
        answer = await service.patch(NOTE, headers={"If-Match": "*"}, json={})
    assert answer.headers["accept-patch"] == "application/merge-patch+json, application/json-patch+json"


async def test_key_without_records_is_refused() -> None:
    """A service without a database promises nothing that it cannot hold."""
    async with client() as service:
        problem(
            await service.post("/api/v1/notes", json={"text": "x"}, headers={"Idempotency-Key": "k"}),
            400,
            "malformed-request",
        )


async def test_trace_and_request_id_go_on() -> None:
    """A valid trace is continued and shown in problems; a safe request id comes back, another does not."""
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "X-Request-Id": "my-id"}
    async with client() as service:
        answer = await service.get("/nowhere", headers=headers)
        assert (answer.json()["trace_id"], answer.headers["x-request-id"]) == (TRACE, "my-id")
        restarted = await service.get("/nowhere", headers={"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"})
        assert restarted.json()["trace_id"] not in (TRACE, "0" * 32)
        unsafe = await service.get(NOTE, headers={"X-Request-Id": "<script>"})
        assert unsafe.headers["x-request-id"] != "<script>"


async def test_exact_version_is_in_a_header() -> None:
    """Every answer names the service and its version."""
    async with client() as service:
        for path in (NOTE, "/nowhere", "/livez"):
            assert (await service.get(path)).headers["x-service-version"] == "sample/0.0.0"


async def test_deprecated_version_announces_its_end_and_then_is_gone() -> None:
    """Headers before the sunset, 410 after it, and `deprecated` in the documentation."""
    deprecated = datetime(2026, 1, 1, tzinfo=UTC)
    living = ApiVersion(major=1, deprecated=deprecated, sunset=datetime(2999, 1, 1, tzinfo=UTC), successor=2)
    async with client(create(living)) as service:
        answer = await service.get(NOTE)
        assert answer.headers["deprecation"] == "@1767225600"
        assert answer.headers["sunset"] == "Tue, 01 Jan 2999 00:00:00 GMT"
        assert 'rel="successor-version"' in answer.headers["link"]
        assert (await service.get("/openapi.json")).json()["paths"]["/api/v1/notes"]["get"]["deprecated"]
    async with client(create(ApiVersion(major=1, deprecated=deprecated, sunset=deprecated))) as service:
        problem(await service.get(NOTE), 410, "gone")
        assert (await service.get("/plain/borrow")).status_code == 200


async def test_only_the_chosen_versions_are_served() -> None:
    """A process that is told to serve version 2 does not have version 1."""
    async with client(api_versions=(2,)) as service:
        problem(await service.get(NOTE), 404, "not-found")
        assert "/api/v1/notes" not in (await service.get("/openapi.json")).json()["paths"]


async def test_dependency_with_clean_up_is_cleaned_up() -> None:
    """What a dependency lends is given back, and a plain answer is FastAPI's as ever."""
    closed.clear()
    async with client() as service:
        assert (await service.get("/plain/borrow")).json() == {"thing": "borrowed"}
    assert closed == ["open", "closed"]


async def test_documentation_pages_and_health_are_served() -> None:
    """Swagger UI, ReDoc, OpenAPI and liveness answer; readiness waits for the start."""
    async with client() as service:
        for path in ("/docs", "/redoc", "/openapi.json", "/livez"):
            assert (await service.get(path)).status_code == 200
        problem(await service.get("/readyz"), 503, "unavailable")
        problem(await service.get("/startupz"), 503, "unavailable")


async def test_metrics_count_by_route_and_never_by_path() -> None:
    """Durations are kept by method, template and status, so a caller cannot make labels."""
    async with client(create()) as service:
        for path in (NOTE, NOTE, "/nowhere/canary"):
            await service.get(path)
        shown = (await service.get("/metrics")).text
    line = 'http_request_method="GET",http_response_status_code="200",http_route="/api/v1/notes/{note_id}"'
    assert f"http_server_request_duration_seconds_count{{{line}}} 2.0" in shown
    assert "canary" not in shown
    assert str(ID) not in shown


async def test_required_preconditions_can_be_demanded_everywhere() -> None:
    """By a setting, every replacing or deleting write has to state one."""
    async with client(require_if_match=True) as service:
        problem(await service.delete(NOTE), 428, "precondition-required")
        assert (await service.delete(NOTE, headers={"If-Match": "*"})).status_code == 204


async def test_repeated_parameter_is_named() -> None:
    """A parameter that has one value and stands twice is refused, however it is spelled."""
    async with client() as service:
        for query in ("limit=1&limit=2", "limit=1&%6cimit=2"):
            told = problem(await service.get(f"/api/v1/notes?{query}"), 422, "invalid-content").json()
            assert told["errors"][0]["parameter"] == "limit"


def test_write_that_would_ignore_if_match_stops_the_start() -> None:
    """A route that changes a resource and takes no precondition is refused when the application is made."""
    careless = Router(version=1, prefix="/careless", dependencies=[anyone])

    @careless.delete("/{note_id}")
    async def delete_careless(note_id: UUID) -> Reply[None]:
        """Forget something without asking."""
        return no_content()

    application = replace(create(), routers=(careless,))
    with pytest.raises(TypeError, match="takes no Precondition"):
        application.asgi(Settings.model_validate({"port": 1}))


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        (NOTE, {"if-match": '"1-a"'}, 200),
        (NOTE, {"if-match": '"0-x", "1-a"'}, 200),
        (NOTE, {"if-match": "*"}, 200),
        (NOTE, {"if-match": '"0-x"'}, 412),
        (NOTE, {"if-match": 'W/"1-a"'}, 412),
        (NOTE, {"if-match": "1-a"}, 400),
        (NOTE, {"if-match": '"0-x"', "if-none-match": '"1-a"'}, 412),
        (NOTE, {"if-match": '"1-a"', "if-none-match": '"1-a"'}, 304),
        ("/api/v1/notes", {"if-match": "*"}, 200),
        ("/api/v1/notes", {"if-match": '"1-a"'}, 412),
        ("/api/v1/notes/none", {"if-match": '"0-x"'}, 422),
        ("/plain/fault", {"if-match": '"0-x"'}, 500),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_read_holds_its_preconditions(method: str, path: str, fields: dict[str, str], status: int) -> None:
    """If-Match comes before If-None-Match (RFC 9110, 13.2.2), strongly compared, where a read would succeed."""
    async with client() as service:
        assert (await service.request(method, path, headers=fields)).status_code == status


@pytest.mark.parametrize(
    ("status", "fields", "logged"),
    [
        (401, {"www-authenticate": "Basic"}, False),
        (429, {"retry-after": "7"}, False),
        (418, {}, False),
        (501, {}, True),
        (507, {"retry-after": "7"}, True),
    ],
)
async def test_exception_of_the_framework_keeps_its_status(
    status: int,
    fields: dict[str, str],
    logged: bool,  # noqa: FBT001 - a table of cases
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What a library raises as an HTTPException is a problem with its status and headers; its words are logged only."""
    router = Router(prefix="/raised", tags=["raised"], dependencies=[anyone])

    @router.get("")
    async def raising() -> Reply[None]:
        raise HTTPException(status, "canary-5ecret", headers=fields)

    async with client(replace(create(), routers=(router,))) as service:
        answer = await service.get("/raised")
        told = answer.json()
        assert (answer.status_code, told["status"]) == (status, status)
        assert {name: answer.headers[name] for name in fields} == fields
        assert "canary" not in answer.text
        assert (await service.get(told["type"])).json()["status"] == status
    assert ("canary-5ecret" in caplog.text) is logged


async def test_exception_of_the_framework_may_be_no_failure() -> None:
    """A redirect that is raised is a redirect."""
    router = Router(prefix="/raised", tags=["raised"], dependencies=[anyone])

    @router.get("")
    async def raising() -> Reply[None]:
        raise HTTPException(303, headers={"Location": "/there"})

    async with client(replace(create(), routers=(router,))) as service:
        answer = await service.get("/raised")
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, "/there", b"")

import http.client
import re
import socket
import uuid

import pytest
from tests.ecosystem.garden import Answer, Project, eventually

from arnia.conventions import PLATFORM_PATHS

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_lets_exposed_paths_through(garden: Project) -> None:
    """What a service exposes answers at the edge, under the same path."""
    for path in ("/api/v1/apples", "/api/v2/apples", "/api/v1/pears"):
        assert garden.call("GET", path).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v2/pears",
        "/api/v1/applesauce",
        "/api/v1/pears/../../../livez",
        "/api/v1/pears/%2e%2e/%2e%2e/%2e%2e/livez",
        "//livez",
        *(path for path in PLATFORM_PATHS if not path.startswith("/problems")),
    ],
)
def test_answers_everything_else_with_a_problem(garden: Project, path: str) -> None:
    """A path that nobody exposes is a problem document with status 404, whatever the services have there."""
    answer = garden.call("GET", path, X_Request_Id="asked-by-test")
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "asked-by-test"
    assert "server" not in answer.headers
    problem = answer.json()
    assert {key: problem[key] for key in ("type", "status", "title")} == {
        "type": "/problems/not-found",
        "status": 404,
        "title": "Not found",
    }
    assert problem["trace_id"] == "asked-by-test"
    assert problem["detail"]


@pytest.mark.parametrize(
    ("path", "headers", "status", "slug"),
    [
        ("/api/v1/pears%2fescaped", {}, 400, "malformed-request"),
        ("/api/v1/pears", {"X-Long": "a" * 40_000}, 431, "headers-too-large"),
        ("/api/v1/pears", {f"X-{number}": "1" for number in range(120)}, 431, "headers-too-large"),
    ],
)
def test_refuses_what_no_service_should_see(
    garden: Project, path: str, headers: dict[str, str], status: int, slug: str
) -> None:
    """Escaped slashes and oversized headers end at the edge, with a problem of the same form."""
    answer = garden.call("GET", path, **headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{slug}"


def test_refuses_a_body_that_is_too_large(garden: Project) -> None:
    """A body above the edge's limit is a 413 problem and does not reach the service."""
    answer = garden.call("PUT", "/api/v1/pears/large", b"x" * 9_000_000)
    assert answer.status == 413
    assert answer.json()["type"] == "/problems/content-too-large"


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /nobody-exposes-this HTTP/1.1", 404),
        ("GET /api/v1/pears%2fescaped HTTP/1.1", 400),
        ("this is no HTTP", 400),
        ("GET / HTTP/1.0", 426),
        (f"GET /api/v1/pears HTTP/1.1\r\nX-Long: {'a' * 40_000}", 431),
    ],
)
def test_gives_every_refusal_an_id(garden: Project, request_line: str, status: int) -> None:
    """A refusal has a request id of its own, and that as the id of a trace, even where it is of what is no HTTP."""
    refusals = [_speak(garden.port, f"{request_line}\r\nHost: edge\r\nConnection: close\r\n\r\n") for _ in range(2)]
    for refusal in refusals:
        assert refusal.status == status
        assert refusal.headers["content-type"] == "application/problem+json"
        assert str(uuid.UUID(refusal.headers["x-request-id"])) == refusal.headers["x-request-id"]
        assert refusal.json()["trace_id"] == refusal.headers["x-request-id"].replace("-", "")
        assert refusal.json().keys() == {"type", "title", "status", "detail", "trace_id"}
    assert len({refusal.headers["x-request-id"] for refusal in refusals}) == 2


@pytest.mark.parametrize(
    "parent", [f"00-{TRACE}-b7ad6b7169203331-01", f"00-{TRACE[1:]}-b7ad6b7169203331-01", "nonsense"]
)
def test_a_refusal_belongs_to_the_trace_of_its_caller(garden: Project, parent: str) -> None:
    """A problem of the edge names the trace that its caller says, as a service's would, unless that is none."""
    told = garden.call("GET", "/nobody-exposes-this", traceparent=parent).json()["trace_id"]
    assert re.fullmatch("[0-9a-f]{32}", told)
    assert (told == TRACE) is (len(parent) == 55)


def test_logs_no_question_of_the_supervisor(garden: Project) -> None:
    """While services start, the supervisor asks the edge whether they answer; that they do not is no news."""
    log = (garden.data / "logs" / "edge.log").read_text()
    assert '"method":"OPTIONS"' not in log


def test_keeps_the_request_id_and_hides_the_server(garden: Project) -> None:
    """A service sees the caller's request id, and a caller sees no server's name."""
    answer = garden.call("GET", "/api/v1/pears", X_Request_Id="kept-as-it-is")
    assert answer.json()["request_id"] == "kept-as-it-is"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("x-envoy")]


def test_routes_versions_to_processes_of_their_own(garden: Project) -> None:
    """Where versions are split, v1 and v2 of one service are answered by different processes side by side."""
    first, second = (garden.call("GET", f"/api/v{version}/apples").json() for version in (1, 2))
    assert (first["versions"], second["versions"]) == ("1", "2")
    assert first["pid"] != second["pid"]


def test_spreads_requests_over_replicas(garden: Project) -> None:
    """All replicas of a service get requests."""
    replicas = {replica.pid for replica in garden.state.services["pears"].replicas}
    assert len(replicas) == 2
    seen: set[object] = set()

    def everyone_has_answered() -> bool:
        seen.add(garden.call("GET", "/api/v1/pears").json()["pid"])
        return seen == replicas

    eventually(everyone_has_answered)


def _speak(port: int, said: str) -> Answer:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(said.encode())
        answer = http.client.HTTPResponse(line)
        answer.begin()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

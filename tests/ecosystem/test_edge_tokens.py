"""What the edge does with tokens, before real servers."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ecosystem.doorway import Doorway, doorway
from tests.ecosystem.garden import Answer, call, eventually

from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess

APPLES = "/api/v1/apples"
TRACE = "0af7651916cd43dd8448eb211c80319c"
FORGED = (
    "X-Arnia-Principal",
    "x-ARNIA-Roles",
    "X-User-Id",
    "X-User",
    "X-Auth-Request-Email",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Host",
    "X-JWT-Payload",
    "X-Consumer-Username",
    "X-Remote-User",
    "Remote-User",
    "X-Real-Ip",
    "X-Envoy-Retry-On",
    "X-Envoy-Upstream-Rq-Timeout-Ms",
    "Forwarded",
    "X-Roles",
    "X-Scopes",
    "X-Subject",
    "X-Authenticated-Userid",
    "X-Userinfo",
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    """An issuer whose keys the edge fetches."""
    with TestIssuer() as started:
        yield started


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer) -> Iterator[Doorway]:
    """An edge that verifies tokens, before a stand-in."""
    with doorway(tmp_path_factory.mktemp("door"), issuer) as opened:
        eventually(lambda: opened.ask(APPLES, issuer.token(audience="apples")).status == 200)
        yield opened


def _assert_problem(answer: Answer, status: int, slug: str, challenge: str | None) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers.get("www-authenticate") == challenge
    problem = answer.json()
    assert (problem["type"], problem["status"]) == (f"/problems/{slug}", status)
    assert problem["trace_id"] in {TRACE, answer.headers["x-request-id"].replace("-", "")}


def test_lets_a_valid_token_through(door: Doorway) -> None:
    """A token for the service passes, alone or among other audiences, and however the scheme's name is written."""
    token = door.issuer.token(audience="apples")
    for fields in ("Bearer", "bearer", "BEARER"):
        assert door.ask_raw(APPLES, [("Authorization", f"{fields} {token}")]).status == 200
    assert door.ask(APPLES, door.issuer.token(audience=["pears", "apples"])).status == 200


@pytest.mark.parametrize("path", [APPLES, f"{APPLES}/1", f"{APPLES}/weatherproof", "/api/v1/pears"])
def test_asks_for_a_token(door: Doorway, path: str) -> None:
    """Without a token an exposed path is a 401 problem; the challenge says no error (RFC 6750, 3.1)."""
    for answer in (door.ask(path), door.ask(path, Authorization="Basic Zm9vOmJhcg==")):
        _assert_problem(answer, 401, "not-authenticated", "Bearer")


def test_repeats_nothing_of_the_request(door: Doorway) -> None:
    """Neither the answer's fields nor its body hold what was in the query: people put tokens there."""
    answer = door.ask(f"{APPLES}?access_token=s3cr3t", "s3cr3t.s3cr3t.s3cr3t")
    assert answer.status == 401
    assert "s3cr3t" not in f"{answer.headers}{answer.body!r}"


def test_refuses_tokens_that_are_not_for_it(door: Doorway) -> None:
    """Another audience (seen before, elsewhere), another key, a past, a missing end and garbage are 401."""
    issuer = door.issuer
    seen = issuer.token(audience="apples")
    assert door.ask(APPLES, seen).status == 200
    with TestIssuer() as stranger:
        forged = stranger.token(audience="apples", iss=issuer.url)
    tokens = (
        issuer.token(audience="apples", seconds=-60),
        issuer.token(audience="apples", exp=None),
        issuer.token(audience="apples", iss="http://somebody.else"),
        forged,
        "a.b.c",
        "",
    )
    for answer in (door.ask("/api/v1/pears", seen), *(door.ask(APPLES, token) for token in tokens)):
        _assert_problem(answer, 401, "not-authenticated", answer.headers["www-authenticate"])
    _assert_problem(door.ask("/api/v1/pears", seen), 401, "not-authenticated", 'Bearer error="invalid_token"')
    twice = [("Authorization", f"Bearer {seen}"), ("Authorization", "Bearer a.b.c")]
    assert door.ask_raw(APPLES, twice).status == 401


def test_asks_for_nothing_at_public_paths(door: Doorway) -> None:
    """A public route passes without a token and with a bad one, which is the service's to judge."""
    for token in (None, "a.b.c"):
        assert door.ask(f"{APPLES}/weather", token).status == 200
    assert door.ask("/problems/not-found").status == 200
    assert call(door.envoy.port, "OPTIONS", APPLES).status == 501  # by the stand-in, which has no such method


def test_takes_out_what_only_the_platform_may_say(door: Doorway) -> None:
    """Fields by which a client pretends to be somebody, or elsewhere, do not arrive; all others do, as they were."""
    passing = {
        "Authorization": f"Bearer {door.issuer.token(audience='apples')}",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "baggage": "hive=7",
        "Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
        "Request-Timeout-Ms": "5000",
        "If-Match": '"3"',
        "X-Request-Id": "asked-by-test",
    }
    forged = [(name, "evil") for name in (*FORGED, "X-Forwarded-For", "X-Forwarded-Proto")]
    fields = dict(door.ask_raw(APPLES, [*passing.items(), *forged]).json()["fields"])
    assert "evil" not in f"{fields}"
    assert {name: fields[name.lower()] for name in passing} == passing


def test_internal_door_passes_everything_on(door: Doorway) -> None:
    """What services send each other is neither verified nor changed: no path, no field, no token."""
    answer = call(door.internal, "GET", "/api//v1/pears%2fripe/?a=1", Authorization="Bearer x", X_Arnia_Hop="1")
    fields = dict(answer.json()["fields"])
    assert answer.json()["path"] == "/api//v1/pears%2fripe/?a=1"
    assert (fields["authorization"], fields["x-arnia-hop"]) == ("Bearer x", "1")


def test_holds_back_a_flood(tmp_path: Path, issuer: TestIssuer) -> None:
    """An address that sends more than the bound is told so with 429, and when to come back."""
    with doorway(tmp_path, issuer, requests=20) as door:
        answers = [door.ask("/problems/x") for _ in range(25)]
    assert {answer.status for answer in answers[:15]} == {200}
    _assert_problem(answers[-1], 429, "too-many-requests", None)
    limits = ("retry-after", "ratelimit", "ratelimit-policy")
    assert [answers[-1].headers[name] for name in limits] == ["60", '"edge";r=0;t=60', '"edge";q=20;w=60']


def test_upgrades_to_websocket(door: Doorway) -> None:
    """A request to speak WebSocket reaches the service as one, after the same question for a token."""
    wish = f"GET {APPLES} HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    token = door.issuer.token(audience="apples")
    for credentials, status in ((f"Authorization: Bearer {token}\r\n", 101), ("", 401)):
        with socket.create_connection(("127.0.0.1", door.envoy.port), timeout=30) as line:
            line.sendall(f"{wish}{credentials}X-User: evil\r\n\r\n".encode())
            head, _, word = line.recv(65_536).partition(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode())
            if status == 101:
                fields = dict(json.loads(word or line.recv(65_536))["fields"])
                assert fields["upgrade"] == "websocket"
                assert "x-user" not in fields


def test_goes_on_while_the_issuer_is_down(tmp_path: Path) -> None:
    """Without the issuer, tokens work beyond the keys' age; an edge that is started then says 503, until it is back."""
    with TestIssuer() as issuer, doorway(tmp_path, issuer) as door:
        token = issuer.token(audience="apples")
        eventually(lambda: issuer.asked.count("/keys") >= 3)  # each worker of Envoy has them from the round
        assert door.ask(APPLES, token).status == 200
        unseen = issuer.token(audience="apples")
        issuer.stop()
        time.sleep(8)  # longer than this edge keeps keys
        assert door.ask(APPLES, token).status == 200
        assert door.ask(APPLES, unseen).status == 200
        door.envoy.stop()
        door.envoy.spawn()
        eventually(door.envoy.ready)
        answer = door.ask(APPLES, token)
        _assert_problem(answer, 503, "unavailable", None)
        assert int(answer.headers["retry-after"]) >= 1
        assert door.ask(f"{APPLES}/weather").status == 200
        assert door.ask(APPLES).status == 401
        issuer.start()
        eventually(lambda: door.ask(APPLES, token).status == 200)


def _await_fetches(issuer: TestIssuer, count: int) -> None:
    before = len(issuer.asked)
    eventually(lambda: issuer.asked[before:].count("/keys") >= count)


def test_refuses_no_valid_token_while_keys_rotate(tmp_path: Path) -> None:
    """Through rotations under load, a key that is published before it signs never costs a valid token."""
    refused: list[Answer] = []
    with TestIssuer() as issuer, doorway(tmp_path, issuer) as door:
        tokens = [issuer.token(audience="apples")]
        eventually(lambda: door.ask(APPLES, tokens[0]).status == 200)
        done = threading.Event()

        def load() -> None:
            while not done.is_set():
                answer = door.ask(APPLES, tokens[-1])
                if answer.status != 200:
                    refused.append(answer)

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            issuer.rotate()
            # Two doors fetch, each for itself, a second after what it fetched last: one that asks again has the key,
            # and one that asks for the first time may not. So who signs with it waits for two rounds.
            _await_fetches(issuer, 4)
            tokens.append(issuer.token(audience="apples"))
            time.sleep(0.3)
        done.set()
        for thread in threads:
            thread.join(60)
    assert refused == []


@pytest.mark.parametrize("guarded", [True, False])
def test_either_layer_denies_without_the_other(tmp_path: Path, issuer: TestIssuer, *, guarded: bool) -> None:
    """Without the edge's filter the service refuses; without the service's policy the edge does."""
    settings = {"issuer": issuer.url, "environment": "test"}
    with (
        ServiceProcess("apples", "tests.ecosystem.apples", settings, tmp_path / "apples.log") as apples,
        doorway(tmp_path, issuer, behind={"apples": apples.port}, guarded=guarded) as door,
    ):
        mine = issuer.token(audience="apples", scopes=["apples:read"])
        eventually(lambda: door.ask(APPLES, mine).status == 200)
        for refused in (None, issuer.token(audience="pears", scopes=["apples:read"]), "a.b.c"):
            answer = door.ask(APPLES, refused)
            assert answer.status == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            if guarded:
                assert door.ask(f"{APPLES}/unguarded", refused).status == 401
        assert door.ask(f"{APPLES}/unguarded", mine).status == 200
        assert door.ask(APPLES, issuer.token(audience="apples")).status == 403

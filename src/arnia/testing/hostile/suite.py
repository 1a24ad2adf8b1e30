"""Sends the whole corpus to every operation of a service, in this process and over a socket."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from arnia.conventions import LIVE_PATH, PROBLEM_MEDIA_TYPE
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import ServiceSuite
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.hostile.bodies import BODIES, CANARY, VALUES
from arnia.testing.hostile.frames import FRAMES
from arnia.testing.hostile.headers import HEADERS
from arnia.testing.hostile.targets import QUERIES, SEGMENTS, TARGETS
from arnia.testing.http import Answer, Call, call
from arnia.testing.processes import ServiceProcess
from arnia.testing.sockets import exchange, parse

__all__ = ["HostileService"]

RULE: Final = "hostile"
PATIENCE: Final = 60.0
PIECE: Final = 40_000
TAG: Final = '"1-a"'


class HostileService(ServiceSuite):
    """Subclass it with the `application` of a service. Never a 5xx, always problem+json, nothing echoed, no hanging."""

    def test_hostile_bodies(self, service: RunningService, kind: Operation) -> None:
        """Every body of the corpus, to every kind of operation, in one piece and in many."""
        path, media = service.place(kind.template), kind.media_type
        types = {media, "application/json-patch+json"} if kind.method == "PATCH" else {media}
        for name, raw in BODIES.items():
            for sent in types:
                headers = {"if-match": TAG}
                _check(service, name, call(kind.method, path, body=raw, media_type=sent, headers=headers))
            if len(raw) > PIECE:
                pieces = tuple(raw[at : at + PIECE] for at in range(0, len(raw), PIECE))
                _check(service, f"{name}, in pieces", Call(kind.method, path, (("content-type", media),), pieces))

    def test_hostile_values(self, service: RunningService, shape: Operation) -> None:
        """Every value of the corpus, in the place of every member of a good body, however deep."""
        path, body = service.place(shape.template), service.body(shape)
        headers = {"if-match": service.get(path).header("etag") or "*"} if shape.method == "PATCH" else {}
        if shape.method == "PATCH":
            above = service.surface.find("PUT", shape.template)
            body = service.body(above) if above else body
        for name, value in VALUES.items():
            for place, changed in _replaced(body, value):
                raw = json.dumps(changed).encode()
                if shape.method in ("POST", "PATCH"):
                    headers = {**headers, "idempotency-key": str(uuid4())}
                request = call(shape.method, path, body=raw, media_type=shape.media_type, headers=headers)
                _check(service, f"{name} at {place}", request)

    def test_hostile_headers(self, service: RunningService, kind: Operation) -> None:
        """Every header of the corpus, on every kind."""
        path, body = filled(kind.template), service.body(kind)
        for name, pairs in HEADERS.items():
            request = call(kind.method, path, document=body, media_type=kind.media_type)
            given = {header for header, _ in pairs}
            kept = tuple(pair for pair in request.headers if pair[0] not in given)
            _check(service, name, Call(kind.method, path, kept + pairs, request.chunks))

    def test_hostile_queries(self, service: RunningService, kind: Operation) -> None:
        """Every query of the corpus, on every kind."""
        path = filled(kind.template)
        for name, query in QUERIES.items():
            _check(service, name, call(kind.method, f"{path}?{query}"))

    def test_hostile_identities(self, service: RunningService, placed: Operation) -> None:
        """Every path segment of the corpus, where an identity belongs."""
        head, _, rest = placed.template.partition("{")
        tail = filled(rest.partition("}")[2])
        for name, segment in SEGMENTS.items():
            request = call(placed.method, head + segment + tail, headers={"if-match": TAG})
            _check(service, name, request)

    def test_hostile_foreign_protocol(self, service: RunningService, foreign: Operation) -> None:
        """Every body and query of the corpus, to what another standard rules: always an answer, never a 5xx."""
        path = filled(foreign.template)
        requests = {name: call(foreign.method, f"{path}?{query}") for name, query in QUERIES.items()}
        for media in foreign.description.get("requestBody", {}).get("content", {}):
            for name, raw in BODIES.items():
                requests[f"{name} as {media}"] = call(foreign.method, path, body=raw, media_type=media)
        for name, request in requests.items():
            answer = service.send_within(request, PATIENCE)
            require(answer.status < 500, RULE, f"{name} is never a 5xx", request, answer)

    def test_hostile_paths(self, service: RunningService) -> None:
        """Every path of the corpus, with every method."""
        for name, target in TARGETS.items():
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", ""):
                _check(service, name, call(method, target))

    def test_hostile_frames(self, process: ServiceProcess) -> None:
        """Every frame of the corpus, over a socket to the service as its own process, which stays alive."""
        for name, frame in FRAMES.items():
            answers = parse(exchange(process.port, frame.raw))
            require(len(answers) <= frame.most, RULE, f"{name} gets {frame.most} answer(s)", *answers)
            for answer in answers:
                _judge(name, answer, has_body=True)
                require(b"/smuggled" not in answer.body, RULE, "no hidden request is served", name, answer)
        require(process.status(LIVE_PATH) == 200, RULE, "the service lives on after all that", process.url)

    def test_hostile_targets_over_a_socket(self, process: ServiceProcess) -> None:
        """Every path, segment and query of the corpus, as bytes on a connection."""
        targets = list(TARGETS.values())
        targets += [f"/api/v1/{segment}" for segment in SEGMENTS.values()]
        targets += [f"{LIVE_PATH}?{query}" for query in QUERIES.values()]
        for target in targets:
            raw = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
            for answer in parse(exchange(process.port, raw)):
                _judge(target, answer, has_body=True)
        require(process.status(LIVE_PATH) == 200, RULE, "the service lives on after all that", process.url)


def _check(service: RunningService, name: str, request: Call) -> None:
    try:
        answer = service.send_within(request, PATIENCE)
    except TimeoutError:
        require(False, RULE, f"{name} is answered", request)
        return
    _judge(name, answer, request, has_body=request.method != "HEAD")
    _check_echo(name, request, answer)


def _judge(name: str, answer: Answer, *evidence: object, has_body: bool) -> None:
    require(answer.status < 500, RULE, f"{name} is never a 5xx", *evidence, answer)
    if answer.status >= 400:
        problem = answer.media_type == PROBLEM_MEDIA_TYPE
        require(problem, RULE, f"{name} is refused with problem+json", *evidence, answer)
        if has_body:
            told = answer.json()["status"]
            require(told == answer.status, RULE, f"{name}: the problem repeats its status", *evidence, answer)


def _check_echo(name: str, request: Call, answer: Answer) -> None:
    if answer.status >= 400:
        told = answer.body + str(answer.headers).encode()
        require(CANARY.encode() not in told, RULE, f"{name} does not come back", request, answer)
    lines = [value for _, value in answer.headers if "\r" in value or "\n" in value]
    require(not lines, RULE, f"{name} makes no header of its own", request, answer)


def _replaced(body: Any, value: Any, at: Sequence[str | int] = ()) -> Iterator[tuple[str, Any]]:
    """Yield `body` with each of its parts in turn replaced by `value`."""
    yield "/" + "/".join(str(step) for step in at), value
    parts: list[tuple[str | int, Any]] = []
    if isinstance(body, dict):
        parts = list(body.items())
    elif isinstance(body, list):
        parts = list(enumerate(body[:1]))
    for step, part in parts:
        for place, changed in _replaced(part, value, (*at, step)):
            whole = copy.copy(body)
            whole[step] = changed
            yield place, whole

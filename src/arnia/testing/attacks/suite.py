"""Attacks every operation of a service as its OpenAPI document describes it: nothing is let in, led away or told."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

import pytest

from arnia.conventions import IDEMPOTENCY_KEY_HEADER, LIVE_PATH, OWNED_EXTENSION
from arnia.testing.attacks.credentials import CREDENTIALS
from arnia.testing.attacks.frames import frames
from arnia.testing.attacks.impostors import impostors
from arnia.testing.attacks.places import INVENTORY, PLACES
from arnia.testing.attacks.privileges import EXHAUSTING_BODIES, EXHAUSTING_QUERIES, MEMBERS, PRIVILEGES, fetching
from arnia.testing.attacks.trap import Trap
from arnia.testing.attacks.victims import CANARY, Attacks, Victim
from arnia.testing.conformance.findings import Untried, require
from arnia.testing.conformance.security import needs
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import ServiceSuite
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.forgeries import forgeries
from arnia.testing.http import Answer, AsgiClient, Call, call
from arnia.testing.issuer import TestIssuer
from arnia.testing.processes import ServiceProcess
from arnia.testing.sockets import exchange, parse

__all__ = ["AttackedService"]

RULE: Final = "attack"
PATIENCE: Final = 60.0
LONGEST: Final = 30_000
"""A longer token is no token's concern: the header fields are too large with it."""
EVIL: Final = "evil-51c0ffee.example"
INSIDES: Final = ("Traceback", 'File "', "sqlalchemy", "asyncpg", "pydantic", "SELECT ", "/site-packages/")


class AttackedService(ServiceSuite):
    """Subclass it with the `application` of a service."""

    @pytest.fixture(scope="class")
    @classmethod
    def trap(cls) -> Iterator[Trap]:
        """Give a server that nobody has a reason to call."""
        with Trap() as trap:
            yield trap
        require(not trap.caught, RULE, "nothing that a stranger wrote makes the service call anybody", *trap.caught)

    @pytest.fixture(scope="class")
    @classmethod
    def unknown_issuer(cls) -> Iterator[TestIssuer]:
        """Give an issuer of tokens that the service does not know."""
        with TestIssuer() as issuer:
            yield issuer

    def test_nobody_comes_in_without_a_token(self, service: RunningService, guarded: Operation, trap: Trap) -> None:
        """No credential but a token in its place opens an operation, and no trick of method or path goes around it."""
        victim = _victim(service, guarded, trap)
        with service.logged() as log:
            _refused(service, victim, {**CREDENTIALS, **PLACES})
        told = victim.token.rpartition(".")[2] in log.getvalue() or CANARY in log.getvalue()
        require(not told, RULE, "no token is logged", guarded)

    def test_no_impostor_is_believed(
        self, service: RunningService, guarded: Operation, trap: Trap, unknown_issuer: TestIssuer
    ) -> None:
        """No token that was made for something else, by somebody else or forged opens an operation, nor leads away."""
        (scopes, roles), victim = needs(guarded), _victim(service, guarded, trap)
        tokens = [
            *impostors(service.issuer, unknown_issuer, service.audience, scopes=scopes, roles=roles),
            *forgeries(service.issuer, service.audience, scopes=scopes, roles=roles, lure=trap.url),
        ]
        unknown_issuer.asked.clear()
        sent = {each.name: each.token.decode("latin-1") for each in tokens if len(each.token) < LONGEST}
        _refused(service, victim, {name: _bearing(token) for name, token in sent.items()}, status=401)
        require(not unknown_issuer.asked, RULE, "no unknown issuer is asked", guarded, unknown_issuer.asked)
        require(not trap.caught, RULE, "no token leads the service away", guarded, *trap.caught)

    def test_nobody_does_more_than_they_may(self, service: RunningService, guarded: Operation, trap: Trap) -> None:
        """Who lacks a scope, a role or the ownership gets it by no field, no parameter and no token of another."""
        victim, token = _victim(service, guarded, trap), _insufficient(service, guarded)
        _refused(service, victim, PRIVILEGES, token=token)

    def test_nobody_writes_what_is_not_theirs(self, service: RunningService, bodied: Operation, trap: Trap) -> None:
        """A body with a member that callers do not write is refused, also as a step of a patch."""
        victim = _victim(service, bodied, trap)
        body = json.loads(b"".join(victim.request.chunks) or b"null")
        plain = service.surface.schemas.plain(bodied.body_schema or {})
        known = service.surface.schemas.plain(plain.get("items", plain)).get("properties", {})
        added = {name: value for name, value in MEMBERS.items() if name not in known}
        attacks: Attacks = {name: _assigning(body, name, value) for name, value in added.items()}
        if bodied.method == "PATCH":
            attacks = {**attacks, **{f"a step to {name}": _stepping(name, value) for name, value in added.items()}}
        if isinstance(body, dict | list):
            _refused(service, victim, attacks, token=victim.token)

    def test_nothing_is_looked_up(self, service: RunningService, shape: Operation, trap: Trap) -> None:
        """A URL in any member, parameter or field of a request is text: nobody goes there."""
        victim = _victim(service, shape, trap)
        for request in fetching(victim):
            _judge(service, "a URL", request.having("authorization", f"Bearer {victim.token}"))
            require(not trap.caught, RULE, "nothing is looked up", request, *trap.caught)

    def test_nothing_is_exhausted(self, service: RunningService, kind: Operation, trap: Trap) -> None:
        """More than a service wants to do for one request is refused."""
        victim = _victim(service, kind, trap)
        for query in EXHAUSTING_QUERIES:
            answer = _judge(service, query[:40], _let_in(victim, victim.asking(query)))
            require(answer.status >= 400, RULE, f"{query[:40]} is refused", kind, answer)
        for name, raw in EXHAUSTING_BODIES.items() if kind.body_schema is not None else ():
            answer = _judge(service, name, _let_in(victim, victim.sending(raw, kind.media_type)))
            require(answer.status >= 400, RULE, f"{name} is refused", kind, answer)

    def test_nothing_is_disclosed(self, service: RunningService, kind: Operation, trap: Trap) -> None:
        """No other origin is let in, no host of a caller's choice comes back, and no fault shows the inside."""
        victim = _victim(service, kind, trap)
        hosts = ("host", "x-forwarded-host", "x-forwarded-server", "x-host", "forwarded", "x-original-host", "referer")
        wanted = ("access-control-request-method", kind.method), ("access-control-request-headers", "authorization")
        requests = [_let_in(victim, victim.plus((name, EVIL))) for name in hosts]
        requests += [_let_in(victim, victim.plus(("origin", f"https://{EVIL}"))), _let_in(victim, victim.request)]
        requests += [victim.by("OPTIONS", ("origin", f"https://{EVIL}"), *wanted)]
        requests += [_let_in(victim, victim.by("TRACE", ("x-canary", CANARY)))]
        for request in requests:
            answer = _judge(service, "a host or an origin", request)
            allowed = answer.header("access-control-allow-origin")
            require(allowed is None, RULE, "no other origin is let in", request, answer)
            require(EVIL not in _whole(answer), RULE, "no host of a caller's choice comes back", request, answer)

    def test_nothing_was_forgotten(self, service: RunningService) -> None:
        """No path where services forget what they do not mean to show shows anything."""
        for path in INVENTORY:
            answer = _judge(service, path, call("GET", path))
            require(answer.status >= 400, RULE, "nothing is served that nobody declared", path, answer)

    def test_nobody_gets_the_answer_of_another(self, service: RunningService, keyed: Operation, trap: Trap) -> None:
        """A key of one caller is no key of another: with it nobody is told what another has made."""
        victim = _victim(service, keyed, trap)
        request = victim.plus((IDEMPOTENCY_KEY_HEADER.lower(), f"attack-{uuid4()}"))
        first = _judge(service, "a key", request.having("authorization", f"Bearer {victim.token}"))
        second = _judge(service, "a key", request.having("authorization", f"Bearer {service.stranger}"))
        told = first.status == 201 and (first.status, first.body) == (second.status, second.body)
        require(not told, RULE, "a key belongs to its caller", keyed, first, second)

    def test_no_connection_is_confused(self, process: ServiceProcess, service: RunningService) -> None:
        """On a connection each request stands for itself: no token is found before, behind or within it."""
        guarded = [each for each in service.surface.served if each.description.get("security") and each.method == "GET"]
        for operation in guarded[:1]:
            for name, raw, allowed in frames(filled(operation.template), process.token):
                answers = parse(exchange(process.port, raw))
                statuses = [answer.status for answer in answers]
                let_in = [status for status in statuses if status not in (400, 401, 405, 426, 431)]
                # Who is let in may find that what the service calls is not there: this process stands alone.
                faults = [status for status in statuses if status >= 500]
                require(len(faults) <= allowed, RULE, f"{name} is no 5xx", *answers)
                require(len(let_in) <= allowed, RULE, f"{name} opens nothing", operation, *answers)
        require(process.status(LIVE_PATH) == 200, RULE, "the service lives on after all that", process.url)


def _victim(service: RunningService, operation: Operation, trap: Trap) -> Victim:
    """Return `operation` on a resource made for it, as far as the document says how."""
    path, body = filled(operation.template), None
    with suppress(Untried):
        path = path if operation in service.surface.foreign else service.place(operation.template)
    with suppress(Untried):
        body = service.body(operation)
    headers = {"if-match": "*"} if operation.method in ("PATCH", "DELETE") else {}
    request = call(operation.method, path, headers=headers, document=body, media_type=operation.media_type)
    return Victim(operation, request, service.token, trap.url)


def _refused(
    service: RunningService, victim: Victim, attacks: Attacks, *, token: str = "", status: int | None = None
) -> None:
    """Insist that each attack is refused and changes nothing, though the owner is let in."""
    path, operation = victim.request.target, victim.operation
    read = service.surface.find("GET", operation.template) is not None
    before = _state(service.get(path)) if read else None
    for name, attack in attacks.items():
        request = attack(victim)
        if token:
            request = request.having("authorization", f"Bearer {token}")
        answer = _judge(service, name, request)
        require(answer.status >= 400, RULE, f"{name} is refused", operation, request, answer)
        require(status in (None, answer.status), RULE, f"{name} is a {status}", operation, request, answer)
    after = _state(service.get(path)) if read else None
    require(before == after, RULE, "what is refused changes nothing", operation, before, after)
    owner = _judge(service, "the owner", _let_in(victim, victim.request))
    # A resource may have a 403 of its own; that of the door says what the caller lacks.
    require(owner.header("www-authenticate") is None, RULE, "the owner is let in", operation, owner)


def _judge(service: RunningService, name: str, request: Call) -> Answer:
    """Return the answer to `request`, which is no 5xx and repeats nothing that is nobody's business."""
    answer = service.wait_for(asyncio.wait_for(AsgiClient(service.app).send(request), PATIENCE))
    require(answer.status < 500, RULE, f"{name} is no 5xx", request, answer)
    whole = _whole(answer)
    require(CANARY not in whole, RULE, f"{name} does not come back", request, answer)
    require(service.token not in whole, RULE, "no token comes back", request, answer)
    if answer.status >= 400:
        shown = [word for word in INSIDES if word in whole]
        require(not shown, RULE, f"{name} shows nothing of the inside", request, answer)
    return answer


def _insufficient(service: RunningService, operation: Operation) -> str:
    """Return a good token that does not open `operation`, as close as can be to one that does."""
    scopes, roles = needs(operation)
    if OWNED_EXTENSION in operation.description and "{" in operation.template:
        return service.stranger
    every, others = service.surface.scopes | {"*", "admin"}, service.surface.roles - {*roles}
    lacking = every if roles else every - {*scopes}
    return service.issuer.token(audience=service.audience, subject="mallory", scopes=lacking, roles=others)


def _bearing(token: str) -> Any:
    return lambda victim: victim.plus(("authorization", f"Bearer {token}"))


def _assigning(body: Any, name: str, value: object) -> Any:
    changed = [{**body[0], name: value}, *body[1:]] if isinstance(body, list) and body else {**body, name: value}
    raw = json.dumps(changed).encode()
    return lambda victim: victim.sending(raw, victim.operation.media_type)


def _stepping(name: str, value: object) -> Any:
    raw = json.dumps([{"op": "add", "path": f"/{name}", "value": value}]).encode()
    return lambda victim: victim.sending(raw, "application/json-patch+json")


def _let_in(victim: Victim, request: Call) -> Call:
    return request.having("authorization", f"Bearer {victim.token}")


def _state(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.header("etag"), answer.body if answer.status == 200 else b""


def _whole(answer: Answer) -> str:
    return str(answer.headers) + answer.body.decode("utf-8", "replace")

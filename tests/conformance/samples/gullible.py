"""Services that fall for an attack: each lets somebody in, or tells somebody something, whom a good one would not."""

import base64
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from mutants import Ask, Change, TakingAllForOne, Told, claims_of, deaf_to_query, instead_of, saying, subject_of
from typing_extensions import override

from arnia.conventions import LOOPBACK
from arnia.testing.processes import ServiceProcess

__all__ = ["GULLIBLE", "Gullible", "confused"]

Scope = dict[str, Any]
Sign = Callable[[Scope], bool]


class Gullible(NamedTuple):
    """A way to fall for an attack, and the test that must notice."""

    test: str
    tell: Change | None = None
    ask: Ask | None = None


class Believing:
    """Take whoever shows `sign` for the first caller that came with a token of `alice`."""

    def __init__(self, sign: Sign) -> None:
        self._sign = sign
        self._believed: tuple[bytes, bytes] | None = None

    def __call__(self, scope: Scope) -> None:
        """Put a good token where there is none."""
        if self._sign(scope):
            others = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
            scope["headers"] = others if self._believed is None else [*others, self._believed]
        elif self._believed is None:
            sent = (b"authorization", _field(scope, b"authorization"))
            self._believed = sent if subject_of(sent[1]) == "alice" else None


def _field(scope: Scope, name: bytes) -> bytes:
    return next((value for field, value in scope["headers"] if field == name), b"")


def _has(name: str, value: bytes = b"") -> Sign:
    return lambda scope: value in _field(scope, name.encode()) and bool(_field(scope, name.encode()))


def _in_query(scope: Scope) -> bool:
    """Find a token in the query, and take it out."""
    found = b"access_token=" in scope["query_string"]
    if found:
        scope["query_string"] = b""
    return found


def _rewritten(scope: Scope) -> bool:
    """Go where a field says."""
    elsewhere = _field(scope, b"x-original-url")
    if elsewhere and scope["path"] == "/no-such-path":
        scope["path"], scope["raw_path"] = elsewhere.decode(), elsewhere
        return True
    return False


def _shortened(scope: Scope) -> bool:
    """Take `/livez/..` out of a path, when it was seen to begin with something public."""
    path = scope["path"]
    if path.startswith("/livez/../"):
        scope["path"], scope["raw_path"] = path[9:], path[9:].encode()
        return True
    return False


def _overridden(scope: Scope) -> bool:
    method = _field(scope, b"x-http-method-override")
    if method:
        scope["method"] = method.decode()
    return bool(method)


def _twice(scope: Scope) -> bool:
    return [name for name, _ in scope["headers"]].count(b"authorization") > 1


def _claiming(sign: Callable[[dict[str, Any]], bool]) -> Sign:
    """Believe tokens, unverified, for what they claim."""
    return lambda scope: sign(claims_of(_field(scope, b"authorization")))


def _has_ended(claims: dict[str, Any]) -> bool:
    end = claims.get("exp")
    return isinstance(end, int) and 0 < end < time.time()


def _of_kind(kind: str) -> Sign:
    return lambda scope: _token_header(scope).get("typ") == kind


def _token_header(scope: Scope) -> dict[str, Any]:
    head = _field(scope, b"authorization").removeprefix(b"Bearer ").partition(b".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + b"=="))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _look_for_keys(scope: Scope) -> None:
    """Ask where a token says that its keys are."""
    _visit(str(_token_header(scope).get("jku", "")))


def _look_back(scope: Scope) -> None:
    """Ask where a caller says that it comes from."""
    _visit(_field(scope, b"referer").decode("latin-1"))


def _visit(url: str) -> None:
    address = urlsplit(url)
    if address.hostname == LOOPBACK and address.port:
        try:
            with socket.create_connection((address.hostname, address.port), timeout=1) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        except ConnectionRefusedError:
            return


def _reflect(name: str, source: str) -> Change:
    def tell(told: Told) -> None:
        sent = dict(told.scope["headers"]).get(source.encode(), b"")
        if sent:
            told.headers[name] = sent.decode("latin-1")

    return tell


def _show_environment(told: Told) -> None:
    if told.scope["path"] == "/actuator/env":
        told.status = 200


def _show_fault(told: Told) -> None:
    if told.status >= 400:
        told.tell({"status": told.status, "detail": 'Traceback (most recent call last):\n  File "x.py"'})


def _repeat_token(told: Told) -> None:
    if told.status == 401:
        told.tell({"status": 401, "detail": str(dict(told.scope["headers"]).get(b"authorization", b""))})


BEARER: Final = re.compile(r"Bearer [\w.-]+", re.ASCII)
OUTSIDE: Final = "test_nobody_comes_in_without_a_token"
TOKENS: Final = "test_no_impostor_is_believed"

GULLIBLE: Final = {
    "an identity in a field": Gullible(OUTSIDE, None, Believing(_has("x-user-id"))),
    "a caller from here": Gullible(OUTSIDE, None, Believing(_has("x-forwarded-for", b"127.0.0.1"))),
    "a token in the query": Gullible(OUTSIDE, None, Believing(_in_query)),
    "a token in a cookie": Gullible(OUTSIDE, None, Believing(_has("cookie", b"session="))),
    "a token in another field": Gullible(OUTSIDE, None, Believing(_has("x-access-token"))),
    "another scheme": Gullible(OUTSIDE, None, Believing(_has("authorization", b"Basic "))),
    "two tokens": Gullible(OUTSIDE, None, Believing(_twice)),
    "a path in a field": Gullible(OUTSIDE, None, Believing(_rewritten)),
    "a path that is shortened too late": Gullible(OUTSIDE, None, Believing(_shortened)),
    "a method in a field": Gullible(OUTSIDE, None, Believing(_overridden)),
    "a fault at the door": Gullible(OUTSIDE, instead_of(401, 500)),
    "a token that comes back": Gullible(OUTSIDE, _repeat_token),
    "any audience": Gullible(TOKENS, None, Believing(_claiming(lambda claims: claims.get("aud") == "another-service"))),
    "any kind of token": Gullible(TOKENS, None, Believing(_of_kind("id+jwt"))),
    "ended tokens": Gullible(TOKENS, None, Believing(_claiming(_has_ended))),
    "bound tokens": Gullible(TOKENS, None, Believing(_claiming(lambda claims: "cnf" in claims))),
    "keys from anywhere": Gullible(TOKENS, None, _look_for_keys),
    "no owners, scopes or roles": Gullible("test_nobody_does_more_than_they_may", None, TakingAllForOne("alice")),
    "a role in a field": Gullible("test_nobody_does_more_than_they_may", None, Believing(_has("x-roles"))),
    "any member": Gullible("test_nobody_writes_what_is_not_theirs", instead_of(422, 200)),
    "curiosity": Gullible("test_nothing_is_looked_up", None, _look_back),
    "no limit": Gullible("test_nothing_is_exhausted", None, deaf_to_query("limit")),
    "any size": Gullible("test_nothing_is_exhausted", instead_of(413, 200)),
    "any origin": Gullible("test_nothing_is_disclosed", _reflect("access-control-allow-origin", "origin")),
    "every origin": Gullible("test_nothing_is_disclosed", saying("access-control-allow-origin", "*")),
    "a host that comes back": Gullible("test_nothing_is_disclosed", _reflect("location", "x-forwarded-host")),
    "faults that show the inside": Gullible("test_nothing_was_forgotten", _show_fault),
    "what was forgotten": Gullible("test_nothing_was_forgotten", _show_environment),
    "shared keys": Gullible("test_nobody_gets_the_answer_of_another", None, TakingAllForOne("alice")),
}
"""By name; over sockets there is `confused` besides."""


class _Confused(BaseHTTPRequestHandler):
    """Remembers for a whole connection who called first."""

    protocol_version = "HTTP/1.1"
    known: bool = False

    def do_GET(self) -> None:
        """Let in whoever is known."""
        bearer = BEARER.fullmatch(self.headers.get("Authorization", ""))
        self.known = self.known or self.path == "/livez" or bearer is not None
        self.send_response(200 if self.known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def confused(folder: Path, token: str) -> Iterator[ServiceProcess]:
    """Run a server that takes the token of one request for that of the next on the connection."""
    server = ThreadingHTTPServer((LOOPBACK, 0), _Confused)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        process = ServiceProcess("confused", "", {}, folder / "log", token=token)
        process.port = server.server_address[1]
        yield process
    finally:
        server.shutdown()
        server.server_close()

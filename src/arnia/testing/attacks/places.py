"""Attacks by method and path, without a token: API5 and API9 of OWASP's ten, and the tricks that confuse a router."""

from typing import Final

from arnia.conventions import LIVE_PATH, OPENAPI_PATH
from arnia.testing.attacks.victims import Attack, Attacks, Victim
from arnia.testing.http import Call

__all__ = ["INVENTORY", "PLACES"]

URL_FIELDS: Final = ("x-original-url", "x-rewrite-url", "x-original-uri", "x-forwarded-uri", "x-forwarded-prefix")
OVERRIDES: Final = ("x-http-method-override", "x-http-method", "x-method-override", "_method")
OTHER_METHODS: Final = ("HEAD", "TRACE", "TRACK", "CONNECT", "PROPFIND", "SEARCH", "DEBUG", "get", "Post", "GET ", "")
ENDINGS: Final = ("/", "//", "/.", "%2f", "%00", "%20", "%09", "?", ";", ";a=b", ".json", "..;/", "%23", "*", "~")


def _elsewhere(field: str) -> Attack:
    """Ask for a public path, and name the guarded one in a header field."""
    return lambda victim: Call("GET", "/no-such-path", (("host", "testserver"), (field, victim.request.target)))


def _pretending(field: str) -> Attack:
    """Ask for the guarded path, and name a public one in a header field."""
    return lambda victim: victim.plus((field, LIVE_PATH))


def _overridden(field: str) -> Attack:
    return lambda victim: victim.by(
        "POST" if victim.request.method != "POST" else "GET", (field, victim.request.method)
    )


def _method(method: str) -> Attack:
    return lambda victim: victim.by(method)


def _ending(ending: str) -> Attack:
    return lambda victim: victim.at(victim.request.target + ending)


def _through(before: str) -> Attack:
    return lambda victim: victim.at(before + victim.request.target)


def _in_capitals(victim: Victim) -> Call:
    return victim.at(victim.request.target.upper())


def _escaped(victim: Victim) -> Call:
    path = victim.request.target
    return victim.at("/" + "".join(f"%{ord(letter):02x}" if letter.isalpha() else letter for letter in path[1:]))


def _escaped_twice(victim: Victim) -> Call:
    return victim.at(victim.request.target.replace("/api", "/%2561pi", 1))


PLACES: Final[Attacks] = {
    **{f"the path in {field}": _elsewhere(field) for field in URL_FIELDS},
    **{f"a public path in {field}": _pretending(field) for field in URL_FIELDS},
    **{f"the method in {field}": _overridden(field) for field in OVERRIDES},
    **{f"the method {method!r}": _method(method) for method in OTHER_METHODS},
    **{f"{ending!r} behind the path": _ending(ending) for ending in ENDINGS},
    **{
        f"{before!r} before the path": _through(before)
        for before in (
            "/",
            "/.",
            "/%2e",
            f"{LIVE_PATH}/..",
            f"{LIVE_PATH}/%2e%2e",
            f"{LIVE_PATH}/..%2f",
            f"{OPENAPI_PATH}/..;",
            "/docs/..",
            "/static/..",
            "http://127.0.0.1",
            "\\",
        )
    },
    "the path in capitals": _in_capitals,
    "the path in escapes": _escaped,
    "the path escaped twice": _escaped_twice,
    "the method in the query": lambda victim: victim.asking(f"_method={victim.request.method}"),
    "an upgrade": lambda victim: victim.plus(("connection", "upgrade"), ("upgrade", "h2c"), ("http2-settings", "AAMA")),
    "hop by hop": lambda victim: victim.plus(("connection", "close, authorization, x-request-id")),
    "a preflight that stands for it": lambda victim: victim.plus(
        ("origin", "https://evil.example"), ("access-control-request-method", victim.request.method)
    ),
    "a state that the caller would have": lambda victim: victim.plus(("if-none-match", '"1-a"'), ("if-match", "*")),
    "a range": lambda victim: victim.plus(("range", "bytes=0-")),
    "an early answer": lambda victim: victim.plus(("expect", "100-continue")),
    "a replay": lambda victim: victim.plus(("idempotency-key", "attack"), ("prefer", "respond-async")),
    "1 ms to decide": lambda victim: victim.plus(("request-timeout-ms", "1")),
}
"""None of these goes around the door."""

INVENTORY: Final = (
    *("/api", "/api/", "/api/v0/", "/api/v3/", "/api/v99/", "/api/beta/", "/api/internal/", "/internal/", "/admin"),
    *("/debug", "/debug/pprof", "/console", "/actuator", "/actuator/env", "/server-status", "/trace", "/graphql"),
    *(
        "/swagger.json",
        "/api-docs",
        "/openapi.yaml",
        "/.env",
        "/.git/config",
        "/config",
        "/settings",
        "/health/../admin",
    ),
    *("/__debug__/", "/_profiler", "/phpinfo.php", "/wp-admin/", "/backup.sql", "/dump", "/metrics/../admin", "/users"),
    *(
        "/.well-known/security.txt",
        "/conformance/fault",
        "/conformance/slow",
        "/docs/oauth2-redirect",
        "/proc/self/environ",
    ),
)
"""Paths where a service that forgot something would show it."""

"""Attacks by a caller who is known and may not do this: API1, API3, API4, API5 and API7 of OWASP's ten."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from arnia.testing.attacks.credentials import IDENTITY_FIELDS
from arnia.testing.attacks.victims import Attack, Attacks, Victim
from arnia.testing.http import Call

__all__ = ["EXHAUSTING_BODIES", "EXHAUSTING_QUERIES", "LURES", "MEMBERS", "PRIVILEGES", "fetching"]

CLAIMING_FIELDS: Final = {
    "x-roles": "operator",
    "x-role": "admin",
    "x-scope": "*",
    "x-scopes": "*",
    "x-permissions": "*",
    "x-act-as": "alice",
    "x-impersonate-user": "alice",
    "impersonate-user": "alice",
    "impersonate-group": "system:masters",
    "on-behalf-of": "alice",
    "x-on-behalf-of": "alice",
    "sudo": "alice",
    "x-sudo": "alice",
    "x-tenant-id": "*",
    "x-organization": "*",
    "x-client-id": "scheduler",
    "prefer": "return=representation",
    "x-no-auth": "1",
    "x-test": "true",
    "x-environment": "test",
}

CLAIMING_QUERIES: Final = (
    *("owner=alice", "user=alice", "user_id=alice", "subject=alice", "sub=alice", "account=alice", "as=alice"),
    *("role=operator", "roles=operator", "roles[]=operator", "admin=true", "is_admin=1", "scope=*", "debug=true"),
    *("filter[owner]=alice", "owner[$ne]=nobody", "where=1%3D1", "fields=owner", "include=owner", "expand=all"),
)


def _field(name: str, value: str) -> Attack:
    return lambda victim: victim.plus((name, value))


def _query(query: str) -> Attack:
    return lambda victim: victim.asking(query)


PRIVILEGES: Final[Attacks] = {
    "as it is": lambda victim: victim.request,
    **{f"{name} beside a token": _field(name, value) for name, value in (IDENTITY_FIELDS | CLAIMING_FIELDS).items()},
    **{f"{query} beside a token": _query(query) for query in CLAIMING_QUERIES},
    "another's token in a cookie": lambda victim: victim.plus(("cookie", f"access_token={victim.token}")),
    "another's token in the query": lambda victim: victim.asking(f"access_token={quote(victim.token)}"),
    "another's token in another field": lambda victim: victim.plus(("x-access-token", victim.token)),
    "HEAD for GET": lambda victim: victim.by("HEAD") if victim.request.method == "GET" else victim.request,
    "any state": lambda victim: victim.plus(("if-none-match", '"1-a"')),
    "a part of it": lambda victim: victim.plus(("range", "bytes=0-10")),
    "the method in a field": lambda victim: victim.plus(("x-http-method-override", "GET")),
}
"""Said by a caller who lacks the scope or the role, or to whom the resource is not there."""

MEMBERS: Final[dict[str, Any]] = {
    "owner": "mallory",
    "owner_id": "mallory",
    "user_id": "mallory",
    "subject": "mallory",
    "created_by": "mallory",
    "tenant": "other",
    "status": "completed",
    "version": 99,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "_links": {"self": {"href": "https://evil.example"}},
    "links": {"self": {"href": "https://evil.example"}},
    "role": "operator",
    "roles": ["operator"],
    "scopes": ["*"],
    "is_admin": True,
    "verified": True,
    "balance": 1_000_000,
    "confirmation": {"received_by": "mallory"},
    "__proto__": {"admin": True},
    "constructor": {"prototype": {"admin": True}},
    "$set": {"owner": "mallory"},
    "_method": "DELETE",
}
"""Members that no caller writes, where a schema has none of the name."""

EXHAUSTING_QUERIES: Final = (
    *("limit=1000000000", "limit=0", "limit=-1", "limit=1e9", "limit=NaN", "limit=100&limit=1000", "page_size=100000"),
    *("per_page=100000", "offset=1000000000", "depth=1000", "cursor=" + "A" * 5_000, "sort=" + "created_at," * 500),
)

EXHAUSTING_BODIES: Final[dict[str, bytes]] = {
    "10,000 levels": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "100,000 open arrays": b"[" * 100_000,
    "100,000 members": b"{" + b",".join(b'"m%d":1' % each for each in range(100_000)) + b"}",
    "a number of a million digits": b'{"a":' + b"9" * 1_000_000 + b"}",
    "20 MB": b'{"a":"' + b"x" * 20_000_000 + b'"}',
    "a million elements": b'{"items":[' + b"1," * 1_000_000 + b"1]}",
    "10,000 steps of a patch": b"[" + b",".join([b'{"op":"copy","from":"","path":"/x"}'] * 10_000) + b"]",
}
"""What costs a server more than it costs its sender; none of it is served."""

LURES: Final = (
    *("referer", "origin", "x-forwarded-host", "x-forwarded-server", "x-callback-url", "x-webhook-url", "link", "via"),
    *("destination", "x-original-url", "x-wap-profile", "profile", "true-client-ip", "x-forwarded-proto", "from"),
    *("content-location", "idempotency-key", "traceparent", "tracestate", "baggage", "x-request-id", "prefer"),
    *("if-match", "x-b3-traceid", "uber-trace-id", "x-cloud-trace-context"),
)
"""Header fields with which somebody might do something when there is a URL in them."""


def fetching(victim: Victim) -> Iterator[Call]:
    """Yield requests with the trap's URL wherever a server could take it for something to look at."""
    for name in LURES:
        yield victim.plus((name, victim.trap))
    for name in ("url", "callback", "redirect_uri", "next", "webhook", "source"):
        yield victim.asking(f"{name}={quote(victim.trap, safe='')}")
    if not victim.request.chunks:
        return
    body = json.loads(b"".join(victim.request.chunks))
    for changed in _lured(body, victim.trap):
        yield victim.sending(json.dumps(changed).encode(), victim.operation.media_type)
    if isinstance(body, dict):
        for name in ("$ref", "$schema", "@context", "url", "callback_url", "webhook", "href"):
            yield victim.sending(json.dumps({**body, name: victim.trap}).encode(), victim.operation.media_type)


def _lured(body: Any, url: str) -> Iterator[Any]:
    """Yield `body` with each of its parts in turn replaced by `url`."""
    yield url
    if isinstance(body, dict):
        for name, value in body.items():
            yield from ({**body, name: changed} for changed in _lured(value, url))
    elif isinstance(body, list) and body:
        yield from ([changed, *body[1:]] for changed in _lured(body[0], url))

"""Attacks without a token, or with one where none belongs: RFC 6750, RFC 9700, API2 and API8 of OWASP's ten.

A proxy in front of many services turns a verified token into a header; whoever reaches the service past the proxy can
write such a header too. A token in a URL ends in logs, in a cookie it is sent by every page.
"""

import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from arnia.testing.attacks.victims import CANARY, Attack, Attacks, Victim
from arnia.testing.http import Call

__all__ = ["CREDENTIALS"]

CLAIMS: Final = json.dumps({"sub": "alice", "scope": "*", "roles": ["operator"]})

IDENTITY_FIELDS: Final = {
    "x-user": "alice",
    "x-user-id": "alice",
    "x-user-roles": "operator",
    "x-username": "alice",
    "x-remote-user": "alice",
    "remote-user": "alice",
    "x-authenticated-user": "alice",
    "x-authenticated-userid": "alice",
    "x-auth-request-user": "alice",
    "x-auth-request-email": "alice@example.org",
    "x-auth-user": "alice",
    "x-auth-roles": "operator",
    "x-forwarded-user": "alice",
    "x-forwarded-email": "alice@example.org",
    "x-forwarded-groups": "operator",
    "x-arnia-principal": CLAIMS,
    "x-arnia-subject": "alice",
    "x-arnia-roles": "operator",
    "x-jwt-payload": CLAIMS,
    "x-jwt-claims": CLAIMS,
    "x-principal": CLAIMS,
    "x-consumer-username": "alice",
    "x-webauth-user": "alice",
    "x-endpoint-api-userinfo": CLAIMS,
    "x-ms-client-principal": CLAIMS,
    "x-goog-authenticated-user-email": "alice@example.org",
    "x-amzn-oidc-data": CLAIMS,
    "cf-access-authenticated-user-email": "alice@example.org",
    "x-forwarded-client-cert": "By=spiffe://arnia/delivery;Subject=alice",
    "ssl-client-verify": "SUCCESS",
    "x-internal": "true",
    "x-admin": "true",
    "x-debug": "1",
    "x-service": "scheduler",
    "x-forwarded-for": "127.0.0.1",
    "x-real-ip": "127.0.0.1",
    "forwarded": "for=127.0.0.1;host=localhost;proto=https",
    "x-forwarded-host": "localhost",
    "host": "localhost",
    "origin": "http://localhost",
}
"""Header fields by which some proxy tells some service who calls, or from where."""

TOKEN_FIELDS: Final = (
    "x-access-token",
    "x-auth-token",
    "x-authorization",
    "x-forwarded-access-token",
    "x-original-authorization",
    "proxy-authorization",
    "authentication",
    "x-api-key",
    "token",
    "dpop",
    "x-amzn-oidc-accesstoken",
    "cf-access-jwt-assertion",
)
"""Header fields that carry tokens elsewhere."""

TOKEN_PARAMETERS: Final = ("access_token", "token", "bearer_token", "authorization", "jwt", "id_token", "api_key")


def _field(name: str, value: str) -> Attack:
    return lambda victim: victim.plus((name, value))


def _token_field(name: str) -> Attack:
    return lambda victim: victim.plus((name, f"Bearer {victim.token}"))


def _parameter(name: str) -> Attack:
    return lambda victim: victim.asking(f"{name}={quote(victim.token)}")


def _cookie(name: str) -> Attack:
    return lambda victim: victim.plus(("cookie", f"{name}={victim.token}"))


def _form(victim: Victim) -> Call:
    return victim.sending(f"access_token={victim.token}".encode(), "application/x-www-form-urlencoded")


def _member(victim: Victim) -> Call:
    return victim.sending(json.dumps({"access_token": victim.token}).encode(), victim.operation.media_type)


def _authorization(form: str) -> Attack:
    return lambda victim: victim.plus(("authorization", form.format(token=victim.token, basic=victim.basic)))


SCHEMES: Final = {
    "nothing": "",
    "a scheme alone": "Bearer",
    "a scheme and blanks": "Bearer   ",
    "no scheme": "{token}",
    "Basic": "Basic {basic}",
    "Basic with the token": "Basic {token}",
    "Token": "Token {token}",
    "JWT": "JWT {token}",
    "DPoP": "DPoP {token}",
    "Digest": 'Digest username="alice", response="{token}"',
    "Negotiate": "Negotiate {token}",
    "a scheme with a colon": "Bearer: {token}",
    "a scheme with an equals sign": "Bearer={token}",
    "a tab behind the scheme": "Bearer\t{token}",
    "another space behind the scheme": "Bearer\xa0{token}",
    "two schemes": "Bearer Bearer {token}",
    "the token in quotes": 'Bearer "{token}"',
    "the token and more": "Bearer {token} more",
    "the token and a parameter": "Bearer {token}, realm=all",
    "the token as a parameter": "Bearer access_token={token}",
    "the token twice": "Bearer {token}, Bearer {token}",
    "Basic, then the token": "Basic {basic}, Bearer {token}",
    "the token and a line": "Bearer {token}\r\nX-User: alice",
    "the token and U+0000": "Bearer {token}\x00",
    "null": "Bearer null",
    "undefined": "Bearer undefined",
    "true": "Bearer true",
    "a star": "Bearer *",
    "SQL": "Bearer ' OR 1=1 --",
    "a lookup": "Bearer ${{jndi:ldap://127.0.0.1/a}}",
    "an opaque refresh token": f"Bearer {CANARY}.0123456789abcdefghijklmnopqrstuvwxyz",
    "an authorization code": f"Bearer {CANARY}",
}


def _several() -> Iterator[tuple[str, Attack]]:
    yield (
        "two Authorization fields, the good one first",
        lambda victim: victim.plus(("authorization", f"Bearer {victim.token}"), ("authorization", "Bearer other")),
    )
    yield (
        "two Authorization fields, the good one last",
        lambda victim: victim.plus(("authorization", "Basic YTpi"), ("authorization", f"Bearer {victim.token}")),
    )
    yield (
        "two good Authorization fields",
        lambda victim: victim.plus(*[("authorization", f"Bearer {victim.token}")] * 2),
    )


CREDENTIALS: Final[Attacks] = {
    "no credential": lambda victim: victim.request,
    **{f"{name} as identity": _field(name, value) for name, value in IDENTITY_FIELDS.items()},
    **{f"a token in {name}": _token_field(name) for name in TOKEN_FIELDS},
    **{f"a token in the query as {name}": _parameter(name) for name in TOKEN_PARAMETERS},
    **{
        f"a token in the cookie {name}": _cookie(name) for name in ("access_token", "Authorization", "session", "token")
    },
    "a token in a form": _form,
    "a token in a member of the body": _member,
    **{f"Authorization of {name}": _authorization(form) for name, form in SCHEMES.items()},
    **dict(_several()),
}
"""Nobody is known by any of these."""

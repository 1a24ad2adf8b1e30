"""A second issuer, which shares nothing with `arnia.testing.issuer`: RSA keys, and a realm as Keycloak publishes it."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from joserfc import jws
from joserfc.jwk import RSAKey
from pydantic import JsonValue
from typing_extensions import override

Members = dict[str, JsonValue]
REALM = "/realms/orchard"
CERTS = f"{REALM}/protocol/openid-connect/certs"


@dataclass
class ForeignIssuer:
    """Signs whatever claims it is given.

    Attributes:
        url: Its `iss`.
        key: What it signs with.
        algorithm: How.
    """

    url: str
    key: RSAKey
    algorithm: Literal["RS256", "PS256"]

    def sign(self, claims: Mapping[str, JsonValue], **header: JsonValue) -> str:
        """Return a token with exactly `claims`; a header parameter that is None is left out."""
        parameters: Members = {"alg": self.algorithm, "typ": "JWT", "kid": "key-of-the-realm", **header}
        given = {name: value for name, value in parameters.items() if value is not None}
        registry = jws.JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jws.serialize_compact(given, json.dumps(claims), self.key, registry=registry)

    def times(self) -> Members:
        """Return when a token is good."""
        now = int(time.time())
        return {"iat": now, "exp": now + 300}

    def access_token(self, **others: JsonValue) -> str:
        """Return an access token as Keycloak makes it for `maia`, who logged in at the client `phone`."""
        claims: Members = {
            **self.times(),
            "auth_time": 1,
            "jti": "onrtac:8a1b",
            "iss": self.url,
            "aud": ["guarded", "account"],
            "sub": "maia",
            "typ": "Bearer",
            "azp": "phone",
            "sid": "0f3c",
            "acr": "1",
            "allowed-origins": ["https://phone.example"],
            "realm_access": {"roles": ["offline_access", "queen"]},
            "resource_access": {"account": {"roles": ["view-profile"]}},
            "scope": "openid wishes:read wishes:write",
            "preferred_username": "maia",
        }
        return self.sign({name: value for name, value in (claims | others).items() if value is not None})

    def published(self) -> Members:
        """Return its JWK set: the key, with a certificate as Keycloak adds one, beside one that is for encryption."""
        members: Members = {
            name: value for name, value in self.key.as_dict(private=False).items() if isinstance(value, str)
        }
        own: Members = {
            **members,
            "kid": "key-of-the-realm",
            "alg": self.algorithm,
            "use": "sig",
            "x5c": ["MIIC"],
            "x5t": "q",
        }
        other: Members = {**members, "kid": "other", "alg": "RSA-OAEP", "use": "enc"}
        return {"keys": [other, own]}


@contextmanager
def foreign_issuer(algorithm: Literal["RS256", "PS256"] = "RS256") -> Iterator[ForeignIssuer]:
    """Run a realm; where its keys are only its metadata says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            documents: dict[str, Members] = {
                f"{REALM}/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{base}{CERTS}"},
                CERTS: issuer.published(),
            }
            body = json.dumps(documents.get(self.path)).encode()
            self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    base = f"http://127.0.0.1:{server.server_port}"
    issuer = ForeignIssuer(f"{base}{REALM}", RSAKey.generate_key(2048), algorithm)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()

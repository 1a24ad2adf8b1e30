"""An issuer of tokens for tests: real keys, a real server on 127.0.0.1, and tokens of whatever kind a test asks for."""

import base64
import json
import secrets
import threading
import time
from collections.abc import Collection, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeAlias
from urllib.parse import parse_qsl

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey
from pydantic import JsonValue
from typing_extensions import override

from arnia.conventions import LOOPBACK, READY_PATH, ROLES_EXTENSION

__all__ = ["TestIssuer"]

SigningKey: TypeAlias = ECKey | OKPKey

METADATA_PATH: Final = "/.well-known/openid-configuration"
JWKS_PATH: Final = "/keys"
TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
_ALGORITHMS: Final = {"P-256": "ES256", "P-384": "ES384", "Ed25519": "Ed25519"}
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the name of a format


class TestIssuer:
    """Issues tokens, and publishes its keys at `url` between `start` and `stop`, or inside a `with` block.

    Services that call others get theirs at `token_url`, whoever they say that they are: by client credentials, or in
    exchange for a user's token (RFC 8693), never with more scopes than that one has.

    Attributes:
        algorithm: What it signs with.
        max_age: For how many seconds its keys are fresh, as it says.
        path: A part of the issuer's URL behind the port.
        asked: The paths that were asked for.
    """

    __test__ = False

    def __init__(self, *, algorithm: Literal["ES256", "Ed25519"] = "ES256", max_age: int = 60, path: str = "") -> None:
        self.algorithm = algorithm
        self.max_age = max_age
        self.path = path
        self.asked: list[str] = []
        self._published: list[SigningKey] = [self._new_key()]
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The `iss` of its tokens."""
        return f"http://{LOOPBACK}:{self._port}{self.path}"

    @property
    def jwks_url(self) -> str:
        """Where its keys are."""
        return f"{self.url}{JWKS_PATH}"

    @property
    def token_url(self) -> str:
        """Where services get tokens."""
        return f"{self.url}{TOKEN_PATH}"

    @property
    def key(self) -> SigningKey:
        """The key that it signs with."""
        return self._published[-1]

    def start(self) -> None:
        """Answer; after a stop, at the same port again."""
        server = ThreadingHTTPServer((LOOPBACK, self._port), self._handler())
        server.daemon_threads = True
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Answer no more: connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def rotate(self) -> str:
        """Sign with a new key, and return its id; the old ones stay published until they are withdrawn."""
        self._published.append(self._new_key())
        return str(self.key.kid)

    def withdraw(self) -> None:
        """Publish no key but the one that signs."""
        del self._published[:-1]

    def token(
        self,
        *,
        audience: str | Collection[str],
        subject: str = "alice",
        client: str = "tests",
        scopes: Collection[str] = (),
        roles: Collection[str] = (),
        seconds: int = 600,
        **claims: JsonValue,
    ) -> str:
        """Return an access token (RFC 9068); `claims` are added to the others, or take their places."""
        now = int(time.time())
        believed: dict[str, JsonValue] = {
            "iss": self.url,
            "sub": subject,
            "client_id": client,
            "aud": audience if isinstance(audience, str) else list(audience),
            "scope": " ".join(sorted(scopes)),
            "roles": [*sorted(roles)],
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_hex(8),
        }
        return self.sign(believed | claims)

    def token_for(self, document: Mapping[str, Any], audience: str, subject: str = "alice") -> str:
        """Return a token, good for a day, with every scope and role that an OpenAPI document asks for."""
        operations = [each for path in document["paths"].values() for each in path.values() if isinstance(each, dict)]
        options = [option for each in operations for option in each.get("security", ())]
        scopes = {scope for option in options for needed in option.values() for scope in needed}
        roles = {role for each in operations for role in each.get(ROLES_EXTENSION, ())}
        return self.token(audience=audience, subject=subject, scopes=scopes, roles=roles, seconds=86_400)

    def sign(self, claims: Mapping[str, JsonValue], **header: JsonValue) -> str:
        """Return a token with exactly `claims`; `header` adds parameters, or takes the places of the usual ones."""
        parameters: dict[str, JsonValue] = {"typ": TOKEN_TYPE, "alg": self.algorithm, "kid": str(self.key.kid)}
        registry = jws.JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        return jws.serialize_compact(parameters | header, json.dumps(claims), self.key, registry=registry)

    @staticmethod
    def signature_of(signed: bytes, key: SigningKey) -> bytes:
        """Return the signature of `key` over any bytes, whatever they claim to be."""
        curve = key.curve_name
        return jws.JWSRegistry.algorithms[_ALGORITHMS[curve]].sign(signed, key)

    def key_set(self) -> dict[str, JsonValue]:
        """Return the JWK set that it publishes."""
        return {"keys": [_public(key, self.algorithm) for key in self._published]}

    def _grant(self, form: Mapping[str, str], client: str) -> dict[str, JsonValue]:
        audience, scopes = form["audience"], form.get("scope", "").split()
        if (subject_token := form.get("subject_token")) is None:
            token = self.token(audience=audience, subject=client, client=client, scopes=scopes)
        else:
            user = json.loads(_unpadded(subject_token.split(".")[1]))
            scopes = [scope for scope in scopes if scope in user["scope"].split()]
            token = self.token(
                audience=audience,
                subject=user["sub"],
                client=client,
                scopes=scopes,
                roles=user["roles"],
                act={"sub": client},
            )
        return {"access_token": token, "token_type": "Bearer", "expires_in": 600}

    def _new_key(self) -> SigningKey:
        made: SigningKey = ECKey.generate_key("P-256") if self.algorithm == "ES256" else OKPKey.generate_key("Ed25519")
        made.ensure_kid()
        return made

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == READY_PATH:  # as an edge asks all the time whether it is there
                    self._answer({"status": "ready"})
                    return
                issuer.asked.append(self.path)
                documents: dict[str, dict[str, JsonValue]] = {
                    issuer.path + METADATA_PATH: {"issuer": issuer.url, "jwks_uri": issuer.jwks_url},
                    issuer.path + JWKS_PATH: issuer.key_set(),
                }
                self._answer(documents.get(self.path))

            def do_POST(self) -> None:
                issuer.asked.append(self.path)
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                if self.path != issuer.path + TOKEN_PATH:
                    self._answer(None)
                    return
                pair = _unpadded(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
                self._answer(issuer._grant(dict(parse_qsl(sent.decode())), pair.partition(":")[0]))

            def _answer(self, document: dict[str, JsonValue] | None) -> None:
                body = json.dumps(document or {}).encode()
                self.send_response(404 if document is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", f"public, max-age={issuer.max_age}")
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        return Handler


def _unpadded(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _public(key: SigningKey, algorithm: str) -> dict[str, JsonValue]:
    members = {name: value for name, value in key.as_dict(private=False).items() if isinstance(value, str)}
    return {**members, "use": "sig", "alg": algorithm}

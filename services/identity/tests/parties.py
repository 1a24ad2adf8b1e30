"""Who takes part in the tests: OAuth clients of every kind, and users."""

import base64
import json
import secrets
import time
from hashlib import sha256
from typing import Final
from urllib.parse import quote_plus

from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import JsonValue

ISSUER: Final = "http://identity.test"
SECRET: Final = "a secret of the scheduler that nobody guesses"
BFF_SECRET: Final = "a secret of the bff, which is another one: +&=%"
DRONE_SECRET: Final = "a secret of the drone service, to introspect"
PASSWORD: Final = "a password of somebody"
CALLBACK: Final = "https://app.example.org/callback"
EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
KEY: Final = ECKey.generate_key("P-256", auto_kid=True)

Document = dict[str, JsonValue]


def declared_clients() -> list[Document]:
    """Return the OAuth clients that the service is told of."""
    users: list[JsonValue] = ["users:manage", "clients:manage", "keys:manage"]
    return [
        {
            "client_id": "arnia",
            "grants": ["password", "authorization_code", "refresh_token"],
            "audiences": {
                "delivery": ["deliveries:read", "deliveries:write"],
                "bff": ["deliveries:read"],
                "identity": users,
            },
            "redirect_uris": [CALLBACK, "http://127.0.0.1/callback"],
            "public": True,
            "first_party": True,
        },
        {
            "client_id": "scheduler",
            "secret": SECRET,
            "grants": ["client_credentials", EXCHANGE],
            "audiences": {"drone": ["reservations:write", "drones:read"], "delivery": ["deliveries:read"]},
        },
        {
            "client_id": "bff",
            "secret": BFF_SECRET,
            "grants": ["client_credentials", EXCHANGE],
            "audiences": {"delivery": ["deliveries:read"], "drone": ["drones:read"]},
        },
        {"client_id": "drone", "secret": DRONE_SECRET, "grants": ["client_credentials", EXCHANGE], "audiences": {}},
        {
            "client_id": "keyed",
            "grants": ["client_credentials"],
            "audiences": {"drone": ["drones:read"]},
            "jwks": [{name: value for name, value in KEY.as_dict(private=False).items() if isinstance(value, str)}],
        },
        {
            "client_id": "partner",
            "secret": SECRET,
            "grants": ["authorization_code", "refresh_token"],
            "audiences": {"delivery": ["deliveries:read"]},
            "redirect_uris": [CALLBACK],
        },
    ]


def first_users() -> list[Document]:
    """Return the users that the service is told of."""
    return [
        {"username": "maia", "password": PASSWORD, "roles": ["customer"], "email": "maia@example.org"},
        {"username": "willi", "password": PASSWORD, "roles": ["customer"]},
        {"username": "operator", "password": PASSWORD, "roles": ["operator", "customer"]},
    ]


def settings_of(database_url: str) -> dict[str, object]:
    """Return the settings of a process."""
    return {
        "database_url": database_url,
        "cursor_key": "a key that is only known here",
        "issuer": ISSUER,
        "key_encryption_secret": "a secret that is only known here, of 32 characters and more",
        "declared_clients": json.dumps(declared_clients()),
        "first_users": json.dumps(first_users()),
        "password_target_ms": 1,
    }


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Return the Authorization field of a client, encoded as RFC 6749 (2.3.1) says."""
    both = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def assertion(**changes: JsonValue) -> dict[str, str]:
    """Return the members with which the client `keyed` proves itself; `changes` are made to the claims."""
    now = int(time.time())
    claims: Document = {
        "iss": "keyed",
        "sub": "keyed",
        "aud": ISSUER,
        "exp": now + 60,
        "iat": now,
        "jti": secrets.token_hex(8),
    }
    text = jwt.encode({"alg": "ES256", "kid": KEY.kid}, claims | changes, KEY, algorithms=["ES256"])
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": text,
    }


def claims_of(token: str) -> Document:
    """Return what a token says, whoever signed it."""
    payload = token.split(".")[1]
    found: Document = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()

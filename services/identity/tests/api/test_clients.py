"""OAuth clients: how they prove who they are, and what they get of their own accord."""

import time

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from services.identity.tests.parties import BFF_SECRET, DRONE_SECRET, ISSUER, SECRET, assertion, basic, claims_of

CREDENTIALS = {"grant_type": "client_credentials"}


async def test_a_client_gets_a_token_of_its_own(http: httpx.AsyncClient) -> None:
    """By its secret it gets an access token (RFC 9068) for all its audiences and scopes, which nobody keeps."""
    answer = await http.post("/token", data=CREDENTIALS, headers=basic("scheduler", SECRET))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 600)
    assert told["scope"] == "deliveries:read drones:read reservations:write"
    assert "refresh_token" not in told
    keys = await http.get("/.well-known/jwks.json")
    assert keys.headers["cache-control"] == "public, max-age=60"
    token = jwt.decode(told["access_token"], KeySet.import_key_set(keys.json()), algorithms=["ES256"])
    assert token.header["typ"] == "at+jwt"
    claims = token.claims
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - time.time()) < 60
    assert {name: claims[name] for name in ("iss", "sub", "client_id", "aud", "scope", "roles")} == {
        "iss": ISSUER,
        "sub": "scheduler",
        "client_id": "scheduler",
        "aud": ["delivery", "drone"],
        "scope": told["scope"],
        "roles": [],
    }


async def test_it_may_ask_for_less(http: httpx.AsyncClient) -> None:
    """It gets the audience and scopes that it asked for, without what it may not have; if nothing is left, nothing."""
    headers = basic("scheduler", SECRET)
    less = {**CREDENTIALS, "audience": "drone", "scope": "drones:read users:manage"}
    told = (await http.post("/token", data=less, headers=headers)).json()
    claims = claims_of(told["access_token"])
    assert (claims["aud"], claims["scope"]) == ("drone", "drones:read")
    for wrong, error in (
        ({"audience": "telemetry"}, "invalid_target"),
        ({"resource": "identity"}, "invalid_target"),
        ({"scope": "users:manage"}, "invalid_scope"),
        ({"audience": "delivery", "scope": "drones:read"}, "invalid_scope"),
    ):
        answer = await http.post("/token", data=CREDENTIALS | wrong, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, error), wrong


async def test_the_secret_may_be_in_the_body(http: httpx.AsyncClient) -> None:
    """client_secret_post works as well, also with a secret full of what forms encode."""
    for client_id, secret in (("scheduler", SECRET), ("bff", BFF_SECRET)):
        posted = {**CREDENTIALS, "client_id": client_id, "client_secret": secret}
        assert (await http.post("/token", data=posted)).status_code == 200
        assert (await http.post("/token", data=CREDENTIALS, headers=basic(client_id, secret))).status_code == 200


async def test_a_wrong_client_is_told_nothing_more(http: httpx.AsyncClient) -> None:
    """Unknown, wrong, missing and unreadable are one answer: 401, invalid_client and a challenge."""
    for headers, body in (
        (basic("scheduler", SECRET + "x"), {}),
        (basic("nobody", SECRET), {}),
        (basic("keyed", SECRET), {}),
        (basic("scheduler", ""), {}),
        ({"Authorization": "Basic !!!"}, {}),
        ({"Authorization": "Bearer abc"}, {}),
        ({}, {}),
        ({}, {"client_id": "scheduler"}),
        ({}, {"client_id": "arnia", "client_secret": SECRET}),
    ):
        answer = await http.post("/token", data=CREDENTIALS | body, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), (headers, body)
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.headers["cache-control"] == "no-store"


async def test_a_client_proves_itself_in_one_way(http: httpx.AsyncClient) -> None:
    """Two proofs at once are no proof (RFC 6749, 2.3)."""
    body = {**CREDENTIALS, "client_id": "scheduler", "client_secret": SECRET}
    answer = await http.post("/token", data=body, headers=basic("scheduler", SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_client_proves_itself_with_its_key(http: httpx.AsyncClient) -> None:
    """An assertion for the issuer or its token endpoint is good, once."""
    proof = assertion()
    first = await http.post("/token", data=CREDENTIALS | proof)
    again = await http.post("/token", data=CREDENTIALS | proof)
    endpoint = await http.post("/token", data=CREDENTIALS | assertion(aud=f"{ISSUER}/token"))
    assert (first.status_code, again.status_code, endpoint.status_code) == (200, 401, 200)
    assert claims_of(first.json()["access_token"])["sub"] == "keyed"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://another.example.org"},
        {"aud": [ISSUER, "https://another.example.org"]},
        {"iss": "scheduler"},
        {"sub": "scheduler"},
        {"sub": "nobody", "iss": "nobody"},
        {"exp": 1},
        {"exp": int(time.time()) + 86_400},
        {"exp": None},
        {"nbf": int(time.time()) + 86_400},
        {"jti": None},
        {"jti": "x" * 300},
    ],
)
async def test_a_wrong_assertion_proves_nothing(http: httpx.AsyncClient, changes: dict[str, object]) -> None:
    """For somebody else, of somebody else, too old, too long or without an id: 401."""
    answer = await http.post("/token", data=CREDENTIALS | assertion(**changes))  # type: ignore[arg-type]  # JSON
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_what_is_no_request_is_told_so(http: httpx.AsyncClient) -> None:
    """Errors are those of RFC 6749 (5.2), in JSON that nobody keeps."""
    headers = basic("scheduler", SECRET)
    for body, error in (
        (b"", "invalid_request"),
        (b"grant_type=implicit", "unsupported_grant_type"),
        (b"grant_type=client_credentials&grant_type=password", "invalid_request"),
        (b"grant_type=client_credentials&scope=%00", "invalid_request"),
        (b"grant_type=client_credentials&scope=%ff", "invalid_request"),
        (b"grant_type=password&username=a&password=b", "unauthorized_client"),
        (b"grant_type=authorization_code&code=a", "unauthorized_client"),
        (b"grant_type=refresh_token&refresh_token=a", "unauthorized_client"),
    ):
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await http.post("/token", content=body, headers=sent)
        assert (answer.status_code, answer.json()["error"]) == (400, error), body
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"
    other = await http.post("/token", json=CREDENTIALS, headers=headers)
    assert (other.status_code, other.json()["error"]) == (400, "invalid_request")


async def test_a_client_without_anything_gets_nothing(http: httpx.AsyncClient) -> None:
    """A client that has no audience has no token either."""
    answer = await http.post("/token", data=CREDENTIALS, headers=basic("drone", DRONE_SECRET))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_target")

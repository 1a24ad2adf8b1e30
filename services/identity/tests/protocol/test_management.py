"""Users, OAuth clients and keys are managed over HTTP, by operators; whatever takes rights away takes effect."""

import time
from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest
from services.identity.tests.protocol.browser import PASSWORD

NEW = "an even longer swarm of bees"
SCOPES = "users:manage clients:manage keys:manage"


def log_in(http: httpx2.Client, username: str, password: str = PASSWORD, **more: str) -> httpx2.Response:
    """Log in at `/token` for identity itself."""
    form = {"grant_type": "password", "client_id": "arnia", "audience": "identity", **more}
    return http.post("/token", data={**form, "username": username, "password": password})


def bearer(http: httpx2.Client, username: str, password: str = PASSWORD, **more: str) -> dict[str, str]:
    """Return the header of somebody who logged in."""
    answer = log_in(http, username, password, **more)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def operator(http: httpx2.Client) -> dict[str, str]:
    """Give the header of an operator."""
    return bearer(http, "operator", scope=SCOPES)


@pytest.fixture
def member(http: httpx2.Client, operator: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give path and name of a user who can log in."""
    name = f"bee-{uuid4().hex[:12]}"
    made = http.post("/api/v1/users", json={"username": name, "roles": ["customer"]}, headers=operator)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    assert http.put(f"{path}/password", json={"password": PASSWORD}, headers=operator).status_code == 204
    yield path, name
    http.delete(path, headers=operator)


def test_a_new_user_cannot_log_in_before_there_is_a_password(http: httpx2.Client, operator: dict[str, str]) -> None:
    """Nobody has a password that nobody set; no answer shows one, or what became of one."""
    name = f"bee-{uuid4().hex[:12]}"
    made = http.post("/api/v1/users", json={"username": name}, headers=operator)
    assert "password" not in made.json()
    assert log_in(http, name, "").status_code == 400
    assert log_in(http, name).json()["error"] == "invalid_grant"
    for body in ({"password": "short"}, {"password": ""}, {"password": "a" * 300}, {}):
        assert http.put(f"{made.headers['location']}/password", json=body, headers=operator).status_code == 422


def test_whoever_calls_sees_who_they_are(http: httpx2.Client, member: tuple[str, str]) -> None:
    """`/users/me` is the user of the token, for everybody who has one."""
    _, name = member
    found = http.get("/users/me", headers=bearer(http, name)).json()
    assert (found["username"], found["roles"]) == (name, ["customer"])
    assert http.get("/users/me").status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/users", "/api/v1/oauth-clients", "/api/v1/signing-keys"])
def test_only_operators_manage(http: httpx2.Client, operator: dict[str, str], path: str) -> None:
    """The scope is not enough without the role, nor the role without the scope."""
    assert http.get(path, headers=operator).status_code == 200
    assert http.get(path).status_code == 401
    assert http.get(path, headers=bearer(http, "maia", client_id="careless", scope=SCOPES)).status_code == 403
    assert http.get(path, headers=bearer(http, "operator", scope="openid")).status_code == 403


def test_a_password_is_changed_by_whoever_knows_it(http: httpx2.Client, member: tuple[str, str]) -> None:
    """The present one is asked for; afterwards the old one is worth nothing, and every session has ended."""
    _, name = member
    login = log_in(http, name, scope="openid offline_access").json()
    token = {"Authorization": f"Bearer {login['access_token']}"}
    wrong = {"current_password": "wrong, and long enough", "password": NEW}
    assert http.put("/users/me/password", json=wrong, headers=token).status_code == 403
    right = {"current_password": PASSWORD, "password": NEW}
    assert http.put("/users/me/password", json=right, headers=token).status_code == 204
    assert log_in(http, name).status_code == 400
    renewal = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": login["refresh_token"]}
    assert http.post("/token", data=renewal).json()["error"] == "invalid_grant"
    assert http.get("/users/me", headers=bearer(http, name, NEW)).status_code == 200
    until = time.monotonic() + 30
    while http.get("/users/me", headers=token).status_code != 401:
        assert time.monotonic() < until, "the token from before is still believed"
        time.sleep(0.2)


@pytest.mark.parametrize("how", ["deactivate", "end sessions", "set password", "remove"])
def test_operators_end_sessions(
    http: httpx2.Client, operator: dict[str, str], member: tuple[str, str], how: str
) -> None:
    """Who is closed, removed, logged out or given another password cannot renew what an earlier login gave."""
    path, name = member
    login = log_in(http, name, scope="openid offline_access").json()
    renewal = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": login["refresh_token"]}
    renewal["refresh_token"] = http.post("/token", data=renewal).json()["refresh_token"]
    if how == "deactivate":
        patching = {**operator, "If-Match": "*", "Content-Type": "application/merge-patch+json"}
        done = http.patch(path, content=b'{"active": false}', headers=patching)
        assert done.json()["active"] is False
        assert log_in(http, name).json()["error"] == "invalid_grant"
        # What ended stays ended, whatever becomes of the account.
        http.patch(path, content=b'{"active": true}', headers=patching)
    elif how == "end sessions":
        done = http.delete(f"{path}/sessions", headers=operator)
        assert http.get("/users/me", headers=bearer(http, name)).status_code == 200
    elif how == "set password":
        done = http.put(f"{path}/password", json={"password": NEW}, headers=operator)
    else:
        done = http.delete(path, headers=operator)
    assert done.status_code in {200, 204}, done.text
    assert http.post("/token", data=renewal).json()["error"] == "invalid_grant"


def test_a_rotated_secret_replaces_the_one_before(http: httpx2.Client, operator: dict[str, str]) -> None:
    """Only the last secret counts; a public OAuth client has none, and no answer shows any."""
    name = f"hive-{uuid4().hex[:12]}"
    body = {"client_id": name, "grants": ["client_credentials"], "audiences": {"drone": ["drones:read"]}}
    path = http.post("/api/v1/oauth-clients", json=body, headers=operator).headers["location"]
    first, second = "the-first-secret-of-forty-characters....", "the-second-secret-of-forty-characters..."
    for secret in (first, second):
        assert http.put(f"{path}/secret", json={"secret": secret}, headers=operator).status_code == 204
        assert http.post("/token", data={"grant_type": "client_credentials"}, auth=(name, secret)).status_code == 200
    old = http.post("/token", data={"grant_type": "client_credentials"}, auth=(name, first))
    assert old.status_code == 401
    shown = http.get(path, headers=operator)
    assert shown.json()["has_secret"] is True
    assert "second-secret" not in shown.text
    assert http.delete(path, headers=operator).status_code == 204
    public = {"client_id": name, "grants": ["refresh_token"], "public": True}
    path = http.post("/api/v1/oauth-clients", json=public, headers=operator).headers["location"]
    assert http.put(f"{path}/secret", json={"secret": "x" * 40}, headers=operator).status_code == 409
    http.delete(path, headers=operator)


@pytest.mark.parametrize(
    "change",
    [
        {"public": True},
        {"grants": ["password"]},
        {"grants": ["authorization_code"]},
        {"redirect_uris": ["https://app.example.org/#fragment"]},
        {"redirect_uris": ["javascript:alert(1)"]},
        {"redirect_uris": ["https://a@evil.example/"]},
        {"jwks": [{"kty": "EC", "crv": "P-256", "x": "a" * 43, "y": "a" * 43, "d": "a" * 43}]},
        {"jwks": [{"kty": "oct", "k": "a" * 43}]},
        {"secret": "x" * 40},
    ],
)
def test_registrations_that_contradict_themselves_are_refused(
    http: httpx2.Client, operator: dict[str, str], change: dict[str, object]
) -> None:
    """A public client with a secret's grants, a grant without its address, a private key: 422, and none is made."""
    body = {"client_id": "hive", "grants": ["client_credentials"], **change}
    assert http.post("/api/v1/oauth-clients", json=body, headers=operator).status_code == 422
    assert http.get("/api/v1/oauth-clients?client_id=hive", headers=operator).json()["items"] == []


def test_names_are_taken_once(http: httpx2.Client, operator: dict[str, str], member: tuple[str, str]) -> None:
    """Two users of one name are a conflict, however the second comes by it."""
    path, name = member
    assert http.post("/api/v1/users", json={"username": name}, headers=operator).status_code == 409
    assert http.put(f"/api/v1/users/{uuid4()}", json={"username": name}, headers=operator).status_code == 409
    assert http.put(path, json={"username": "maia"}, headers=operator).status_code == 409


def test_keys_are_rotated_and_withdrawn(http: httpx2.Client, operator: dict[str, str]) -> None:
    """A new key is published before it signs; one that was withdrawn is not published any more."""

    def turns() -> dict[str, str]:
        items = http.get("/api/v1/signing-keys", headers=operator).json()["items"]
        return {item["kid"]: item["turn"] for item in items}

    (first,) = [kid for kid, turn in turns().items() if turn == "signing"]
    made = http.post("/api/v1/signing-keys", headers=operator)
    assert made.status_code == 201, made.text
    kid = made.json()["kid"]
    assert turns() == {first: "signing", kid: "next"}
    assert {key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]} == {first, kid}
    assert "sealed" not in made.text
    assert '"d"' not in made.text
    path = made.headers["location"]
    assert http.delete(path, headers=operator).status_code == 204
    assert http.get(path, headers=operator).status_code == 404
    assert {key["kid"] for key in http.get("/.well-known/jwks.json").json()["keys"]} == {first}

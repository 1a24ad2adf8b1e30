"""What ends with an OAuth client, a user or a password: logins, codes, tokens; who comes after inherits nothing."""

import time
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx2
import pytest
from services.identity.tests.protocol.browser import PASSWORD
from services.identity.tests.protocol.test_management import NEW, bearer, log_in, member, operator

__all__ = ["member", "operator"]

SECONDS = 30  # five are promised, to a machine that has nothing else to do
CALLBACK = "https://hive.example/callback"
APP = {
    "grants": ["password", "authorization_code", "refresh_token"],
    "audiences": {"identity": [], "delivery": ["deliveries:read"]},
    "redirect_uris": [CALLBACK],
    "public": True,
    "first_party": True,
}
PATCHING = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}


@pytest.fixture
def app(http: httpx2.Client, operator: dict[str, str]) -> tuple[str, str]:
    """Give path and name of an OAuth client of users."""
    name = f"hive-{uuid4().hex[:12]}"
    made = http.post("/api/v1/oauth-clients", json={**APP, "client_id": name}, headers=operator)
    assert made.status_code == 201, made.text
    return made.headers["location"], name


def renew(http: httpx2.Client, client: str, refresh_token: str) -> httpx2.Response:
    """Send a refresh token."""
    form = {"grant_type": "refresh_token", "client_id": client, "refresh_token": refresh_token}
    return http.post("/token", data=form)


def refused_soon(http: httpx2.Client, token: str) -> bool:
    """Tell whether an access token is refused before long, and long before its end."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if http.get("/users/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", ["remove", "rename"])
def test_the_next_client_of_a_name_inherits_nothing(
    http: httpx2.Client, operator: dict[str, str], app: tuple[str, str], how: str
) -> None:
    """Logins through an OAuth client end with it, also for the next one of its name; so do its access tokens."""
    path, name = app
    login = log_in(http, "zoe", client_id=name).json()
    if how == "remove":
        done = http.delete(path, headers=operator)
    else:
        done = http.patch(path, json={"client_id": f"{name}-2"}, headers=operator | PATCHING)
    assert done.status_code in {200, 204}, done.text
    again = http.post("/api/v1/oauth-clients", json={**APP, "client_id": name}, headers=operator)
    assert again.status_code == 201
    assert renew(http, name, login["refresh_token"]).json()["error"] == "invalid_grant"
    assert refused_soon(http, login["access_token"])
    time.sleep(2)
    later = log_in(http, "zoe", client_id=name).json()
    assert http.get("/users/me", headers={"Authorization": f"Bearer {later['access_token']}"}).status_code == 200
    assert renew(http, name, later["refresh_token"]).status_code == 200


def test_the_next_user_of_an_identity_inherits_nothing(
    http: httpx2.Client, operator: dict[str, str], member: tuple[str, str]
) -> None:
    """Logins of a user end with the user, also for the next one of the same name and identity."""
    path, name = member
    login = log_in(http, name).json()
    assert http.delete(path, headers=operator).status_code == 204
    assert http.put(path, json={"username": name, "roles": ["operator"]}, headers=operator).status_code == 201
    assert renew(http, "arnia", login["refresh_token"]).json()["error"] == "invalid_grant"
    assert refused_soon(http, login["access_token"])


@pytest.mark.parametrize("how", ["password", "sessions", "client"])
def test_a_code_ends_with_what_it_was_made_of(
    http: httpx2.Client,
    operator: dict[str, str],
    member: tuple[str, str],
    app: tuple[str, str],
    how: str,
) -> None:
    """A code from before a new password, a logout or the end of its OAuth client begins no login afterwards."""
    (path, name), (client_path, client) = member, app
    code = authorize(http, client, name)
    if how == "password":
        assert http.put(f"{path}/password", json={"password": NEW}, headers=operator).status_code == 204
    elif how == "sessions":
        assert http.delete(f"{path}/sessions", headers=operator).status_code == 204
    else:
        assert http.delete(client_path, headers=operator).status_code == 204
        http.post("/api/v1/oauth-clients", json={**APP, "client_id": client}, headers=operator)
    assert redeem(http, client, code).json() == {
        "error": "invalid_grant",
        "error_description": "The code is not valid, or not for this OAuth client.",
    }


def test_a_code_that_nothing_ended_begins_a_login(
    http: httpx2.Client, member: tuple[str, str], app: tuple[str, str]
) -> None:
    """The same code gives tokens where nothing came in between."""
    (_, name), (_, client) = member, app
    assert redeem(http, client, authorize(http, client, name)).status_code == 200


def authorize(http: httpx2.Client, client: str, username: str) -> str:
    """Return the code that somebody gets who logs in at the form."""
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": CALLBACK,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    shown = http.get("/authorize", params=asked)
    ticket = shown.text.partition('name="ticket" value="')[2].partition('"')[0]
    form = {"ticket": ticket, "username": username, "password": PASSWORD, "decision": "allow"}
    answer = http.post("/authorize", data=form)
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def redeem(http: httpx2.Client, client: str, code: str) -> httpx2.Response:
    """Send a code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": client,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    }
    return http.post("/token", data=form)


def test_no_client_is_named_like_a_user(http: httpx2.Client, operator: dict[str, str], member: tuple[str, str]) -> None:
    """An OAuth client named by a user's identity would be that user in the subject of its own tokens: it is refused."""
    path, _ = member
    body = {"client_id": path.rpartition("/")[2], "grants": ["client_credentials"], "audiences": {"delivery": []}}
    assert http.post("/api/v1/oauth-clients", json=body, headers=operator).status_code == 422


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("http://hive.example/callback", 422),
        ("http://127.0.0.1.hive.example/callback", 422),
        ("http://127.0.0.1:8000@hive.example/callback", 422),
        ("http://localhost:8000/callback", 201),
        ("http://[::1]/callback", 201),
        ("https://hive.example:8443/callback", 201),
    ],
)
def test_codes_are_sent_by_tls(http: httpx2.Client, operator: dict[str, str], address: str, status: int) -> None:
    """A code goes over the network by TLS only (RFC 9700, 2.6); to the same machine it may go without."""
    body = {**APP, "client_id": f"hive-{uuid4().hex[:12]}", "redirect_uris": [address]}
    assert http.post("/api/v1/oauth-clients", json=body, headers=operator).status_code == status


def test_a_scope_is_needed_to_see_oneself(http: httpx2.Client) -> None:
    """A token that tells nobody's address at `/userinfo` tells none at `/users/me` either."""
    for scope in ("openid", "openid profile", "profile email"):
        assert http.get("/users/me", headers=bearer(http, "zoe", scope=scope)).status_code == 403
    assert http.get("/users/me", headers=bearer(http, "zoe", scope="openid profile email")).status_code == 200

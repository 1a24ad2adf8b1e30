"""Attacks on the endpoints of the protocol, as RFC 9700 lists them: each is refused, and gives nothing away."""

import time
from statistics import median

import httpx2
import pytest
from services.identity.tests.protocol.browser import CALLBACK, VERIFIER, Browser

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"
OTHER = "another-verifier-of-the-tests-that-is-long-enough-too"


def ask(http: httpx2.Client, form: dict[str, str], client: tuple[str, str] | None = None) -> httpx2.Response:
    """Send a form to `/token`."""
    return http.post("/token", data=form) if client is None else http.post("/token", data=form, auth=client)


def error_of(answer: httpx2.Response) -> str:
    """Return the code of a refusal, which carries no token and is kept by no cache."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["cache-control"] == "no-store"
    told = answer.json()
    assert not {"access_token", "refresh_token", "id_token"} & set(told)
    return str(told["error"])


def code_of(browser: Browser, **changes: str | None) -> str:
    """Let somebody log in, and return the code."""
    return browser.log_in(Browser.request(**changes))["code"]


def redeeming(code: str, **changes: str | None) -> dict[str, str]:
    """Return the form that redeems a code of the client `app`."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "app",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return {name: value for name, value in form.items() if value is not None}


def tokens_of(browser: Browser, **changes: str | None) -> dict[str, str]:
    """Return what a login through the client `app` gives."""
    answer = ask(browser.http, redeeming(code_of(browser, **changes)))
    assert answer.status_code == 200, answer.text
    return {name: str(value) for name, value in answer.json().items()}


def own_token(http: httpx2.Client, secret: str, client: str = "scheduler") -> str:
    """Return a token of a client of its own accord."""
    answer = ask(http, {"grant_type": "client_credentials"}, (client, secret))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": None},
        {"code_verifier": OTHER},
        {"code_verifier": "short"},
        {"code_verifier": "\u00e4" * 50},
        {"redirect_uri": None},
        {"redirect_uri": "https://app.example.org/callback"},
        {"redirect_uri": CALLBACK + "#x"},
        {"client_id": "rival"},
    ],
)
def test_a_code_is_for_whoever_asked_for_it(browser: Browser, changes: dict[str, str | None]) -> None:
    """A code that somebody else got hold of is worth nothing without the verifier, the address and the client."""
    assert error_of(ask(browser.http, redeeming(code_of(browser), **changes))) in {"invalid_grant", "invalid_request"}


def test_another_client_cannot_use_a_code_up(browser: Browser) -> None:
    """Injected into another client's flow a code fails there, and still works where it belongs."""
    code = code_of(browser)
    assert error_of(ask(browser.http, redeeming(code, client_id="rival"))) == "invalid_grant"
    assert ask(browser.http, redeeming(code)).status_code == 200


def test_a_verifier_is_not_guessed(browser: Browser) -> None:
    """One wrong verifier, and the code is gone."""
    code = code_of(browser)
    assert error_of(ask(browser.http, redeeming(code, code_verifier=OTHER))) == "invalid_grant"
    assert error_of(ask(browser.http, redeeming(code))) == "invalid_grant"


def test_a_code_that_comes_twice_ends_the_login(browser: Browser, http: httpx2.Client) -> None:
    """Whoever was first, the second shows that two have the code: what the first got is taken back."""
    code = code_of(browser, scope="openid offline_access deliveries:read")
    tokens = ask(browser.http, redeeming(code)).json()
    assert error_of(ask(browser.http, redeeming(code))) == "invalid_grant"
    renewal = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]}
    assert error_of(ask(http, renewal)) == "invalid_grant"


def test_a_refresh_token_grants_no_more_than_the_login(browser: Browser) -> None:
    """A renewal may ask for less; what it asks for beyond is not granted, and it belongs to its client."""
    tokens = tokens_of(browser, scope="openid offline_access deliveries:read")
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]}
    assert error_of(ask(browser.http, {**form, "client_id": "rival"})) == "invalid_grant"
    tokens = tokens_of(browser, scope="openid offline_access deliveries:read")
    form["refresh_token"] = tokens["refresh_token"]
    answer = ask(browser.http, {**form, "scope": "deliveries:read deliveries:write users:manage"})
    granted = str(answer.json().get("scope", "")).split()
    assert "deliveries:write" not in granted
    assert "users:manage" not in granted


def test_a_refresh_token_that_comes_twice_ends_the_login(browser: Browser) -> None:
    """Each is used once; a second use ends all that descend from the login."""
    tokens = tokens_of(browser, scope="openid offline_access deliveries:read")
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]}
    fresh = ask(browser.http, form).json()["refresh_token"]
    assert error_of(ask(browser.http, form)) == "invalid_grant"
    assert error_of(ask(browser.http, {**form, "refresh_token": fresh})) == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "client", "error"),
    [
        ({"audience": "identity"}, "delivery", "invalid_target"),
        ({"audience": "delivery"}, "delivery", "invalid_target"),
        ({"resource": "https://evil.example"}, "delivery", "invalid_target"),
        ({"scope": "users:manage"}, "delivery", "invalid_scope"),
        ({"subject_token": "x.y.z"}, "delivery", "invalid_grant"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "delivery", "invalid_request"),
        ({"subject_token": ""}, "delivery", "invalid_request"),
        ({}, "stranger", "invalid_grant"),
        ({}, "scheduler", "invalid_grant"),
    ],
)
def test_an_exchange_leads_no_further_than_the_client_may_go(
    browser: Browser, secret: str, changes: dict[str, str], client: str, error: str
) -> None:
    """A token is exchanged by the service that it is for, for what that service may reach, or not at all."""
    form = {
        "grant_type": EXCHANGE,
        "subject_token": tokens_of(browser, scope="deliveries:read drones:read")["access_token"],
        "subject_token_type": ACCESS,
        "audience": "drone",
    }
    if not changes:
        assert ask(browser.http, form, ("delivery", secret)).json()["scope"] == "drones:read"
    assert error_of(ask(browser.http, {**form, **changes}, (client, secret))) == error


def test_public_clients_exchange_nothing(browser: Browser) -> None:
    """Whoever keeps no secret gets no token out of another."""
    form = {"grant_type": EXCHANGE, "subject_token": tokens_of(browser)["access_token"], "subject_token_type": ACCESS}
    assert error_of(ask(browser.http, {**form, "client_id": "app"})) == "unauthorized_client"


@pytest.mark.parametrize("endpoint", ["/token", "/revoke", "/introspect"])
def test_credentials_in_the_address_do_not_count(http: httpx2.Client, secret: str, endpoint: str) -> None:
    """What stands in an address is in logs and histories: credentials there are as good as none."""
    query = {"client_id": "scheduler", "client_secret": secret}
    answer = http.post(endpoint, params=query, data={"grant_type": "client_credentials", "token": "x"})
    assert error_of(answer) in {"invalid_client", "invalid_request"}
    assert http.get("/token", params={**query, "grant_type": "client_credentials"}).status_code == 405


def test_clients_prove_themselves_once(http: httpx2.Client, secret: str) -> None:
    """A client that proves itself in two ways is refused, even where both are right (RFC 6749, 2.3)."""
    form = {"grant_type": "client_credentials", "client_id": "scheduler", "client_secret": secret}
    assert ask(http, form).status_code == 200
    assert error_of(ask(http, form, ("scheduler", secret))) == "invalid_request"
    assert error_of(ask(http, {**form, "client_id": "stranger"}, ("scheduler", secret))) in {
        "invalid_request",
        "invalid_client",
    }


@pytest.mark.parametrize("name", ["scheduler", "nobody", "app", "arnia"])
def test_a_wrong_secret_is_one_answer(http: httpx2.Client, name: str) -> None:
    """Whether the client is known, and whether it has a secret at all, is not in the answer."""
    answer = ask(http, {"grant_type": "client_credentials"}, (name, "wrong-and-long-enough-to-be-a-secret"))
    assert error_of(answer) == "invalid_client"
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_stranger_learns_nothing_of_a_token(browser: Browser, secret: str) -> None:
    """Introspection answers whom the token is for; to anybody else it is as good as none, and to nobody at all 401."""
    token = tokens_of(browser)["access_token"]
    asked = {"token": token}
    assert browser.http.post("/introspect", data=asked, auth=("stranger", secret)).json() == {"active": False}
    assert error_of(browser.http.post("/introspect", data=asked)) in {"invalid_client", "invalid_request"}
    assert error_of(browser.http.post("/introspect", data={**asked, "client_id": "app"}))


def test_nobody_takes_another_clients_token_back(browser: Browser, http: httpx2.Client, secret: str) -> None:
    """Revocation by another client is answered as any other, and changes nothing (RFC 7009, 2.1)."""
    tokens = tokens_of(browser, scope="openid offline_access deliveries:read")
    for kind in ("access_token", "refresh_token"):
        answer = http.post("/revoke", data={"token": tokens[kind]}, auth=("stranger", secret))
        assert answer.status_code in {200, 400}
    form = {"grant_type": "refresh_token", "client_id": "app", "refresh_token": tokens["refresh_token"]}
    assert ask(http, form).status_code == 200


def test_a_clients_own_token_is_no_user(http: httpx2.Client, secret: str) -> None:
    """What a service gets of its own accord opens neither `/userinfo` nor `/users/me`."""
    headers = {"Authorization": f"Bearer {own_token(http, secret)}"}
    assert http.get("/userinfo", headers=headers).status_code in {401, 403}
    assert http.get("/users/me", headers=headers).status_code in {401, 403}


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=client_credentials&" + b"a=b&" * 2_000,
        b"grant_type=" + b"a" * 2_000_000,
        b"grant_type=client_credentials&grant_type=password",
        b"grant_type=%ff",
        b"grant_type=client_credentials&scope=%00",
        b'{"grant_type": "client_credentials"}',
        b"",
    ],
)
def test_forms_that_are_no_forms_are_refused(http: httpx2.Client, secret: str, body: bytes) -> None:
    """What is too large, ambiguous or cannot be read is a 4xx in the words of the protocol, never a failure."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    error_of(http.post("/token", content=body, headers=headers, auth=("scheduler", secret)))


def test_nobody_learns_who_exists_by_the_time_it_takes(http: httpx2.Client) -> None:
    """A wrong password takes as long for an unknown user: within a factor, as this machine has others to serve."""
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    form = {"grant_type": "password", "client_id": "arnia", "password": "wrong, and long enough"}
    for turn in range(4):
        # Few of each, as the source is slowed down as well; a user of its own each time, as accounts are, too.
        for kind, name in (("known", ("maia", "zoe")[turn % 2]), ("unknown", f"nobody-{turn}")):
            began = time.perf_counter()
            answer = ask(http, {**form, "username": name})
            taken[kind].append(time.perf_counter() - began)
            assert error_of(answer) == "invalid_grant"
    ratio = median(taken["known"]) / median(taken["unknown"])
    assert 1 / 3 < ratio < 3, taken

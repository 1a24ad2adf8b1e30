"""A scope that only goes with a role is granted to nobody without it, whichever way their token comes about."""

import httpx2
from services.identity.tests.protocol.browser import VERIFIER, Browser
from services.identity.tests.protocol.test_management import log_in, member, operator

__all__ = ["member", "operator"]

MANAGING = {"users:manage", "clients:manage", "keys:manage"}
EVERYTHING = " ".join(("openid", "deliveries:read", *MANAGING))


def scopes(answer: httpx2.Response) -> set[str]:
    """Return what a token allows."""
    assert answer.status_code == 200, answer.text
    return set(answer.json()["scope"].split())


def test_a_customer_is_granted_nothing_of_an_operator(http: httpx2.Client) -> None:
    """Asked for everything, a login gives a customer no scope that manages; asked for that alone, nothing."""
    assert not scopes(log_in(http, "maia", scope=EVERYTHING)) & MANAGING
    assert scopes(log_in(http, "operator", scope=EVERYTHING)) >= MANAGING
    alone = log_in(http, "maia", scope="users:manage")
    assert (alone.status_code, alone.json()["error"]) == (400, "invalid_scope")
    assert scopes(log_in(http, "maia", scope="openid users:manage")) == {"openid"}


def test_nor_by_the_login_page(http: httpx2.Client, browser: Browser) -> None:
    """A code is worth what goes with the roles of whoever logged in."""
    asked = "openid users:manage"
    for username, granted in (("maia", {"openid"}), ("operator", {"openid", "users:manage"})):
        back = "http://127.0.0.1/callback"
        told = browser.log_in(browser.request(client_id="arnia", redirect_uri=back, scope=asked), username)
        form = {"grant_type": "authorization_code", "client_id": "arnia", "redirect_uri": back}
        answer = http.post("/token", data={**form, "code": told["code"], "code_verifier": VERIFIER})
        assert scopes(answer) == granted


def test_who_loses_the_role_loses_the_scope(
    http: httpx2.Client, operator: dict[str, str], member: tuple[str, str]
) -> None:
    """A login that began with a role is continued without what went with it."""
    path, name = member
    patching = {**operator, "If-Match": "*", "Content-Type": "application/merge-patch+json"}
    assert http.patch(path, json={"roles": ["operator"]}, headers=patching).status_code == 200
    login = log_in(http, name, scope=EVERYTHING)
    assert scopes(login) >= MANAGING
    assert http.patch(path, json={"roles": ["customer"]}, headers=patching).status_code == 200
    form = {"grant_type": "refresh_token", "client_id": "arnia", "refresh_token": login.json()["refresh_token"]}
    assert not scopes(http.post("/token", data=form)) & MANAGING

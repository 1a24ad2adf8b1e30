"""`/authorize` as a browser meets it: from the link to the code, and every way in which that goes wrong."""

import httpx2
import pytest
from services.identity.tests.protocol.browser import CALLBACK, PASSWORD, VERIFIER, Browser, Page, told

from arnia.testing.processes import ServiceProcess


def redeem(browser: Browser, code: str, **changes: str) -> tuple[int, dict[str, object]]:
    """Fetch the tokens of a code."""
    form = {
        "grant_type": "authorization_code",
        "client_id": "app",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    answer = browser.http.post("/token", data={name: value for name, value in form.items() if value})
    return answer.status_code, answer.json()


def test_a_login_leads_to_tokens(browser: Browser, identity: ServiceProcess) -> None:
    """Who logs in comes back with a code, the state and the issuer; the code gives tokens, once."""
    answer = browser.submit(browser.open(Browser.request()), "maia", PASSWORD)
    assert answer.headers["location"].startswith(CALLBACK + "&")
    assert "state=a%20state" in answer.headers["location"]  # not every client reads a plus as a space
    found = told(answer)
    assert found["state"] == "a state"
    assert found["iss"] == identity.url
    status, tokens = redeem(browser, found["code"])
    assert status == 200, tokens
    assert str(tokens["scope"]).split() == ["deliveries:read", "openid"]
    assert {"access_token", "id_token"} <= set(tokens)
    assert redeem(browser, found["code"])[1]["error"] == "invalid_grant"


def test_the_page_says_who_asks_for_what(browser: Browser) -> None:
    """A client that is not ours is named, with each scope; of our own only the name is shown."""
    page = browser.open(Browser.request(client_id="web", login_hint="maia"))
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<strong>web</strong>" in page.text
    assert "<li>deliveries:read</li>" in page.text
    assert Page(page.text).fields["username"] == "maia"
    ours = browser.open(Browser.request(client_id="arnia", redirect_uri="http://127.0.0.1:51004/callback"))
    assert ours.status_code == 200
    assert "<li>" not in ours.text


def test_the_page_is_in_no_frame_cache_or_referer(browser: Browser) -> None:
    """Every answer of the page, redirects and refusals among them, keeps to itself."""
    answers = [
        browser.open(Browser.request()),
        browser.open(Browser.request(client_id="nobody")),
        browser.open(Browser.request(response_type="token")),
        browser.submit(browser.open(Browser.request()), "maia", "wrong, and long enough"),
        browser.submit(browser.open(Browser.request()), "maia", PASSWORD),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 303, 400, 303]
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_cookie_is_for_this_page_alone(browser: Browser) -> None:
    """What binds the form to the browser is sent with no request that another site causes, and read by no script."""
    cookie = browser.open(Browser.request()).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/authorize" in cookie


def test_behind_tls_the_cookie_is_bound_to_the_host(behind_tls: ServiceProcess) -> None:
    """Where the public address is https, no other host can set the cookie, and it never travels in the clear."""
    with httpx2.Client(base_url=behind_tls.url, trust_env=False, timeout=20) as http:
        browser = Browser(http)
        page = browser.open(Browser.request())
        cookie = page.headers["set-cookie"]
        assert cookie.startswith("__Host-arnia-login=")
        assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        http.cookies.clear()
        http.headers["Cookie"] = cookie.partition(";")[0]  # as a browser would send it by TLS
        found = told(browser.submit(page, "maia", PASSWORD))
        assert found["iss"] == "https://id.example.org"
        http.headers["Cookie"] = cookie.partition(";")[0].replace("__Host-", "")
        assert browser.submit(page, "maia", PASSWORD).status_code == 400


def test_a_wrong_password_shows_the_form_again(browser: Browser) -> None:
    """The name stays, the password does not, and nobody learns whether there is such a user."""
    page = browser.open(Browser.request())
    wrong = browser.submit(page, "maia", "wrong, and long enough")
    unknown = browser.submit(page, "nobody-of-this-name", "wrong, and long enough")
    assert (wrong.status_code, unknown.status_code) == (400, 400)
    assert Page(wrong.text).alert == Page(unknown.text).alert != ""
    assert Page(wrong.text).fields["username"] == "maia"
    assert Page(wrong.text).fields["password"] == ""
    assert "wrong, and long enough" not in wrong.text
    assert told(browser.submit(wrong, "maia", PASSWORD))["code"]


def test_whoever_says_no_is_believed_without_a_password(browser: Browser) -> None:
    """The OAuth client is told that the user refused."""
    found = told(browser.submit(browser.open(Browser.request()), "", "", decision="deny"))
    assert (found["error"], found["state"]) == ("access_denied", "a state")


@pytest.mark.parametrize(
    "state",
    ["", "%", "a b+c", "a&code=evil#x", "\u00e4\u4e2d\U0001f41d", "\"'><script>", "\t", "%0d%0aX: y", "\r\nX: y"],
)
def test_the_state_comes_back_to_the_byte(browser: Browser, state: str) -> None:
    """Whatever the OAuth client sent as state, it gets, with a code and with an error; an empty one counts as none."""
    for changes in ({}, {"prompt": "none"}):
        members = Browser.request(state=state, **changes)
        page = browser.open(members)
        found = told(page) if changes else told(browser.submit(page, "maia", PASSWORD))
        assert found.get("state", "") == state
        assert ("error" in found) is bool(changes)
        assert "code" not in found or found["code"] != "evil"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"audience": "identity-of-others"}, "invalid_target"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
    ],
)
def test_the_client_is_told_what_is_wrong(
    browser: Browser, identity: ServiceProcess, changes: dict[str, str | None], error: str
) -> None:
    """What the OAuth client did wrong it learns at its own address, with state and issuer (RFC 6749, 4.1.2.1; 9207)."""
    found = told(browser.open(Browser.request(**changes)))
    assert (found["error"], found["state"], found["iss"]) == (error, "a state", identity.url)
    assert "code" not in found


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        CALLBACK + "x",
        CALLBACK[:-1],
        CALLBACK + "#fragment",
        "https://app.example.org/callback",
        "https://app.example.org/Callback?from=identity",
        "https://app.example.org/x/../callback?from=identity",
        "https://app.example.org:8443/callback?from=identity",
        "https://app.example.org@evil.example/callback?from=identity",
        "https://evil.example/?" + CALLBACK,
        "https://app.example.org.evil.example/callback?from=identity",
        "https://app.ex\u0430mple.org/callback?from=identity",
        "http://app.example.org/callback?from=identity",
        "javascript:alert(1)//" + CALLBACK,
        "data:text/html,x",
        "https://rival.example/callback",
        CALLBACK + "\r\nSet-Cookie: x=y",
    ],
)
def test_nobody_is_sent_to_an_address_that_was_not_registered(browser: Browser, redirect_uri: str | None) -> None:
    """The user is told on a page; nothing leads to the address, and nothing of it is in the page."""
    answer = browser.open(Browser.request(redirect_uri=redirect_uri, response_type="token"))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert not redirect_uri or redirect_uri not in answer.text
    assert "form" not in Page(answer.text).tags


@pytest.mark.parametrize("client_id", [None, "", "nobody", "App", "app ", "'; drop table users; --", "\u0430pp"])
def test_nobody_is_sent_anywhere_for_an_unknown_client(browser: Browser, client_id: str | None) -> None:
    """As long as nobody knows who asks, the user is told, and stays."""
    answer = browser.open(Browser.request(client_id=client_id))
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_repeated_addresses_lead_nowhere(browser: Browser) -> None:
    """Of two addresses, or of two clients, neither counts; another parameter sent twice is told to the client."""
    good = Browser.request()
    for name in ("client_id", "redirect_uri"):
        assert browser.http.get("/authorize", params=[*good.items(), (name, good[name])]).status_code == 400
    twice = browser.http.get("/authorize", params=[*good.items(), ("state", "another")])
    assert told(twice)["error"] == "invalid_request"
    assert "state" not in told(twice)


def test_a_request_may_come_as_a_form(browser: Browser) -> None:
    """OpenID Connect (3.1.2.1) lets clients send the request by POST: the form is shown, and nothing else happens."""
    answer = browser.http.post("/authorize", data=Browser.request())
    assert answer.status_code == 200
    assert told(browser.submit(answer, "maia", PASSWORD))["code"]


def test_apps_on_a_device_choose_their_port(browser: Browser) -> None:
    """The loopback address of a public client may have any port; that of the policy is the one that was asked for."""
    address = "http://127.0.0.1:51004/callback"
    page = browser.open(Browser.request(redirect_uri=address))
    assert "form-action 'self' http://127.0.0.1:51004;" in page.headers["content-security-policy"]
    answer = browser.submit(page, "maia", PASSWORD)
    assert answer.headers["location"].startswith(address + "?")
    assert redeem(browser, told(answer)["code"], redirect_uri=address)[0] == 200

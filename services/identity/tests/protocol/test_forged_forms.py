"""The form is sent by whom it was shown to, as it was shown: nobody else's page can send one (RFC 6819, 4.4.1.8)."""

from collections.abc import Iterator

import httpx2
import pytest
from services.identity.tests.protocol.browser import PASSWORD, Browser, Page, told

from arnia.testing.processes import ServiceProcess

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def victim(identity: ServiceProcess) -> Iterator[Browser]:
    """Give another browser, with other cookies."""
    with httpx2.Client(base_url=identity.url, trust_env=False, timeout=20) as client:
        yield Browser(client)


def refused(answer: httpx2.Response) -> bool:
    """Tell whether a form led to no code."""
    return answer.status_code == 400 and "location" not in answer.headers


def test_a_form_without_its_cookie_is_shown_again(browser: Browser, victim: Browser) -> None:
    """An attacker's form, sent by the victim's browser, logs nobody in, even with the right password."""
    page = browser.open(Browser.request())
    answer = victim.submit(page, "maia", PASSWORD)
    assert refused(answer)
    assert Page(answer.text).alert
    victim.open(Browser.request())
    assert refused(victim.submit(page, "maia", PASSWORD))
    assert told(browser.submit(page, "maia", PASSWORD))["code"]


def test_a_form_that_was_refused_can_be_sent_again(browser: Browser, victim: Browser) -> None:
    """The form that is shown instead belongs to the browser that it is shown in."""
    again = victim.submit(browser.open(Browser.request()), "maia", PASSWORD)
    assert told(victim.submit(again, "maia", PASSWORD))["code"]


@pytest.mark.parametrize("ticket", ["not-a-ticket", "A" * 200, "\u00e4", HOSTILE])
def test_a_form_with_another_ticket_is_refused(browser: Browser, ticket: str) -> None:
    """Only tickets that were made here are read; nothing of another is in the page."""
    answer = browser.submit(browser.open(Browser.request()), "maia", PASSWORD, ticket=ticket)
    assert refused(answer)
    assert ticket not in answer.text


def test_nothing_of_a_request_can_be_changed_on_the_way(browser: Browser) -> None:
    """What the form adds to its ticket is not looked at: address, client, scope and state are those of the link."""
    page = browser.open(Browser.request())
    more = {"redirect_uri": "https://rival.example/callback", "client_id": "rival", "state": "evil", "scope": "x"}
    answer = browser.submit(page, "maia", PASSWORD, **more)
    assert answer.headers["location"].startswith("https://app.example.org/")
    assert told(answer)["state"] == "a state"


def test_no_parameter_becomes_markup(browser: Browser) -> None:
    """Whatever comes in a link, or in a form, is text of the page or not there at all."""
    plain = Page(browser.open(Browser.request()).text).tags
    for name in ("state", "nonce", "scope", "login_hint", "ui_locales", "display", "acr_values", "claims"):
        scope = f"openid deliveries:read {HOSTILE}" if name == "scope" else HOSTILE
        answer = browser.open(Browser.request(**{name: scope}))
        assert Page(answer.text).tags == plain, name
    typed = browser.submit(browser.open(Browser.request()), HOSTILE, "wrong, and long enough")
    assert {"script", "img"}.isdisjoint(Page(typed.text).tags)
    assert Page(typed.text).fields["username"] == HOSTILE
    for name in ("client_id", "redirect_uri"):
        assert {"script", "img"}.isdisjoint(Page(browser.open(Browser.request(**{name: HOSTILE})).text).tags)


@pytest.mark.parametrize(
    "body",
    [
        b"ticket=" + b"a" * 40_000,
        b"password=" + b"a" * 2_000_000,
        b"&" * 5_000,
        b"ticket=%zz",
        b"ticket=%ff",
        b"ticket=a&ticket=b",
        b"ticket=%00",
        b"client_id=app&state=%ff",
        b"\xff\xfe",
        b"",
    ],
)
def test_forms_that_are_no_forms_are_refused(browser: Browser, body: bytes) -> None:
    """What is too large, or cannot be read, is a page and a 4xx, never a failure."""
    answer = browser.http.post(
        "/authorize", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_only_forms_are_read(browser: Browser, media_type: str) -> None:
    """Whatever a script of another site could send without asking is no form of ours."""
    answer = browser.http.post("/authorize", content=b"{}", headers={"Content-Type": media_type})
    assert answer.status_code == 415

"""Guessing passwords gets slower for the account and for whoever guesses, and locks nobody out for good."""

import httpx2
from services.identity.tests.protocol.browser import PASSWORD, Browser, Page, told

FREE = 5
LONGEST = 30


def attempt(http: httpx2.Client, username: str) -> httpx2.Response:
    """Try a password at `/token`."""
    form = {"grant_type": "password", "client_id": "arnia", "username": username, "password": "wrong and long enough"}
    return http.post("/token", data=form)


def test_an_account_is_guarded_on_both_doors(http: httpx2.Client, browser: Browser) -> None:
    """After some failures nobody looks at the password any more, at `/token` or on the page; others go on."""
    answers = [attempt(http, "zoe") for _ in range(FREE + 2)]
    assert [answer.status_code for answer in answers[:FREE]] == [400] * FREE
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= LONGEST
    assert answers[-1].json()["error"] == "slow_down"
    page = browser.submit(browser.open(Browser.request()), "zoe", PASSWORD)
    assert page.status_code == 429
    assert 0 < int(page.headers["retry-after"]) <= LONGEST
    assert "wait" in Page(page.text).alert
    assert told(browser.submit(browser.open(Browser.request()), "maia", PASSWORD))["code"]


def test_spraying_is_slowed_down_by_source(http: httpx2.Client) -> None:
    """One password for many accounts fails no account often, and is slowed down all the same."""
    answers = [attempt(http, f"nobody-{number}") for number in range(30)]
    slowed = [answer for answer in answers if answer.status_code == 429]
    assert slowed
    assert all(0 < int(answer.headers["retry-after"]) <= LONGEST for answer in slowed)

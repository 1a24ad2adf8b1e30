"""The one page: what was sent stays text, and the browser is told to run and to load nothing."""

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from identity.api import page

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{0}{client}&amp;"
QUESTION = page.Question(
    client="app", scopes=("deliveries:read",), redirect_uri="https://app.example.org/cb", ticket="abc"
)


class Reader(HTMLParser):
    """Collects the elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def elements(body: bytes | memoryview) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of a page."""
    reader = Reader()
    reader.feed(bytes(body).decode())
    return reader.elements


def test_whatever_was_sent_stays_text() -> None:
    """No member of a question adds an element or an attribute to the page."""
    plain = elements(page.ask(QUESTION).body)
    told = page.Question(
        client=HOSTILE, scopes=(HOSTILE,), redirect_uri=f"https://{HOSTILE}/", ticket=HOSTILE, username="", alert=""
    )
    hostile = elements(page.ask(told).body)
    assert [(tag, sorted(attributes)) for tag, attributes in hostile] == [
        (tag, sorted(attributes)) for tag, attributes in plain
    ]
    named = page.Question(
        client="app", scopes=(), redirect_uri="https://a.example/", ticket="a", username=HOSTILE, alert=HOSTILE
    )
    found = elements(page.ask(named).body)
    assert {"script", "img"}.isdisjoint(tag for tag, _ in found)
    assert [each["value"] for _, each in found if each.get("name") == "username"] == [HOSTILE]
    assert {"script", "img"}.isdisjoint(tag for tag, _ in elements(page.refuse(HOSTILE, 400).body))


def test_the_policy_lets_nothing_run() -> None:
    """Nothing is loaded or run but the one style sheet; the page is in no frame, cache or Referer."""
    response = page.ask(QUESTION)
    style = re.search(r"<style>(.*)</style>", bytes(response.body).decode(), re.DOTALL)
    assert style is not None
    seal = b64encode(sha256(style[1].encode()).digest()).decode()
    assert response.headers["content-security-policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{seal}'",
        "form-action 'self' https://app.example.org",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "form-action 'none'" in page.refuse("No.", 400).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("https://app.example.org:8443/cb?x=;'none'", "https://app.example.org:8443"),
        ("http://127.0.0.1:51004/", "http://127.0.0.1:51004"),
        ("http://[::1]:51004/", "http:"),
    ],
)
def test_the_form_may_lead_back(redirect_uri: str, source: str) -> None:
    """Browsers hold the redirect after a form against the policy: the address of the client is in it, and no more."""
    question = page.Question(client="app", scopes=(), redirect_uri=redirect_uri, ticket="a")
    assert f"form-action 'self' {source};" in page.ask(question).headers["content-security-policy"]


def test_the_form_can_be_used_by_everybody() -> None:
    """Each field has its label, the language is said, the first empty field has the focus, faults are announced."""
    found = elements(page.ask(QUESTION).body)
    labels = {attributes["for"] for tag, attributes in found if tag == "label"}
    fields = {attributes["id"] for tag, attributes in found if tag == "input" and attributes.get("type") != "hidden"}
    assert labels == fields == {"username", "password"}
    assert ("html", {"lang": "en"}) in found
    assert [attributes["name"] for _, attributes in found if "autofocus" in attributes] == ["username"]
    again = page.Question(
        client="app", scopes=(), redirect_uri="https://a.example/", ticket="a", username="maia", alert="Wrong."
    )
    found = elements(page.ask(again).body)
    assert [attributes["name"] for _, attributes in found if "autofocus" in attributes] == ["password"]
    assert any(attributes.get("role") == "alert" for _, attributes in found)

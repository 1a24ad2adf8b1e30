"""A browser as far as a login needs one: it follows links, keeps cookies, and sends the form that it was shown."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx2
from typing_extensions import override

from identity.models.grants import challenge_of

PASSWORD: Final = "a swarm of honest bees"
CALLBACK: Final = "https://app.example.org/callback?from=identity"
VERIFIER: Final = "a-verifier-of-the-tests-that-is-long-enough-for-pkce"


class Page(HTMLParser):
    """The fields of a form, and whatever a page announces."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.tags: list[str] = []
        self.alert = ""
        self._alerting = False
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self._alerting = attributes.get("role") == "alert"
        if tag == "input":
            self.fields[attributes["name"] or ""] = attributes.get("value") or ""

    @override
    def handle_data(self, data: str) -> None:
        if self._alerting:
            self.alert += data

    @override
    def handle_endtag(self, tag: str) -> None:
        self._alerting = False


class Browser:
    """Somebody's browser."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    @staticmethod
    def request(**changes: str | None) -> dict[str, str]:
        """Return a good authorization request with some members changed, or left out where they are None."""
        members = {
            "client_id": "app",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid deliveries:read",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in members.items() if value is not None}

    def open(self, members: Mapping[str, str]) -> httpx2.Response:
        """Follow a link to `/authorize`."""
        return self.http.get("/authorize", params=dict(members))

    def submit(self, page: httpx2.Response, username: str, password: str, **changes: str) -> httpx2.Response:
        """Fill in the form that is shown, and send it."""
        fields = {**Page(page.text).fields, "username": username, "password": password, "decision": "allow", **changes}
        return self.http.post("/authorize", data=fields)

    def log_in(self, members: Mapping[str, str], username: str = "maia") -> dict[str, str]:
        """Return what the OAuth client is told when somebody logs in."""
        return told(self.submit(self.open(members), username, PASSWORD))


def told(answer: httpx2.Response) -> dict[str, str]:
    """Return the parameters that a redirect carries."""
    assert answer.status_code == 303, answer.text
    return {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}

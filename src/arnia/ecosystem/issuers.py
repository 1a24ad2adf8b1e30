"""Issuers of access tokens that are no service of the ecosystem: a login that somebody else runs."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from typing_extensions import override

from arnia.ecosystem.values import Declared, Names

KINDS: Final = ("at+jwt", "JWT", "absent")


class Issuer(Declared):
    """An OpenID issuer outside, whose access tokens the services and the edge of an environment believe.

    Services learn every field by setting; what the last four mean is theirs to say (`docs/guides/security.md`).

    Attributes:
        url: The `iss` of its tokens, as it writes it.
        keys: Where it publishes its keys (`jwks_uri` in its metadata). HTTPS, or HTTP at an address of this machine.
        algorithms: What it signs with; none means ES256 and EdDSA.
        token_type: The `typ` of its access tokens: `at+jwt`, `JWT`, or `absent` where they have none.
        roles: Where its tokens list roles, such as `realm_access.roles`.
        scopes: Where they list scopes; empty for `scope`.
        client: Where they say the client; empty for `client_id`.
    """

    url: str
    keys: str
    algorithms: Names = ()
    token_type: str = "at+jwt"  # noqa: S105 - the name of a format
    roles: str = "roles"
    scopes: str = ""
    client: str = ""

    @override
    def _find_faults(self) -> list[str]:
        faults = [*_url_faults("url", self.url), *_url_faults("keys", self.keys)]
        if not self.roles:
            faults.append("`roles` is empty: name a claim, such as `roles`.")
        if self.token_type not in KINDS:
            known = " or ".join(repr(kind) for kind in KINDS)
            faults.append(f"no type of token is called {self.token_type!r}: use {known}.")
        return [f"issuer {self.url!r}: {fault}" for fault in faults]

    @property
    def settings(self) -> dict[str, str]:
        """What every service is told about it, by setting."""
        told = {
            "issuer": self.url,
            "jwks_url": self.keys,
            "token_type": self.token_type,
            "token_algorithms": ",".join(self.algorithms),
            "roles_claim": self.roles,
            "scopes_claim": self.scopes,
            "client_claim": self.client,
        }
        return {name: value for name, value in told.items() if value}

    @property
    def host(self) -> str:
        """The host that publishes the keys."""
        return urlsplit(self.keys).hostname or ""

    @property
    def port(self) -> int:
        """The port there."""
        return urlsplit(self.keys).port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        """Whether the keys come over TLS."""
        return urlsplit(self.keys).scheme == "https"


def _url_faults(argument: str, text: str) -> Iterator[str]:
    parts = _parts(text)
    if parts is None or not text.isascii() or not text.isprintable() or set(text) & set(' "\\'):
        yield f"`{argument}` is no URL: write one such as `https://login.example/realms/shop`."
    elif parts.username is not None or parts.query or parts.fragment:
        yield f"`{argument}` is {text!r}: leave out user, query and fragment."
    elif parts.scheme == "http" and not _is_here(parts):
        yield f"`{argument}` is {text!r}, and who is on the way could forge its keys: use https."


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"https", "http"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if known else None


def _is_here(parts: SplitResult) -> bool:
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"

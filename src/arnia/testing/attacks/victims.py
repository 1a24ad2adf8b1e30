"""What an attacker knows: an operation, a resource of somebody else, and even a good token, if not where it belongs."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from arnia.testing.conformance.surface import Operation
from arnia.testing.http import Call

__all__ = ["CANARY", "Attack", "Attacks", "Victim"]

CANARY: Final = "attack-51c0ffee"
"""Stands in what must not come back."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A guarded operation, about to be attacked.

    Attributes:
        operation: What the document says of it.
        request: What its owner would send, but for the token.
        token: The owner's token, which opens it.
        trap: The URL of a server that nobody should call.
    """

    operation: Operation
    request: Call
    token: str
    trap: str

    def plus(self, *pairs: tuple[str, str]) -> Call:
        """Return the request with more header fields."""
        return replace(self.request, headers=(*self.request.headers, *pairs))

    def at(self, target: str) -> Call:
        """Return the request at another target."""
        return replace(self.request, target=target)

    def by(self, method: str, *pairs: tuple[str, str]) -> Call:
        """Return the request with another method."""
        return replace(self.plus(*pairs), method=method)

    def asking(self, query: str) -> Call:
        """Return the request with a query."""
        return self.at(f"{self.request.target}{'&' if '?' in self.request.target else '?'}{query}")

    def sending(self, body: bytes, media_type: str) -> Call:
        """Return the request with another body."""
        given = {"content-type", "content-length"}
        kept = tuple(pair for pair in self.request.headers if pair[0] not in given)
        headers = (*kept, ("content-type", media_type), ("content-length", str(len(body))))
        return replace(self.request, headers=headers, chunks=(body,))

    @property
    def basic(self) -> str:
        """The token as the password of HTTP Basic."""
        return base64.b64encode(f"alice:{self.token}".encode()).decode()


Attack: TypeAlias = Callable[[Victim], Call]
Attacks: TypeAlias = Mapping[str, Attack]

"""What carries a declared client's calls: one small port, so that the library below can be another.

Every adapter passes one conformance suite (`tests/client/test_transports.py`): it follows no redirect, knows no proxy
of the environment, never reads more of a body than it may, and says of each failure whether the request can have
reached the other side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

__all__ = ["Failure", "Incoming", "Outgoing", "Transport", "TransportFailure", "TransportOptions"]

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Failure(StrEnum):
    """Why there is no answer, as the end of a sentence that starts with the service's name."""

    REFUSED = "cannot be reached"
    SLOW_CONNECT = "did not take the connection in time"
    NO_CONNECTION = "had no free connection in time"
    TIMEOUT = "did not answer in time"
    ENDED = "ended the connection before it answered"
    CUT = "ended the connection within its answer"
    GARBLED = "answered with something that is no HTTP"
    TOO_LARGE = "answered with more bytes than it may"

    @property
    def unsent(self) -> bool:
        """Whether the request surely never reached the other side, so that even a POST may be sent again."""
        return self in _UNSENT


_UNSENT = frozenset({Failure.REFUSED, Failure.SLOW_CONNECT, Failure.NO_CONNECTION})


class TransportFailure(Exception):
    """There is no answer.

    Attributes:
        failure: Why.
    """

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.value)


class Outgoing:
    """One request; not to be changed, though only its makers' care prevents that: to freeze it would cost at each call.

    Attributes:
        target: Path and query, percent-encoded.
        headers: Names and values of printable ASCII.
    """

    __slots__ = ("body", "headers", "method", "target")

    def __init__(self, method: str, target: str, headers: Mapping[str, str] = NOTHING, body: bytes = b"") -> None:
        """Check what would leave this process.

        Raises:
            ValueError: the target or a header holds something else: a line break would begin another header.
        """
        text = target + "".join(headers) + "".join(headers.values())
        if not (text.isascii() and text.isprintable()):
            message = "a target or a header of a call holds characters that are no printable ASCII"
            raise ValueError(message)
        if target[:1] != "/" or " " in target or "#" in target:
            message = "the target of a call is a path with a query, percent-encoded"
            raise ValueError(message)
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body


class Incoming(NamedTuple):
    """One answer; names of headers are in lower case, and of a repeated one the values are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOptions:
    """What a transport is made of.

    Attributes:
        url: Where the service is: scheme, host, port, perhaps a path before every target.
        connect_seconds: How long one connection may take to be made.
        max_connections: Most connections at once.
        max_body_bytes: Most bytes of an answer's body.
    """

    url: str
    connect_seconds: float = 0.5
    max_connections: int = 50
    max_body_bytes: int = 10_485_760


class Transport(Protocol):
    """Sends requests to one service over kept connections."""

    async def send(self, request: Outgoing, *, seconds: float) -> Incoming:
        """Return the answer to `request`, whole, within `seconds`.

        Raises:
            TransportFailure: there is none.
        """

    async def close(self) -> None:
        """Close every connection."""

"""Major versions of an API, side by side, with `Deprecation` (RFC 9745) and `Sunset` (RFC 8594)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from arnia.conventions import version_prefix
from arnia.errors import Gone

__all__ = ["ApiVersion", "Lifecycle"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiVersion:
    """One major version.

    Attributes:
        major: The number in the path: `/api/v{major}`.
        deprecated: Since when clients should move on.
        sunset: When it stops answering; not before `deprecated`.
        successor: The major version to move to.
    """

    major: int
    deprecated: datetime | None = None
    sunset: datetime | None = None
    successor: int | None = None

    def __post_init__(self) -> None:
        """Refuse a life that ends before it begins to end.

        Raises:
            ValueError: `sunset` without, or earlier than, `deprecated`, or a time without a zone.
        """
        for moment in (self.deprecated, self.sunset):
            if moment is not None and moment.tzinfo is None:
                message = f"API version {self.major}: give deprecated and sunset with a time zone"
                raise ValueError(message)
        if self.sunset is not None and (self.deprecated is None or self.sunset < self.deprecated):
            message = f"API version {self.major}: deprecate it before its sunset"
            raise ValueError(message)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell a client about this version's end."""
        headers: list[tuple[bytes, bytes]] = []
        if self.deprecated is not None:
            headers.append((b"deprecation", f"@{int(self.deprecated.timestamp())}".encode()))
        if self.sunset is not None:
            headers.append((b"sunset", format_datetime(self.sunset.astimezone(UTC), usegmt=True).encode()))
        if self.successor is not None and self.deprecated is not None:
            headers.append((b"link", f'<{version_prefix(self.successor)}>; rel="successor-version"'.encode()))
        return headers


class Lifecycle:
    """Whether a version still answers, against a clock."""

    def __init__(self, version: ApiVersion) -> None:
        self._sunset = None if version.sunset is None else version.sunset.timestamp()
        self._version = version

    def check(self, now: float) -> None:
        """Refuse once the sunset has passed; `now` is in seconds since the epoch.

        Raises:
            Gone: the version is no longer served.
        """
        if self._sunset is not None and now >= self._sunset:
            successor = self._version.successor
            detail = f"Version {self._version.major} of this API has ended."
            if successor is not None:
                detail += f" Use {version_prefix(successor)}."
            raise Gone(detail)

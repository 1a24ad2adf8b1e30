"""Conditional requests (RFC 9110, section 13): strong entity tags, `If-Match` and `If-None-Match`."""

import re
from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import Request

from arnia.errors import MalformedRequest, PreconditionFailed, PreconditionRequired

__all__ = ["Precondition", "Preconditions", "check_read", "matches_none", "opaque", "row_etag"]

_TAGS: Final = re.compile(r'\s*(?:(W/)?"([\x21\x23-\x7e]*)"\s*(?:,\s*|$))+')
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def row_etag(version: int, created_at: datetime) -> str:
    """Return the opaque tag of a row's state; a row deleted and made anew never repeats an earlier one."""
    number, digits = int(created_at.timestamp() * 1_000_000), ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return f"{version}-{digits or '0'}"


class Preconditions:
    """What a caller insists on before a write; `*` stands for any current state."""

    def __init__(self, if_match: str | None, if_none_match: str | None) -> None:
        self._if_match = None if if_match is None else _parse("If-Match", if_match)
        self._if_none_match = None if if_none_match is None else _parse("If-None-Match", if_none_match)

    @property
    def stated(self) -> bool:
        """Whether the caller stated any precondition."""
        return self._if_match is not None or self._if_none_match is not None

    def check(self, etag: str | None) -> None:
        """Hold the resource's current tag, or None where it does not exist, against what was asked.

        Raises:
            PreconditionFailed: the state is not the one that the caller insists on.
        """
        self.check_match(etag)
        self.check_none_match(etag)

    def check_match(self, etag: str | None) -> None:
        """As `check`, for If-Match alone.

        Raises:
            PreconditionFailed: the state is not one that the caller names.
        """
        if self._if_match is not None and not _strongly_in(etag, self._if_match):
            detail = "The resource is not, or no longer, in the version that If-Match names: read it again."
            raise PreconditionFailed(detail)

    def check_none_match(self, etag: str | None) -> None:
        """As `check`, for If-None-Match alone.

        Raises:
            PreconditionFailed: the state is one that the caller excludes.
        """
        if self._if_none_match is not None and _in(etag, self._if_none_match):
            detail = "The resource exists in a version that If-None-Match excludes."
            raise PreconditionFailed(detail)

    def require(self) -> None:
        """Insist that the caller stated a precondition.

        Raises:
            PreconditionRequired: it did not.
        """
        if not self.stated:
            detail = "Send If-Match with the ETag of the version that you mean to change."
            raise PreconditionRequired(detail)


def matches_none(if_none_match: str, etag: str) -> bool:
    """Tell whether a reader that holds the tags in `if_none_match` already has the state `etag` (weak comparison)."""
    return _in(etag, _parse("If-None-Match", if_none_match))


def check_read(if_match: str | None, etag: str | None) -> None:
    """Hold an answer that would be sent, with its ETag field if it has one, against what a reader insists on.

    Raises:
        PreconditionFailed: it is of another state than the reader names; `*` is met by whatever there is.
    """
    if if_match is None or if_match.strip() == "*":
        return
    weak = etag is not None and etag.startswith("W/")
    Preconditions(if_match, None).check_match(None if etag is None or weak else opaque(etag))


def opaque(etag: str) -> str:
    """Return the part of an ETag field that is compared."""
    return etag.removeprefix("W/").strip('"')


def _strongly_in(etag: str | None, tags: tuple[tuple[bool, str], ...]) -> bool:
    return etag is not None and any(tag == "*" or (tag == etag and not weak) for weak, tag in tags)


def _in(etag: str | None, tags: tuple[tuple[bool, str], ...]) -> bool:
    return etag is not None and any(tag in ("*", etag) for _, tag in tags)


def _parse(header: str, value: str) -> tuple[tuple[bool, str], ...]:
    if value.strip() == "*":
        return ((False, "*"),)
    if len(value) > 4096 or not _TAGS.fullmatch(value):
        detail = f'{header} must be * or a list of entity tags such as "1-abc".'
        raise MalformedRequest(detail)
    return tuple((bool(weak), tag) for weak, tag in _TAG.findall(value))


async def stated(request: Request) -> Preconditions:
    """Return what the caller of `request` insists on."""
    return Preconditions(_field(request, "if-match"), _field(request, "if-none-match"))


def _field(request: Request, name: str) -> str | None:
    lines = request.headers.getlist(name)
    return ", ".join(lines) if lines else None


Precondition = Annotated[Preconditions, Depends(stated)]

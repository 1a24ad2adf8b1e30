"""The claims of a token whose signature was verified: each is read in one place and one form, or the token is refused.

RFC 9068 has the client at `client_id`, the scopes at `scope` and leaves open where roles are. Other issuers have places
of their own for all three, which the settings of a service name; nothing is looked for anywhere else then.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import JsonValue

__all__ = ["Claims", "Places", "Refusal", "read_client", "read_moment", "read_name", "read_roles", "read_scopes"]

Claims: TypeAlias = dict[str, JsonValue]

MAX_NAME: Final = 255
"""Longest subject, client, key id or token id, in characters."""
LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: what lies beyond is no date."""
PLACE: Final = r"^([^\s./:]+(\.[^\s./:]+)*|\S*[:/]\S*)?$"
"""How a setting says where a claim is."""

_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_EITHER_CLIENT: Final = ("client_id", "azp")
_EITHER_SCOPES: Final = ("scope", "scp")


class Refusal(Exception):
    """A token is not believed.

    Attributes:
        reason: One word for metrics, from a fixed list; the caller is told nothing more than that it was refused.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where an issuer writes what a service wants to know.

    Each is the name of a claim, or names with dots between them, from claim to member (`realm_access.roles`). A name
    with a colon or a slash is one name, dots and all (`https://shop.example/roles`; RFC 7519, 4.2).

    Attributes:
        roles: Of the user.
        scopes: Empty where RFC 9068 has them, or where its absence is made up for (`either`).
        client: Likewise.
    """

    roles: str = "roles"
    scopes: str = ""
    client: str = ""


def read_client(claims: Claims, place: str, *, either: bool) -> str:
    """Return the client.

    Args:
        claims: Of the token.
        place: Where it is; empty for `client_id`.
        either: Whether `azp` will do where no place is said; where a token has both, they agree.

    Raises:
        Refusal: it is not said, or in two ways.
    """
    if place:
        return _named(_at(claims, place))
    named = {read_name(claims, claim) for claim in _EITHER_CLIENT[: 2 if either else 1] if claim in claims}
    if len(named) != 1:
        raise Refusal("claims")
    return named.pop()


def read_scopes(claims: Claims, place: str, *, either: bool) -> frozenset[str]:
    """Return the scopes, from a text or, at a place that was said or at `scp`, from a list.

    Args:
        claims: Of the token.
        place: Where they are; empty for `scope`.
        either: Whether the token must say them, since an ID token does not, and `scp` will do where no place is said.

    Raises:
        Refusal: they are no scopes, or said in two ways.
    """
    if place:
        given = {place: _at(claims, place)}
    else:
        given = {claim: claims[claim] for claim in _EITHER_SCOPES[: 2 if either else 1] if claim in claims}
    found = {_scopes(scopes, listed=claim != "scope") for claim, scopes in given.items() if scopes is not _ABSENT}
    if not found and either:
        raise Refusal("type")
    if len(found) > 1:
        raise Refusal("claims")
    return found.pop() if found else frozenset()


def read_roles(claims: Claims, place: str) -> frozenset[str]:
    """Return the roles, which are a list of texts; none where there is no list.

    Raises:
        Refusal: it is something else.
    """
    given = _at(claims, place)
    if given is _ABSENT:
        return frozenset()
    if not isinstance(given, list):
        raise Refusal("claims")
    roles = [role for role in given if isinstance(role, str) and role]
    if len(roles) != len(given):
        raise Refusal("claims")
    return frozenset(roles)


def read_moment(claims: Mapping[str, JsonValue], name: str) -> int:
    """Return the second since 1970 that the claim `name` says.

    Raises:
        Refusal: it says none.
    """
    given = claims.get(name)
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= LAST_SECOND:
        raise Refusal("claims")
    return given


def read_name(claims: Claims, name: str) -> str:
    """Return the text of the claim `name`.

    Raises:
        Refusal: it is none, or no name.
    """
    return _named(claims.get(name))


class _Absent:
    """What stands for a claim that a token does not have; null is something that it has."""


_ABSENT: Final = _Absent()


def _at(claims: Claims, place: str) -> JsonValue | _Absent:
    found: JsonValue | _Absent = claims
    for name in [place] if ":" in place or "/" in place else place.split("."):
        if not isinstance(found, dict):
            raise Refusal("claims")
        if name not in found:
            return _ABSENT
        found = found[name]
    return found


def _named(given: JsonValue | _Absent) -> str:
    if not isinstance(given, str) or not given or len(given) > MAX_NAME or not given.isprintable():
        raise Refusal("claims")
    return given


def _scopes(given: JsonValue | _Absent, *, listed: bool) -> frozenset[str]:
    if listed and isinstance(given, list):
        given = " ".join(map(_one_scope, given))
    if not isinstance(given, str) or (given and not _SCOPE.fullmatch(given)):
        raise Refusal("claims")
    return frozenset(given.split())


def _one_scope(given: JsonValue) -> str:
    if not isinstance(given, str) or " " in given:
        raise Refusal("claims")
    return given

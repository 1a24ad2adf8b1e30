"""What a policy lets pass."""

import pytest

from arnia.chassis.principals import ANONYMOUS, Principal
from arnia.chassis.security import Policy, allow, challenge
from arnia.errors import Forbidden


def _policy(*scopes: str, roles: tuple[str, ...] = ()) -> Policy:
    policy = allow(*scopes, roles=roles).dependency
    assert isinstance(policy, Policy)
    return policy


def _caller(scopes: str = "", roles: str = "") -> Principal:
    return Principal(subject="alice", client="tests", scopes=frozenset(scopes.split()), roles=frozenset(roles.split()))


@pytest.mark.parametrize(
    ("scopes", "roles", "passes"),
    [("a b", "x", True), ("a b c", "y z", True), ("a", "x", False), ("a b", "", False), ("a b", "z", False)],
)
def test_all_scopes_and_one_role_are_needed(scopes: str, roles: str, passes: bool) -> None:  # noqa: FBT001 - a table
    """A caller passes with every scope and with one of the roles."""
    policy = _policy("a", "b", roles=("x", "y"))
    if passes:
        policy.check(_caller(scopes, roles))
    else:
        with pytest.raises(Forbidden) as refused:
            policy.check(_caller(scopes, roles))
        wanted = 'Bearer error="insufficient_scope", scope="a b"'
        assert refused.value.headers == {"WWW-Authenticate": wanted}


def test_whoever_is_known_passes_where_nothing_else_is_asked() -> None:
    """A policy without scopes and roles is content with a caller who is known."""
    _policy().check(_caller())


@pytest.mark.parametrize("scope", ["", "a b", 'a"', "a\\", "ä", "a\n"])
def test_what_is_no_scope_is_refused_in_the_declaration(scope: str) -> None:
    """A scope that no token could carry is a mistake in the declaration."""
    with pytest.raises(ValueError, match="is no scope"):
        allow(scope)


def test_a_service_calls_of_its_own_accord() -> None:
    """A principal is a service when client and subject are one."""
    assert Principal(subject="scheduler", client="scheduler", scopes=frozenset(), roles=frozenset()).is_service
    assert not _caller().is_service
    assert not ANONYMOUS.is_service


def test_a_challenge_names_no_error_where_no_token_came() -> None:
    """A request without a token is told the scheme and the scopes, and of no error (RFC 6750, 3.1)."""
    assert challenge() == "Bearer"
    assert challenge(("a",)) == 'Bearer scope="a"'
    assert challenge((), "invalid_token") == 'Bearer error="invalid_token"'

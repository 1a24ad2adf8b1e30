"""Entity tags and conditional requests."""

from datetime import UTC, datetime, timedelta

import pytest

from arnia.chassis.preconditions import Preconditions, matches_none, row_etag
from arnia.errors import MalformedRequest, PreconditionFailed, PreconditionRequired

MOMENT = datetime(2026, 11, 22, tzinfo=UTC)


def test_row_made_anew_never_repeats_a_tag() -> None:
    """The same version of a row with the same identity, made later, has another tag."""
    assert row_etag(1, MOMENT) != row_etag(1, MOMENT + timedelta(microseconds=1))
    assert row_etag(1, MOMENT) == row_etag(1, MOMENT)


def test_no_two_states_share_a_tag() -> None:
    """Whatever version of whichever row: another number, or another beginning, is another tag."""
    moments = [MOMENT + timedelta(microseconds=1) * 7**power for power in range(16)]
    tags = {row_etag(version, moment) for version in (*range(1, 300), 2**31, 2**63 - 1) for moment in moments}
    assert len(tags) == 301 * 16


@pytest.mark.parametrize("value", ['"1-a"', '"x", "1-a"', "*", ' "x" , "1-a" '])
def test_if_match_admits_the_current_state(value: str) -> None:
    """The current strong tag, anywhere in the list, or a star."""
    Preconditions(value, None).check("1-a")


@pytest.mark.parametrize("value", ['"1-b"', 'W/"1-a"', '"x","y"'])
def test_if_match_excludes_other_states_and_weak_tags(value: str) -> None:
    """Another tag, or a weak one, is not the current state."""
    with pytest.raises(PreconditionFailed):
        Preconditions(value, None).check("1-a")


@pytest.mark.parametrize("value", ['"1-a"', "*"])
def test_if_match_fails_where_nothing_exists(value: str) -> None:
    """What does not exist matches nothing, not even a star."""
    with pytest.raises(PreconditionFailed):
        Preconditions(value, None).check(None)


def test_if_none_match_star_creates_only() -> None:
    """A star passes where nothing exists and fails where something does."""
    Preconditions(None, "*").check(None)
    with pytest.raises(PreconditionFailed):
        Preconditions(None, "*").check("1-a")


@pytest.mark.parametrize("value", ["1-a", '"1-a', '"a" "b"', '"a",,"b"', "", "W/", '"\x7f"', '"a"' + ',"a"' * 2000])
def test_ill_formed_tags_are_refused(value: str) -> None:
    """A header that is no list of entity tags is malformed, however long, and quickly so."""
    with pytest.raises(MalformedRequest):
        Preconditions(value, None)


def test_reader_that_has_the_state_is_recognised_weakly() -> None:
    """For a read, weak and strong tags compare alike."""
    assert matches_none('W/"1-a"', "1-a")
    assert matches_none("*", "1-a")
    assert not matches_none('"1-b"', "1-a")


def test_require_insists_on_any_precondition() -> None:
    """Either header will do; none will not."""
    Preconditions('"1-a"', None).require()
    Preconditions(None, "*").require()
    with pytest.raises(PreconditionRequired):
        Preconditions(None, None).require()

"""Cursors: opaque, signed, bound to filter and sort."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arnia.chassis.cursors import CollectionQuery, Cursors, Position
from arnia.errors import InvalidContent

KEY = b"k" * 16


class Query(CollectionQuery):
    """A collection with one filter."""

    status: str | None = None


def following(query: Query, position: Position, cursors: Cursors | None = None) -> Query:
    """Return the query that a page's `next` link asks."""
    href = (cursors or Cursors(KEY, "/things")).links(query, position)["next"].href
    asked = {name: values[0] for name, values in parse_qs(urlsplit(href).query).items()}
    return Query.model_validate_strings(asked)


@given(
    st.lists(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20), min_size=1, max_size=4)
)
def test_position_survives_the_way_through_a_link(values: list[str | int | bool | None]) -> None:
    """What the last page ended with is where the next one begins."""
    try:
        "".join(value for value in values if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return
    asked = following(Query(limit=5, status="new"), tuple(values))
    assert Cursors(KEY, "/things").position(asked) == tuple(values)
    assert (asked.limit, asked.status) == (5, "new")


def test_first_page_has_no_position_and_the_last_no_next() -> None:
    """Without a cursor a page is the first; without rows left it is the last."""
    cursors = Cursors(KEY, "/things")
    assert cursors.position(Query()) is None
    assert set(cursors.links(Query(), None)) == {"self", "first"}


@pytest.mark.parametrize("change", [{"status": "old"}, {"sort": "-created_at"}])
def test_cursor_is_bound_to_filter_and_sort(change: dict[str, str]) -> None:
    """A cursor of one filter or sort is not one of another."""
    with pytest.raises(InvalidContent):
        Cursors(KEY, "/things").position(following(Query(status="new"), ("x", "1")).model_copy(update=change))


def test_cursor_is_bound_to_collection_and_key() -> None:
    """Another collection's cursor, or one of another key, is refused."""
    asked = following(Query(), ("x", "1"))
    for stranger in (Cursors(KEY, "/others"), Cursors(b"o" * 16, "/things")):
        with pytest.raises(InvalidContent):
            stranger.position(asked)


def test_limit_may_change_between_pages() -> None:
    """The size of a page is not part of what a cursor is bound to."""
    asked = following(Query(limit=5), ("x", "1")).model_copy(update={"limit": 7})
    assert Cursors(KEY, "/things").position(asked) == ("x", "1")


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "A" * 1000, base64.urlsafe_b64encode(b"0" * 16 + b"[1]").decode(), "é", "\ud800"]
)
def test_made_up_cursor_is_refused_by_name(cursor: str) -> None:
    """Whatever was not made here is a violation of the parameter `cursor`."""
    with pytest.raises(InvalidContent) as refused:
        Cursors(KEY, "/things").position(Query.model_construct(limit=1, cursor=cursor, sort="created_at"))
    assert refused.value.violations[0].parameter == "cursor"


@given(st.integers(0, 200), st.integers(1, 255))
def test_any_changed_byte_is_noticed(index: int, mask: int) -> None:
    """No byte of a cursor can be changed."""
    cursor = following(Query(), ("2026-11-22T00:00:00Z", "0192d3a4")).cursor or ""
    sealed = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    sealed[index % len(sealed)] ^= mask
    changed = base64.urlsafe_b64encode(bytes(sealed)).rstrip(b"=").decode()
    with pytest.raises(InvalidContent):
        Cursors(KEY, "/things").position(Query(cursor=changed))


def test_a_cursor_belongs_to_its_caller() -> None:
    """What one caller was given leads nobody else on."""
    asked = following(Query(), ("a", 1), Cursors(KEY, "/things", "alice"))
    assert Cursors(KEY, "/things", "alice").position(asked) == ("a", 1)
    with pytest.raises(InvalidContent):
        Cursors(KEY, "/things", "mallory").position(asked)

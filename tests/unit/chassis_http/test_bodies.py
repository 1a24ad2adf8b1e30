"""Strict JSON, media types and bounded reading."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arnia.chassis.bodies import MAX_DEPTH, media_type, parse_json, read_body
from arnia.errors import ContentTooLarge, MalformedRequest, UnsupportedMediaType

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_any_writer_writes_is_read_unchanged(document: Any) -> None:
    """Every JSON value survives, whether its writer escaped characters or not."""
    assert parse_json(json.dumps(document).encode()) == document
    assert parse_json(json.dumps(document, ensure_ascii=False).encode()) == document


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e999",
        b"-1e999",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"\\u0062":2}}',
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'"\\ud800"',
        b'["\\udfff"]',
        b'{"\\ud800x":1}',
        b'"\\ud800\\ud800"',
        b"\xff",
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b"\xef\xbb\xbf{}",
        b'{"a":1}x',
        b"{",
        b"[1,]",
        b"{'a':1}",
        b"\x00{}",
        b"[" * 65 + b"]" * 65,
        b'{"a":' * 65 + b"1" + b"}" * 65,
        b"9" * 5000,
        b"tru",
        b"",
        b" ",
        b'"\n"',
        b"01",
    ],
)
def test_what_two_readers_may_understand_differently_is_refused(raw: bytes) -> None:
    """Each form that is no I-JSON ends as a malformed request."""
    with pytest.raises(MalformedRequest):
        parse_json(raw)


def test_brackets_inside_strings_are_no_depth() -> None:
    """Only real nesting counts: 64 levels pass, and any number of brackets in a string."""
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse_json(json.dumps(['[{\\"' * 200]).encode()) == ['[{\\"' * 200]


def test_escaped_backslash_before_u_is_text() -> None:
    """A backslash that is itself escaped begins no escape."""
    assert parse_json(rb'"\\u0000"') == "\\u0000"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, ""),
        (b"Application/JSON", "application/json"),
        (b"application/json; charset=UTF-8", "application/json"),
        (b'application/json;charset="utf-8"', "application/json"),
        (b"text/plain; a=b", "text/plain"),
    ],
)
def test_media_type_is_compared_without_case_and_parameters(header: bytes | None, expected: str) -> None:
    """The media type is what stands before the parameters, in lower case."""
    assert media_type(header) == expected


def test_other_character_set_is_unsupported() -> None:
    """JSON travels in UTF-8 only."""
    with pytest.raises(UnsupportedMediaType):
        media_type(b"application/json; charset=latin-1")


class Chunks:
    """A client that sends its body in pieces and counts how many were asked for."""

    def __init__(self, *pieces: bytes, leaves: bool = False) -> None:
        self.asked = 0
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": leaves or index + 1 < len(pieces)}
            for index, piece in enumerate(pieces)
        ]

    async def __call__(self) -> dict[str, Any]:
        """Return the next piece, or the news that the client left."""
        self.asked += 1
        return self._messages.pop(0) if self._messages else {"type": "http.disconnect"}


async def test_body_in_pieces_is_joined() -> None:
    """Pieces arrive as one body."""
    assert await read_body(Chunks(b"ab", b"", b"c"), None, 3) == b"abc"


async def test_declared_size_beyond_the_limit_is_refused_unread() -> None:
    """Nothing is read of a body that says it is too large."""
    client = Chunks(b"abcd")
    with pytest.raises(ContentTooLarge):
        await read_body(client, b"4", 3)
    assert client.asked == 0


async def test_undeclared_size_is_cut_at_the_limit() -> None:
    """A body without a length is read no further than the limit."""
    client = Chunks(b"ab", b"cd", b"ef", b"gh")
    with pytest.raises(ContentTooLarge):
        await read_body(client, None, 3)
    assert client.asked == 2


async def test_client_that_leaves_half_way_is_malformed() -> None:
    """Half a body is never handled as a whole one."""
    with pytest.raises(MalformedRequest):
        await read_body(Chunks(b"ab", leaves=True), None, 30)


async def test_client_that_leaves_before_its_body_is_malformed() -> None:
    """A body that never came is not an empty one: a route whose body is optional must not act on it."""
    with pytest.raises(MalformedRequest):
        await read_body(Chunks(leaves=True), b"30", 30)


def seconds_to_refuse(raw: bytes) -> float:
    """Return the least CPU time of several tries."""
    tries = []
    for _ in range(5):
        started = time.process_time()
        with pytest.raises(MalformedRequest):
            parse_json(raw)
        tries.append(time.process_time() - started)
    return min(tries)


def test_depth_of_an_endless_string_is_measured_in_one_pass() -> None:
    """Eight times as many escaped quotes without an end take no 64 times as long: a megabyte of them took hours."""
    opening = b"[" * (MAX_DEPTH + 1) + b'"'
    few, many = (seconds_to_refuse(b"[]," * MAX_DEPTH + opening[1:] + b'\\"' * count) for count in (4_000, 32_000))
    assert many < 30 * few


@pytest.mark.parametrize("declared", [b"1", b"3"])
async def test_body_of_another_length_than_declared_is_malformed(declared: bytes) -> None:
    """What a server cut off, as it does after an offer to upgrade, is not taken for the whole."""
    with pytest.raises(MalformedRequest):
        await read_body(Chunks(b"ab"), declared, 30)
    assert await read_body(Chunks(b"ab"), b"2", 30) == b"ab"

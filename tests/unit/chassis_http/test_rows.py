"""Bodies of many rows: arrays and lines are judged row by row, and lines are never held."""

import json
from collections.abc import Sequence

import pytest
from pydantic import Field, JsonValue
from starlette.types import Message

from arnia.chassis.bodies import JsonRequest
from arnia.chassis.rows import LONGEST_LINE, Rows
from arnia.chassis.schemas import Body
from arnia.errors import ContentTooLarge, InvalidContent, MalformedRequest, ServiceError

GOOD: dict[str, JsonValue] = {"grams": 1}


class Parcel(Body):
    """One row."""

    grams: int = Field(gt=0)


def array(document: JsonValue, most: int = 100) -> Rows[Parcel]:
    scope = {"type": "http", "headers": [(b"content-type", b"application/json")]}
    return Rows(JsonRequest(scope, nothing, json.dumps(document).encode(), document), Parcel, most)


async def nothing() -> Message:
    raise NotImplementedError


class Stream:
    """A body that comes in pieces, and counts how many were asked for."""

    def __init__(self, pieces: Sequence[bytes], most: int = 100) -> None:
        self._pieces = list(pieces)
        self.asked = 0
        scope = {"type": "http", "headers": [(b"content-type", b"application/x-ndjson")]}
        self.rows = Rows(JsonRequest(scope, self.receive, b"", None), Parcel, most)

    async def receive(self) -> Message:
        self.asked += 1
        piece = self._pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self._pieces)}


async def grams(rows: Rows[Parcel], size: int) -> list[list[int]]:
    return [[row.grams for row in chunk] async for chunk in rows.chunks(size)]


async def test_an_array_is_given_in_chunks() -> None:
    """All rows come in their order, so many at a time."""
    assert await grams(array([{"grams": number} for number in range(1, 6)]), 2) == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([GOOD, {"grams": 0}], "#/1/grams"),
        ([GOOD, {}], "#/1/grams"),
        ([{"grams": 1, "owner": "me"}], "#/0/owner"),
        ([], "#"),
        ({}, "#"),
        (None, "#"),
        ([GOOD] * 101, "#"),
    ],
)
async def test_an_array_is_taken_whole_or_not(document: JsonValue, pointer: str) -> None:
    """One bad row, or none, or too many, refuse the array before the first chunk, and are pointed at."""
    rows = array(document)
    with pytest.raises(InvalidContent) as refused:
        await grams(rows, 1)
    assert rows.given == 0
    assert [each.pointer for each in refused.value.violations] == [pointer]


async def test_lines_are_given_as_they_come() -> None:
    """Lines may be cut anywhere; a chunk is given before the rest is asked for, and the last line needs no end."""
    text = "".join(f'{{"grams": {number}}}\n' for number in range(1, 7)).rstrip()
    stream = Stream([text[start : start + 20].encode() for start in range(0, len(text), 20)])
    asked = [stream.asked async for _ in stream.rows.chunks(2)]
    assert stream.rows.given == 6
    assert asked == sorted(asked)
    assert asked[0] < stream.asked


@pytest.mark.parametrize(
    ("line", "refusal", "says"),
    [
        (b'{"grams": 0}', InvalidContent, "#/3/grams"),
        (b'{"grams": 1, "grams": 1}', MalformedRequest, "Line 4"),
        (b'{"grams": NaN}', MalformedRequest, "Line 4"),
        (b"", MalformedRequest, "Line 4"),
        (b"x" * (LONGEST_LINE + 1), ContentTooLarge, "bytes"),
    ],
)
async def test_a_bad_line_ends_the_stream(line: bytes, refusal: type[ServiceError], says: str) -> None:
    """What came in whole chunks before it was given; the refusal says where it is, and nothing after it is taken."""
    stream = Stream([b'{"grams": 1}\n' * 3 + line + b"\n" + b'{"grams": 5}\n'])
    with pytest.raises(refusal) as refused:
        await grams(stream.rows, 2)
    assert stream.rows.given == 2
    told = [str(each.pointer) for each in getattr(refused.value, "violations", ())]
    assert says in " ".join([*told, refused.value.detail])


async def test_too_many_lines_are_refused() -> None:
    """Of more lines than there may be, the allowed ones are given and the next is a 413."""
    stream = Stream([b'{"grams": 1}\n' * 5], most=4)
    with pytest.raises(ContentTooLarge):
        await grams(stream.rows, 2)
    assert stream.rows.given == 4


async def test_no_line_at_all_is_refused() -> None:
    """An empty stream is a 422."""
    with pytest.raises(InvalidContent):
        await grams(Stream([b""]).rows, 2)

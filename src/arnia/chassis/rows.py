"""A body of many rows, as one JSON array or as a stream of lines (NDJSON), validated row by row.

```python
@router.post("", status_code=202, openapi_extra=rows_body(PositionBody, most=10_000))
async def record(rows: Annotated[Rows[PositionBody], Depends(Rows.of(PositionBody, most=10_000))]) -> ...:
    async for chunk in rows.chunks(500):
        ...
```

An array is judged as a whole before the first chunk is given. A stream is read as it comes and never held: each chunk
is judged when it is there, and what is wrong further on is found after the earlier chunks were dealt with. Its faults
point to a row by its place, as in an array: `#/0` is the first line.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from types import GenericAlias
from typing import Any, Final, Generic, TypeVar, cast

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from arnia.chassis.bodies import media_type, parse_json
from arnia.chassis.patches import inlined_schema
from arnia.chassis.problems import MOST_VIOLATIONS, pointer, violations
from arnia.conventions import NDJSON_MEDIA_TYPE
from arnia.errors import ContentTooLarge, InvalidContent, MalformedRequest, Violation

__all__ = ["Rows", "rows_body"]

M = TypeVar("M", bound=BaseModel)

LONGEST_LINE: Final = 65_536
"""Bytes of one line of a stream."""
EMPTY: Final = "There is not a single row."


class Rows(Generic[M]):
    """The rows of a request.

    Attributes:
        given: How many rows were given in chunks; all of them are good.
    """

    def __init__(self, request: Request, model: type[M], most: int) -> None:
        self._request = request
        self._rows: TypeAdapter[list[M]] = TypeAdapter(cast("type[list[M]]", GenericAlias(list, (model,))))
        self._most = most
        self.given = 0

    @classmethod
    def of(cls, model: type[M], *, most: int) -> Callable[[Request], Coroutine[Any, Any, "Rows[M]"]]:
        """Return a dependency that gives the rows of a request, each a `model`, `most` of them at most."""

        async def rows(request: Request) -> Rows[M]:
            return cls(request, model, most)

        return rows

    async def chunks(self, size: int) -> AsyncIterator[list[M]]:
        """Yield all rows in their order, `size` at a time.

        Raises:
            ContentTooLarge: There are more rows than there may be, or a line is too long; the earlier ones were given.
            InvalidContent: A row is no such model; in an array none was given then, of a stream no later one is.
            MalformedRequest: A line is not JSON.
        """
        if media_type(self._request.headers.get("content-type", "").encode("latin-1")) == NDJSON_MEDIA_TYPE:
            async for rows in self._stream(size):
                yield rows
            return
        whole = self._whole(await self._request.json())
        for start in range(0, len(whole), size):
            self.given += len(whole[start : start + size])
            yield whole[start : start + size]

    def _whole(self, document: JsonValue) -> list[M]:
        if isinstance(document, list) and len(document) > self._most:
            raise _refused(f"There are more than {self._most} rows.", "too-long")
        if document == []:
            raise _refused(EMPTY, "too-short")
        return self._judge(document, 0)

    async def _stream(self, size: int) -> AsyncIterator[list[M]]:
        documents: list[JsonValue] = []
        async for line in self._lines():
            place = self.given + len(documents)
            if place >= self._most:
                detail = f"There are more than {self._most} rows; those were taken."
                raise ContentTooLarge(detail, headers={"Connection": "close"})
            documents.append(_document(line, place))
            if len(documents) == size:
                yield self._take(documents)
                documents = []
        if documents:
            yield self._take(documents)
        elif not self.given:
            raise _refused(EMPTY, "too-short")

    def _take(self, documents: list[JsonValue]) -> list[M]:
        rows = self._judge(documents, self.given)
        self.given += len(rows)
        return rows

    async def _lines(self) -> AsyncIterator[bytes]:
        rest = b""
        async for part in self._request.stream():
            *whole, rest = (rest + part).split(b"\n")
            for line in whole:
                yield line
            if len(rest) > LONGEST_LINE:
                detail = f"A line may have at most {LONGEST_LINE} bytes."
                raise ContentTooLarge(detail, headers={"Connection": "close"})
        if rest:
            yield rest

    def _judge(self, documents: JsonValue, first: int) -> list[M]:
        try:
            return self._rows.validate_python(documents)
        except ValidationError as error:
            details = [_moved(detail, first) for detail in error.errors(include_url=False, include_input=False)]
            found = violations(details[:MOST_VIOLATIONS], in_body=True)
            detail = f"{len(details)} values of rows are not valid." + _earlier(first)
            raise InvalidContent(detail, violations=found) from None


def rows_body(model: type[BaseModel], *, most: int, example: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Return what a route adds to its description (`openapi_extra`) when it reads rows of `model`, `most` at most."""
    array = {"type": "array", "minItems": 1, "maxItems": most, "items": inlined_schema(model)}
    content = {
        "application/json": {"schema": array, "example": [dict(example)]},
        NDJSON_MEDIA_TYPE: {"schema": {"type": "string", "description": "One such row in each line."}},
    }
    return {"requestBody": {"required": True, "content": content}}


def _document(line: bytes, place: int) -> JsonValue:
    if len(line) > LONGEST_LINE:
        detail = f"A line may have at most {LONGEST_LINE} bytes."
        raise ContentTooLarge(detail, headers={"Connection": "close"})
    try:
        return parse_json(line)
    except MalformedRequest as error:
        detail = f"Line {place + 1}: {error.detail.replace('The body', 'it')}" + _earlier(place)
        raise MalformedRequest(detail, headers=error.headers) from None


def _moved(detail: ErrorDetails, first: int) -> ErrorDetails:
    match detail["loc"]:
        case (int(place), *path):
            return {**detail, "loc": (place + first, *path)}
        case _:
            return detail


def _earlier(place: int) -> str:
    return " Rows before them may have been taken: send all again." if place else ""


def _refused(detail: str, code: str) -> InvalidContent:
    return InvalidContent(detail, violations=[Violation(detail=detail, code=code, pointer=pointer())])

"""Reading request bodies: bounded, of a known media type, and strict JSON.

Strict means I-JSON (RFC 7493) and more: no NaN or infinity, no duplicate member, no lone surrogate, no U+0000, no
nesting deeper than 64. Everything else is refused with a 4xx before a model sees it.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Final, NoReturn

from pydantic import JsonValue
from starlette.requests import Request
from starlette.types import Message, Receive, Scope
from typing_extensions import override

from arnia.errors import ContentTooLarge, MalformedRequest, UnsupportedMediaType

__all__ = ["MAX_DEPTH", "JsonRequest", "media_type", "parse_json", "read_body"]

MAX_DEPTH: Final = 64
MAX_LENGTH_DIGITS: Final = 18

_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
"""Takes a string without an end too: a pattern that had to give it up would try again at each quote in it."""


class JsonRequest(Request):
    """A request whose body was read and parsed before FastAPI sees it."""

    def __init__(self, scope: Scope, receive: Receive, raw: bytes, document: JsonValue) -> None:
        super().__init__(scope, receive)
        self._raw = raw
        if raw:
            self._body = raw  # what was read already is what `stream` gives
        self._document = document

    @override
    async def body(self) -> bytes:
        """Return the bytes that were sent."""
        return self._raw

    @override
    async def json(self) -> JsonValue:
        """Return the parsed body."""
        return self._document


async def read_body(receive: Receive, declared: bytes | None, limit: int) -> bytes:
    """Read the whole body, at most `limit` bytes; a longer declared one is refused unread.

    A server that took the request for the start of another protocol gives less than was declared, and says nothing.

    Raises:
        ContentTooLarge: more than `limit` bytes were declared or sent.
        MalformedRequest: the client went away before it had sent all, or declared another length or none that could
            be one.
    """
    length = None if declared is None else _declared(declared)
    if length is not None and length > limit:
        raise _too_large(limit)
    message = await receive()
    _refuse_farewell(message)
    raw: bytes = message.get("body", b"")
    if message.get("more_body", False):
        chunks = [raw]
        size = len(raw)
        while message.get("more_body", False):
            message = await receive()
            _refuse_farewell(message)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise _too_large(limit)
        raw = b"".join(chunks)
    if len(raw) > limit:
        raise _too_large(limit)
    if length is not None and len(raw) != length:
        detail = "The body has not the length that Content-Length declares."
        raise MalformedRequest(detail, headers={"Connection": "close"})
    return raw


def _refuse_farewell(message: Message) -> None:
    if message["type"] == "http.disconnect":
        detail = "The client closed the connection before the whole body had arrived."
        raise MalformedRequest(detail)


def _declared(length: bytes) -> int:
    if not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
        detail = "Content-Length is a whole number of bytes."
        raise MalformedRequest(detail)
    return int(length)


def _too_large(limit: int) -> ContentTooLarge:
    return ContentTooLarge(f"The body may have at most {limit} bytes.", headers={"Connection": "close"})


def media_type(content_type: bytes | None) -> str:
    """Return the media type of a Content-Type header in lower case, without parameters.

    Raises:
        UnsupportedMediaType: the header names a character set other than UTF-8.
    """
    if content_type is None:
        return ""
    name, _, parameters = content_type.decode("latin-1").partition(";")
    if parameters and "charset" in parameters.lower() and not re.search(r'charset="?utf-?8"?', parameters.lower()):
        detail = "The body must be encoded in UTF-8."
        raise UnsupportedMediaType(detail)
    return name.strip().lower()


def parse_json(raw: bytes) -> JsonValue:
    """Parse a JSON text strictly.

    Raises:
        MalformedRequest: it is no JSON, or a form of JSON that two readers may understand differently.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("The body is not UTF-8.")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(text)
    try:
        document: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        _refuse(f"The body is not JSON: line {fault.lineno}, column {fault.colno}.")
    except ValueError:
        _refuse("The body holds a number that is too long.")
    if "\\u" in text:
        _refuse_characters(document)
    return document


def _unique_members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("The body has an object with the same member twice.")
    return members


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        _refuse("The body holds a number that is too large.")
    return number


def _refuse_constant(_: str) -> NoReturn:
    _refuse("The body holds NaN or Infinity, which is not JSON.")


def _refuse_depth(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        mark = found.group()
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                _refuse(f"The body is nested deeper than {MAX_DEPTH} levels.")
        elif mark in "]}":
            depth -= 1


def _refuse_characters(document: JsonValue) -> None:
    for text in _strings(document):
        if "\x00" in text:
            _refuse("The body holds the character U+0000.")
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            _refuse("The body holds half of a surrogate pair.")


def _strings(document: JsonValue) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, list):
        for item in document:
            yield from _strings(item)
    elif isinstance(document, dict):
        for name, item in document.items():
            yield name
            yield from _strings(item)


def _refuse(detail: str) -> NoReturn:
    raise MalformedRequest(detail)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_float=_finite, parse_constant=_refuse_constant
)

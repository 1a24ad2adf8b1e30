"""Forms (`application/x-www-form-urlencoded`) as bodies: read strictly, validated by a Pydantic model.

A handler declares `form: Form[TokenRequest]`. FastAPI's own `Form()` would want a parser of multipart bodies for it.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, NoReturn, TypeVar, get_args, get_origin
from urllib.parse import unquote_to_bytes

from fastapi import Body as FromBody
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, RootModel
from pydantic_core import CoreSchema, core_schema

from arnia.chassis.integers import Bounded
from arnia.chassis.problems import pointer
from arnia.conventions import FORM_MEDIA_TYPE
from arnia.errors import InvalidContent, MalformedRequest, Violation

__all__ = ["Form", "FormBody", "parse_form"]

F = TypeVar("F", bound=BaseModel)

MAX_MEMBERS: Final = 1000

_HALF_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class FormBody(Bounded):
    """What a form brings: frozen, integers of 64 bits, and deaf to members that it does not know (RFC 6749, 3.1)."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, populate_by_name=True)


def parse_form(raw: bytes, repeatable: frozenset[str] = frozenset()) -> dict[str, str | list[str]]:
    """Return the members of a form; one without a value is left out, as if it had not been sent (RFC 6749, 3.1).

    Args:
        raw: The body.
        repeatable: Names of members that may come more than once, and are lists.

    Raises:
        MalformedRequest: It is not UTF-8, holds half an escape or U+0000, or has too many members.
        InvalidContent: A member that is no list was sent more than once.
    """
    if _HALF_ESCAPE.search(raw):
        _refuse("The form has a % that is not followed by two hexadecimal digits.")
    if raw.count(b"&") > MAX_MEMBERS:
        _refuse(f"A form may have at most {MAX_MEMBERS} members.")
    members: dict[str, str | list[str]] = {}
    seen: set[str] = set()
    for part in raw.split(b"&"):
        name, _, value = (_decoded(half) for half in part.partition(b"="))
        if name in seen and name not in repeatable:
            violation = Violation(detail="It was sent more than once.", code="repeated", pointer=pointer(name))
            raise InvalidContent("A member of the form is repeated.", violations=[violation])
        if part:
            seen.add(name)
        if value and name in repeatable:
            members[name] = [*members.get(name, ()), value]
        elif value:
            members[name] = value
    return members


def _decoded(half: bytes) -> str:
    try:
        text = unquote_to_bytes(half.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        _refuse("The form is not UTF-8.")
    if "\x00" in text:
        _refuse("The form holds the character U+0000.")
    return text


def _refuse(detail: str) -> NoReturn:
    raise MalformedRequest(detail)


class _Members:
    """Lets a model be validated from the bytes of a form."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        repeatable = frozenset(_lists(source))
        return core_schema.no_info_before_validator_function(lambda raw: parse_form(raw, repeatable), handler(source))


def _lists(model: Any) -> Iterator[str]:
    """Yield the names of the members that are lists, of a model or of any in a `RootModel` of several."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        for part in get_args(model):
            yield from _lists(part)
    elif issubclass(model, RootModel):
        yield from _lists(model.model_fields["root"].annotation)
    else:
        for name, field in model.model_fields.items():
            if _is_list(field.annotation):
                yield from (name, field.alias or name)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple, set, frozenset) or any(map(_is_list, get_args(annotation)))


Form = Annotated[F, _Members(), FromBody(media_type=FORM_MEDIA_TYPE)]
"""The body of a handler: `form: Form[TokenRequest]`, where the model is a `FormBody`. Several models that one member
tells apart are a `RootModel[Annotated[Password | Refresh, Field(discriminator="grant_type")]]`."""

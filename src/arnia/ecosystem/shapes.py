"""How arguments are written, what a wrong one was meant to be, and how that looks on the page."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

_NUMBER = re.compile(r"v?([0-9]{1,9})")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Shape:
    """How one argument is written; it stands in the annotation of its field.

    Attributes:
        takes: What it takes, in words.
        example: How that looks.
        guess: Returns what a wrong argument was meant to be, None where nobody can tell.
    """

    takes: str
    example: str
    guess: Callable[[object], object]


def items(given: object) -> tuple[object, ...]:
    """Return what is in a collection, or the one thing that should have been in one."""
    if isinstance(given, (str, bytes, BaseModel)) or not isinstance(given, Iterable):
        return (given,)
    return tuple(given)


def _name(given: object) -> str | None:
    """Return a name: itself, or that of a declared value that was given in place of its name."""
    named = getattr(given, "name", None) if isinstance(given, BaseModel) else given
    return named if isinstance(named, str) else None


def guess_names(given: object) -> object:
    """Guess a tuple of names: of one name, or of the things that are called so."""
    names = [_name(item) for item in items(given)]
    return None if None in names else tuple(names)


def guess_numbers(given: object) -> object:
    """Guess a number for each name: 1 where none is given, 2 for `v2`."""
    pairs = given.items() if isinstance(given, Mapping) else [(item, None) for item in items(given)]
    numbers = {_name(key): _guess_number(value) for key, value in pairs}
    return None if None in numbers or None in numbers.values() else numbers


def _guess_number(given: object) -> int | None:
    if given is None:
        return 1
    match = _NUMBER.fullmatch(given) if isinstance(given, str) else None
    return int(match[1]) if match else given if isinstance(given, int) else None


def guess_name(given: object) -> object:
    """Guess a name: that of the thing that is called so."""
    return _name(given)


def guess_nothing(_: object) -> object:
    """Guess nothing: whatever was meant, its writer knows better."""
    return None


TEXT = Shape("a text in quotes", '"..."', guess_nothing)
NAME = Shape("a name in quotes", '"..."', guess_name)
TRUTH = Shape("True or False", "True", guess_nothing)
NUMBER = Shape("a whole number", "1", guess_nothing)
NAMES = Shape("a tuple of names", '("...",)', guess_names)
NUMBERS = Shape("a whole number for each name", '{"...": 1}', guess_numbers)


def write(value: object) -> str:
    """Return `value` as it stands on a page; of a declared value its name only."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{write(key)}: {write(item)}' for key, item in value.items())}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(write, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, BaseModel):
        said = [name for name in ("name", "path") if name in value.model_fields_set]
        parts = [f"{name}={write(getattr(value, name))}" for name in said]
        more = ["..."] if len(value.model_fields_set) > len(said) else []
        return f"{type(value).__name__}({', '.join(parts + more)})"
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}..."

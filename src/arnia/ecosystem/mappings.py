"""Values by name, as declarations hold them: frozen, hashable, and blind to the order they were written in."""

from collections.abc import Iterator, Mapping
from typing import Annotated, TypeVar

from pydantic import AfterValidator, PlainSerializer
from typing_extensions import override

from arnia.ecosystem.shapes import NUMBERS, Shape, items

Value = TypeVar("Value", bound=int | str)


class ByName(Mapping[str, Value]):
    """A frozen, hashable mapping from names to values, sorted by name."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, Value]) -> None:
        self._pairs: tuple[tuple[str, Value], ...] = tuple(sorted(pairs.items()))

    @override
    def __getitem__(self, name: str) -> Value:
        return dict(self._pairs)[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    @override
    def __len__(self) -> int:
        return len(self._pairs)

    @override
    def __hash__(self) -> int:
        return hash(self._pairs)

    @override
    def __repr__(self) -> str:
        return repr(dict(self._pairs))


def _guess_texts(given: object) -> object:
    """Guess a text for each name: of numbers their digits, and of lines such as `A=b` both halves."""
    if isinstance(given, Mapping):
        pairs = {name: str(text) if isinstance(text, int) else text for name, text in given.items()}
    else:
        lines = [item.partition("=") for item in items(given) if isinstance(item, str)]
        pairs = {name: text if sign else None for name, sign, text in lines}
        pairs |= {} if len(lines) == len(items(given)) else {"": None}
    return pairs if all(isinstance(part, str) for pair in pairs.items() for part in pair) else None


NumberOf = Annotated[
    Mapping[str, int], AfterValidator(ByName[int]), PlainSerializer(dict, return_type=dict[str, int]), NUMBERS
]
TextOf = Annotated[
    Mapping[str, str],
    AfterValidator(ByName[str]),
    PlainSerializer(dict, return_type=dict[str, str]),
    Shape("a text for each name", '{"...": "..."}', _guess_texts),
]

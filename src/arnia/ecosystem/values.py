"""What every declared value has in common: frozen, keyword-only, and blind to the order it was written in."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, ValidationError
from typing_extensions import override

from arnia.errors import DeclarationError


class Declared(BaseModel):
    """A frozen value of a declaration.

    Raises:
        DeclarationError: An argument is unknown, missing or of the wrong type; every such fault at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, **arguments: object) -> None:
        try:
            super().__init__(**arguments)
        except ValidationError as error:
            raise DeclarationError(_sentences(type(self).__name__, arguments, error)) from None


class Numbers(Mapping[str, int]):
    """A frozen, hashable mapping from names to whole numbers, sorted by name."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Mapping[str, int]) -> None:
        self._pairs = tuple(sorted(pairs.items()))

    @override
    def __getitem__(self, name: str) -> int:
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


def _sorted_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


Names = Annotated[tuple[str, ...], AfterValidator(_sorted_names)]
NumberOf = Annotated[Mapping[str, int], AfterValidator(Numbers), PlainSerializer(dict, return_type=dict[str, int])]


def _sentences(kind: str, arguments: Mapping[str, object], error: ValidationError) -> list[str]:
    name = arguments.get("name", arguments.get("path"))
    thing = f"{kind} {name!r}" if isinstance(name, str) else kind
    return [
        f"{thing}: `{'.'.join(str(part) for part in fault['loc'])}`: {_advice(fault['type'], fault['msg'])}."
        for fault in error.errors()
    ]


def _advice(kind: str, message: str) -> str:
    known = {
        "extra_forbidden": "there is no such argument: correct its spelling or remove it",
        "missing": "this argument is missing: add it",
        "tuple_type": 'this takes a tuple: write `("one",)` with a comma, not `"one"`',
    }
    return known.get(kind, f"{message[:1].lower()}{message[1:]}")

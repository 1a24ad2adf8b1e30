"""What every declared value has in common: frozen, keyword-only, and blind to the order it was written in."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, ValidationError
from typing_extensions import override

from arnia.ecosystem.arguments import Arguments
from arnia.ecosystem.collection import tell
from arnia.ecosystem.shapes import NAMES, NUMBERS


class Declared(BaseModel):
    """A frozen value of a declaration.

    Raises:
        DeclarationError: An argument is unknown, missing, without a name or of the wrong type; every such fault at
            once. While a page is read (`collecting`) nothing is raised: the value becomes what was probably meant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, *unnamed: object, **given: object) -> None:
        arguments = Arguments(type(self), unnamed, given)
        while not self._accepts(arguments):
            pass
        tell([*arguments.faults, *self._find_faults()])

    def _accepts(self, arguments: Arguments) -> bool:
        try:
            super().__init__(**arguments.given)
        except ValidationError as error:
            arguments.mend(error)
            return False
        return True

    def _find_faults(self) -> Sequence[str]:
        """Return what is wrong with the value though each of its arguments is right."""
        return ()


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


Names = Annotated[tuple[str, ...], AfterValidator(_sorted_names), NAMES]
NumberOf = Annotated[
    Mapping[str, int], AfterValidator(Numbers), PlainSerializer(dict, return_type=dict[str, int]), NUMBERS
]

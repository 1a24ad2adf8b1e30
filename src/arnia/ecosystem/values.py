"""What every declared value has in common: frozen, keyword-only, and blind to the order it was written in."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from arnia.ecosystem.arguments import Arguments
from arnia.ecosystem.collection import tell
from arnia.ecosystem.shapes import NAMES


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


def _sorted_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names))


Names = Annotated[tuple[str, ...], AfterValidator(_sorted_names), NAMES]

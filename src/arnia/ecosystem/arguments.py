"""The arguments of a declared value: what is wrong with them, what to write instead, and what was meant."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from arnia.ecosystem.collection import leave_unread
from arnia.ecosystem.shapes import TEXT, Shape, write

_NAMES = ("name", "path", "url")


class Arguments:
    """The arguments of one value, mended fault by fault.

    Attributes:
        given: By name; what could be understood has been put right.
        faults: One sentence each.
    """

    def __init__(self, kind: type[BaseModel], unnamed: Sequence[object], given: Mapping[str, object]) -> None:
        self._kind = kind
        self._fields = kind.model_fields
        self._advice: list[str] = []
        self._mended: set[str] = set()  # once each, so that mending ends
        self.given = dict(given)
        for name in [name for name in given if name not in self._fields]:
            self._rename(name)
        for value in unnamed:
            self._find_name(value)

    @property
    def faults(self) -> list[str]:
        """What is wrong, each sentence with the name of the thing."""
        return [f"{self._thing()}: {advice}." for advice in self._advice]

    def mend(self, error: ValidationError) -> None:
        """Put right what `error` complains about: as it was probably meant, or else by leaving it out."""
        complaints: dict[str, list[ErrorDetails]] = {}
        for complaint in error.errors(include_url=False):
            complaints.setdefault(str(complaint["loc"][0]), []).append(complaint)
        for name, about in complaints.items():
            shape = _shape(self._fields[name])
            meant = shape.guess(self.given.get(name))
            if about[0]["type"] == "missing":
                self._advice.append(f"`{name}` is missing: add `{name}={shape.example}`")
                self._leave_out(name)
            elif meant is not None and name not in self._mended:
                self._mended.add(name)
                self._advice.append(f"`{name}` takes {shape.takes}: write `{name}={write(meant)}`")
                self.given[name] = meant
            else:
                self._leave_parts_out(name, about)

    def _rename(self, name: str) -> None:
        value = self.given.pop(name)
        free = [field for field in self._fields if field not in self.given]
        close = get_close_matches(name, free, n=1)
        if close:
            self._advice.append(f"there is no argument `{name}`: write `{close[0]}`")
            self.given[close[0]] = value
        else:
            self._advice.append(f"there is no argument `{name}`: remove it, or use one of {self._choices()}")

    def _find_name(self, value: object) -> None:
        free = [name for name, field in self._fields.items() if name not in self.given and field.is_required()]
        if free:
            self._advice.append(f"every argument has a name: write `{free[0]}={write(value)}`")
            self.given[free[0]] = value
        else:
            self._advice.append(f"{write(value)} has no name: put one of {self._choices()} and a `=` before it")

    def _choices(self) -> str:
        return ", ".join(f"`{name}`" for name in self._fields)

    def _leave_out(self, name: str) -> None:
        self.given.pop(name, None)
        if name == "owner":
            self.given[name] = "nobody"
        elif name != "kind":
            count = leave_unread()
            if name in {"name", "path"}:
                # Valid and like no other: no fault itself, and faults of the same thing are seen together.
                self.given[name] = f"{'/' if name == 'path' else ''}nameless-{count}"
            elif name in {"url", "keys"}:
                self.given[name] = f"https://nameless-{count}.invalid"
            elif self._fields[name].is_required():
                self.given[name] = ()

    def _leave_parts_out(self, name: str, about: Sequence[ErrorDetails]) -> None:
        """Leave out the items that are complained about; everything, where it is no collection at all."""
        given = self.given[name]
        culprits: dict[object, str] = {}
        for complaint in about:
            part = complaint["loc"][1] if len(complaint["loc"]) > 1 else None
            culprits.setdefault(part, f"{_allowed(self._fields[name], complaint)}, not {_culprit(given, complaint)}")
        self._advice.extend(f"`{name}` takes {sentence}" for sentence in culprits.values())
        self._leave_out(name)
        if None in culprits or name in self._mended:
            return
        self._mended.add(name)
        if isinstance(given, (list, tuple)):
            self.given[name] = tuple(item for position, item in enumerate(given) if position not in culprits)
        elif isinstance(given, Mapping):
            self.given[name] = {key: item for key, item in given.items() if key not in culprits}

    def _thing(self) -> str:
        return f"{self._kind.__name__.lower()} {next((self.given[key] for key in _NAMES if key in self.given), None)!r}"


def _culprit(given: object, complaint: ErrorDetails) -> str:
    """Return the innermost thing that the complaint points at."""
    found = given
    for step in complaint["loc"][1:]:
        listed = isinstance(found, (list, tuple)) and isinstance(step, int) and step < len(found)
        if listed or (isinstance(found, Mapping) and step in found):
            found = found[step]  # type: ignore[index]  # the line above says so
    return write(found)


def _shape(field: FieldInfo) -> Shape:
    return next((one for one in field.metadata if isinstance(one, Shape)), TEXT)


def _allowed(field: FieldInfo, complaint: ErrorDetails) -> str:
    expected = complaint.get("ctx", {}).get("expected")
    if complaint["type"] in {"literal_error", "enum"}:
        return str(expected).replace("'", '"')
    shape = _shape(field)
    return shape.takes if shape is TEXT else f"{shape.takes}, such as `{shape.example}`"

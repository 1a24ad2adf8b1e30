"""A reader's view beside what it is given: an answer as its caller reads it, an event as its hearer does.

A view fits when it takes every value that is given. It ignores fields that it does not name, unless it says otherwise;
and of an object that names fields, those are all that there are, unless it says otherwise.
"""

from collections.abc import Iterator, Mapping

from typing_extensions import override

from arnia.contracts.changes import Change, Kind, changed
from arnia.contracts.documents import Document
from arnia.contracts.schemas import FOUND_BY, Comparison, field, type_of, values_of

_PROSE = frozenset(
    {FOUND_BY, "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"}
)
_LIMITS = (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1))
_SIZES = (("minLength", 1), ("maxLength", -1), ("minimum", 1), ("maximum", -1))


class Reading(Comparison):
    """The comparison of a view (`old`) with what is given (`new`)."""

    @override
    def widened(self, kind: Kind, where: str, values: str) -> Change:
        return changed(kind, where, f"may hold {values}", breaking=True)

    @override
    def _compare_alternatives(self, old: list[Document], new: list[Document], where: str) -> Iterator[Change]:
        if any(_is_open(one) for one in old):
            return
        changes = list(super()._compare_alternatives(old, new, where))
        # Their pairs are made for sentences. What counts is that each of those given has some place in the view.
        if not all(any(self._takes(one, other, where) for one in old) for other in new):
            yield from changes

    def _takes(self, old: Document, new: Document, where: str) -> bool:
        types = type_of(old), type_of(new)
        if types[0] != types[1] and types != ("number", "integer"):
            return False
        return not any(change.breaking for change in self._compare_alternative(old, new, where))

    @override
    def _compare_alternative(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        yield from super()._compare_alternative(old, _spell_out(old, new), where)

    @override
    def _compare_fields(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        given, needed = new.get("properties", {}), set(old.get("required", ()))
        always, others = set(new.get("required", ())), _others(new)
        for name, schema in sorted(old.get("properties", {}).items()):
            place = field(where, name)
            absent = name not in given and others is False
            if name in needed and (absent or name not in always):
                what = "is needed and not there" if absent else "is needed and may be absent"
                yield changed(Kind.FIELD if absent else Kind.REQUIRED, place, what, breaking=True)
            if name in given or others is not False:
                yield from self.compare(schema, given.get(name, others), place)
        yield from self._compare_rest(old, new, where)

    @override
    def _compare_rest(self, old: Document, new: Document, where: str) -> Iterator[Change]:
        taken, others = old.get("additionalProperties", True), _others(new)
        if taken is not True:
            for name, schema in sorted(new.get("properties", {}).items()):
                if name not in old.get("properties", {}):
                    yield from self._compare_other(taken, schema, field(where, name))
            if others is not False:
                yield from self._compare_other(taken, others, f"{where}.*")
        if names := old.get("propertyNames"):
            text = {"type": "string"}
            yield from self.compare({**text, **names}, {**text, **new.get("propertyNames", {})}, f"{where}.*")
        if "patternProperties" in old and old["patternProperties"] != new.get("patternProperties"):
            yield self.widened(Kind.FORM, where, "fields of other names or values than are read")

    def _compare_other(self, taken: object, given: object, place: str) -> Iterator[Change]:
        if taken is False:
            yield changed(Kind.FIELD, place, "is given, and no field but the named ones is taken", breaking=True)
        else:
            yield from self.compare(taken, given, place)


def breaking(changes: Iterator[Change], *, unsaid: frozenset[Kind] = frozenset()) -> Iterator[str]:
    """Yield the sentences of `changes` that break somebody, but for those of the kinds that were `unsaid`."""
    return (change.sentence for change in changes if change.breaking and change.kind not in unsaid)


def _is_open(schema: Document) -> bool:
    return not schema.keys() - _PROSE - {"$defs"} and not schema.get("format")


def _others(given: Document) -> object:
    """Return the schema of the fields that an object has besides those that it names; False where it has none."""
    named = bool(given.get("properties"))
    others = given.get("additionalProperties", given.get("patternProperties") is not None or not named)
    return others if isinstance(others, Mapping) else bool(others)


def _spell_out(old: Document, new: Document) -> Document:
    """Return `new` with those bounds of `old` that follow from what it says otherwise."""
    spelt = dict(new)
    for inclusive, exclusive, sign in _LIMITS:
        for facet, other, room in ((exclusive, inclusive, 1), (inclusive, exclusive, 0)):
            if facet in old and facet not in new and other in new:
                apart = sign * (new[other] - old[facet])
                if apart > 0 or (apart == 0 and not room):
                    spelt[facet] = old[facet]
    values = values_of(new)
    for facet, sign in _SIZES:
        if values and facet in old and facet not in new and type_of(new) in {"string", "integer", "number"}:
            sizes = [len(value) if isinstance(value, str) else value for value in values]
            if all(isinstance(size, (int, float)) and sign * (size - old[facet]) >= 0 for size in sizes):
                spelt[facet] = old[facet]
    return spelt

"""Comparing two OpenAPI documents of one major version."""

import re
from collections.abc import Iterator, Mapping

from arnia.contracts.changes import Change, Kind, changed
from arnia.contracts.documents import Document, operations
from arnia.contracts.schemas import Comparison, Direction, resolve

_PARAMETER = re.compile(r"\{([^}]*)\}")


def compare_openapi(old: Document, new: Document) -> list[Change]:
    """Return what differs between two OpenAPI documents, in the order of their paths."""
    return list(_compare_operations(old, new))


def _compare_operations(old: Document, new: Document) -> Iterator[Change]:
    before, after = _by_place(old), _by_place(new)
    paths_before, paths_after = {path for path, _ in before}, {path for path, _ in after}
    for path in sorted(paths_before ^ paths_after):
        gone = path in paths_before
        yield changed(Kind.PATH, _named(path, before if gone else after), _fate(gone=gone), breaking=gone)
    for path, method in sorted(before.keys() | after.keys()):
        if path not in paths_before or path not in paths_after:
            continue
        left, right = before.get((path, method)), after.get((path, method))
        if left is None or right is None:
            place = (left or right or ("", {}))[0]
            yield changed(Kind.OPERATION, f"{method} {place}", _fate(gone=right is None), breaking=right is None)
        else:
            yield from _compare_operation(f"{method} {right[0]}", (old, left[0], left[1]), (new, right[0], right[1]))


Placed = tuple[Document, str, Document]
"""The document, the path as it is written, and the operation."""


def _compare_operation(where: str, old: Placed, new: Placed) -> Iterator[Change]:
    if new[2].get("deprecated", False) != old[2].get("deprecated", False):
        what = "is now deprecated" if new[2].get("deprecated") else "is no longer deprecated"
        yield changed(Kind.DEPRECATION, where, what, breaking=False)
    yield from _compare_parameters(where, old, new)
    yield from _compare_bodies(where, old, new)
    yield from _compare_answers(where, old, new)


def _compare_parameters(where: str, old: Placed, new: Placed) -> Iterator[Change]:
    comparison = Comparison(old[0], new[0], Direction.TAKEN)
    before, after = _parameters(old), _parameters(new)
    for key in sorted(before.keys() | after.keys()):
        left, right = before.get(key), after.get(key)
        place = f"{where}: {key[0]} parameter {(right or left or {}).get('name')}"
        if right is None:
            # An unknown query parameter is refused (design, rule 3); an unknown header or cookie is ignored.
            yield changed(Kind.PARAMETER, place, "is gone", breaking=key[0] == "query")
            continue
        required = bool(right.get("required"))
        if left is None:
            yield changed(Kind.PARAMETER, place, f"is new{' and required' * required}", breaking=required)
            continue
        if required != bool(left.get("required")):
            what = "is now required" if required else "may now be left out"
            yield changed(Kind.REQUIRED, place, what, breaking=required)
        yield from comparison.compare(left.get("schema", True), right.get("schema", True), place)


def _compare_bodies(where: str, old: Placed, new: Placed) -> Iterator[Change]:
    left, right = resolve(old[2].get("requestBody"), old[0]), resolve(new[2].get("requestBody"), new[0])
    place = f"{where}: body"
    required = bool(right.get("required"))
    if not right:
        if left:
            yield changed(Kind.BODY, place, "is gone", breaking=True)
        return
    if not left:
        yield changed(Kind.BODY, place, f"is new{' and required' * required}", breaking=required)
        return
    if required != bool(left.get("required")):
        what = "is now required" if required else "may now be left out"
        yield changed(Kind.REQUIRED, place, what, breaking=required)
    yield from _compare_content(place, Comparison(old[0], new[0], Direction.TAKEN), left, right)


def _compare_answers(where: str, old: Placed, new: Placed) -> Iterator[Change]:
    before, after = old[2].get("responses", {}), new[2].get("responses", {})
    for status in sorted(before.keys() | after.keys()):
        place = f"{where}: answer {status}"
        if status not in after:
            # A refusal that no longer happens harms nobody; a success is what the client waits for.
            yield changed(Kind.STATUS, place, "is gone", breaking=status.startswith("2"))
        elif status not in before:
            yield changed(Kind.STATUS, place, "is new", breaking=False)
        else:
            left, right = resolve(before[status], old[0]), resolve(after[status], new[0])
            comparison = Comparison(old[0], new[0], Direction.GIVEN)
            yield from _compare_headers(place, comparison, left, right)
            yield from _compare_content(place, comparison, left, right)


def _compare_headers(place: str, comparison: Comparison, old: Document, new: Document) -> Iterator[Change]:
    before, after = old.get("headers", {}), new.get("headers", {})
    for name in sorted(before.keys() | after.keys()):
        header = f"{place}: header {name}"
        if name not in after or name not in before:
            gone = name not in after
            yield changed(Kind.HEADER, header, _fate(gone=gone), breaking=gone)
        else:
            left, right = resolve(before[name], comparison.old), resolve(after[name], comparison.new)
            yield from comparison.compare(left.get("schema", True), right.get("schema", True), header)


def _compare_content(place: str, comparison: Comparison, old: Document, new: Document) -> Iterator[Change]:
    before, after = old.get("content", {}), new.get("content", {})
    for media_type in sorted(before.keys() | after.keys()):
        if media_type not in after or media_type not in before:
            gone = media_type not in after
            yield changed(Kind.MEDIA_TYPE, f"{place} as {media_type}", _fate(gone=gone), breaking=gone)
        else:
            left, right = before[media_type].get("schema", True), after[media_type].get("schema", True)
            yield from comparison.compare(left, right, f"{place}:")


def _by_place(document: Document) -> dict[tuple[str, str], tuple[str, Document]]:
    """Return operations by path and method; the names of path parameters are the server's own affair."""
    return {(_PARAMETER.sub("{}", path), method): (path, operation) for path, method, operation in operations(document)}


def _named(path: str, places: Mapping[tuple[str, str], tuple[str, Document]]) -> str:
    return next(name for (place, _), (name, _) in places.items() if place == path)


def _parameters(placed: Placed) -> dict[tuple[str, str], Document]:
    document, path, operation = placed
    order = _PARAMETER.findall(path)
    found = {}
    for given in operation["parameters"]:
        parameter = resolve(given, document)
        name = str(parameter["name"])
        key = str(order.index(name)) if parameter["in"] == "path" and name in order else name
        found[str(parameter["in"]), key.lower() if parameter["in"] == "header" else key] = parameter
    return found


def _fate(*, gone: bool) -> str:
    return "is gone" if gone else "is new"

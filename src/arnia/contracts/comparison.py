"""Comparing two whole contracts of one service."""

from collections.abc import Iterator

from arnia.contracts.changes import Change, Kind, changed
from arnia.contracts.documents import Contract, Document
from arnia.contracts.events import read_events
from arnia.contracts.openapi import compare_openapi
from arnia.contracts.schemas import Comparison, Direction


def compare(old: Contract, new: Contract) -> list[Change]:
    """Return what differs between two contracts of one service, breaking changes first."""
    changes = [*_compare_versions(old, new), *_compare_events(old, new), *_compare_settings(old, new)]
    changes.extend(_compare_calls(old, new))
    return sorted(changes, key=lambda change: not change.breaking)


def _compare_versions(old: Contract, new: Contract) -> Iterator[Change]:
    for major in sorted(old.openapi.keys() | new.openapi.keys()):
        if major not in new.openapi or major not in old.openapi:
            gone = major not in new.openapi
            what = "is gone" if gone else "is new"
            yield changed(Kind.API_VERSION, f"API version {major}", what, breaking=gone)
        else:
            yield from compare_openapi(old.openapi[major], new.openapi[major])
    yield from compare_openapi(old.protocols, new.protocols)


def _compare_events(old: Contract, new: Contract) -> Iterator[Change]:
    comparison = Comparison(old.asyncapi, new.asyncapi, Direction.GIVEN)
    before, after = read_events(old, "send"), read_events(new, "send")
    for topic in sorted({*old.emits, *new.emits}):
        place = f"event {topic}"
        if topic not in new.emits or topic not in old.emits:
            gone = topic not in new.emits
            yield changed(Kind.EVENT, place, "is gone" if gone else "is new", breaking=gone)
            continue
        for event in sorted({event for event in before.keys() | after.keys() if event[0] == topic}):
            if event not in after or event not in before:
                gone = event not in after
                what = f"{'is no longer' if gone else 'is now also'} emitted in version {event[1]}"
                yield changed(Kind.EVENT, place, what, breaking=gone)
                continue
            yield from comparison.compare(before[event].payload, after[event].payload, f"{place}:")
            channel = after[event].aggregate_type
            if before[event].aggregate_type != channel:
                yield changed(Kind.EVENT, place, f"now travels with those about {channel!r}", breaking=True)
    for topic in sorted({*old.hears} ^ {*new.hears}):
        what = "is heard no longer" if topic in old.hears else "is now heard"
        yield changed(Kind.EVENT, f"event {topic}", what, breaking=False)


def _compare_settings(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = _settings(old), _settings(new)
    for name in sorted(before.keys() | after.keys()):
        place = f"setting {name}"
        left, right = before.get(name), after.get(name)
        if right is None:
            yield changed(Kind.SETTING, place, "is gone", breaking=False)
        elif left is None:
            required = bool(right.get("required"))
            yield changed(Kind.SETTING, place, f"is new{' and required' * required}", breaking=required)
        else:
            yield from _compare_setting(place, left, right)


def _compare_setting(place: str, old: Document, new: Document) -> Iterator[Change]:
    if old.get("type") != new.get("type"):
        yield _compare_types(place, str(old.get("type")), str(new.get("type")))
    if bool(old.get("required")) != bool(new.get("required")):
        required = bool(new.get("required"))
        what = "is now required" if required else "has a default now"
        yield changed(Kind.SETTING, place, what, breaking=required)
    elif old.get("default") != new.get("default"):
        what = f"has the default {new.get('default')} now and had {old.get('default')}"
        yield changed(Kind.SETTING, place, what, breaking=False)
    if bool(old.get("secret")) != bool(new.get("secret")):
        secret = bool(new.get("secret"))
        yield changed(Kind.SETTING, place, f"is {'now' if secret else 'no longer'} a secret", breaking=secret)


def _compare_types(place: str, old: str, new: str) -> Change:
    before, after = _kinds(old), _kinds(new)
    lost = {kind for kind in before - after if not _holds(after, kind)}
    if lost:
        return changed(Kind.SETTING, place, f"is now {new} and was {old}", breaking=True)
    gained = ", ".join(sorted(after - before))
    return changed(Kind.SETTING, place, f"now also accepts {gained or new}", breaking=False)


def _kinds(kind: str) -> set[str]:
    """Return the alternatives of a type, each value of a `Literal` being one."""
    return {
        each
        for part in kind.split(" | ")
        for each in (part[len("Literal[") : -1].split(", ") if part.startswith("Literal[") else [part])
    }


def _holds(kinds: set[str], kind: str) -> bool:
    """Whether what is said of the type `kind` is understood as one of `kinds` too."""
    return (kind.startswith(("'", '"')) and "str" in kinds) or (kind == "int" and "float" in kinds)


def _settings(contract: Contract) -> dict[str, Document]:
    return {setting["variable"]: setting for setting in contract.settings.get("settings", [])}


def _compare_calls(old: Contract, new: Contract) -> Iterator[Change]:
    for service in sorted(old.called.keys() | new.called.keys()):
        before, after = old.called.get(service), new.called.get(service)
        if before != after:
            what = "is called no longer" if after is None else f"is now called in version {after}"
            yield changed(Kind.CALL, f"service {service}", what, breaking=False)

"""The verb `contract`: what each service promises and needs, written down beside it."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from arnia.commands.declaration import load
from arnia.commands.promises import committed, current, parse, read_texts
from arnia.commands.result import Result, count
from arnia.contracts import Change, Contract, compare, hold_calls, hold_events, hold_silence


class Drift(StrEnum):
    """How a committed document differs from what the code makes now."""

    MISSING = "missing"
    STALE = "stale"
    SUPERFLUOUS = "superfluous"


class Agreement(BaseModel):
    """One service's committed contract, held against its code.

    Attributes:
        service: Its name.
        drift: The documents that differ.
        changes: What that means for those who lean on the committed ones; empty where only the wording differs.
        broken: Whom of those who call and hear it that would break, and how.
    """

    model_config = ConfigDict(frozen=True)

    service: str
    drift: dict[str, Drift]
    changes: tuple[Change, ...]
    broken: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether somebody who kept to the committed contract may fail."""
        return any(change.breaking for change in self.changes)

    def sentences(self, verb: str = "is") -> list[str]:
        """Return what differs (or, with `was`, differed), document by document and change by change."""
        lines = [f"{self.service}: contract/{name} {verb} {drift}." for name, drift in sorted(self.drift.items())]
        if Drift.STALE in self.drift.values() and not self.changes:
            lines.append(f"{self.service}: only the wording differs.")
        signs = {True: "BREAKS", False: "fits"}
        lines.extend(f"{self.service}: {signs[change.breaking]}: {change.sentence}" for change in self.changes)
        return [*lines, *(f"{self.service}: this change breaks {sentence}" for sentence in self.broken)]


class ContractResult(Result):
    """What `contract` did, or with `check` would have to do.

    Attributes:
        checked: Whether nothing was written.
        services: One agreement a service, sorted by name.
    """

    checked: bool
    services: tuple[Agreement, ...]

    @override
    def text(self) -> str:
        verb = "is" if self.checked else "was"
        lines = [sentence for service in self.services for sentence in service.sentences(verb)]
        drifted = sum(bool(service.drift) for service in self.services)
        if not drifted:
            lines.append(f"All is well: {count(len(self.services), 'contract')}, as the code makes them.")
        elif self.checked:
            lines.append(f"Contracts that differ: {drifted} of {len(self.services)}. Write them with `arnia contract`.")
        else:
            lines.append(f"Contracts written: {drifted} of {len(self.services)}.")
        return "\n".join(lines)


def contract(*, file: Path | None = None, services: Sequence[str] = (), check: bool = False) -> ContractResult:
    """Write the contract of each service into `services/<name>/contract/`, or check that it is there.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        services: Names of the services; all of them when empty.
        check: Write nothing; the result is not `ok` when a document differs from what the code makes now.

    Raises:
        OutsideError: A service's code does not start.
        UsageError: A service is not declared, or a committed document cannot be read.
        DeclarationError: The declaration does not add up.
    """
    declaration = load(file)
    names = [declaration.ecosystem.service(name).name for name in services]
    names = names or [service.name for service in declaration.ecosystem.services]
    agreements: list[Agreement] = []
    coded = current(declaration, names)
    consumers = {**committed(declaration), **coded}
    for name, made in coded.items():
        folder = declaration.contract_folder(name)
        agreements.append(hold(made, read_texts(folder), consumers))
        if not check:
            _write(folder, made.files(), agreements[-1].drift)
    ok = not check or not any(agreement.drift for agreement in agreements)
    return ContractResult(ok=ok, checked=check, services=tuple(agreements))


def hold(made: Contract, texts: dict[str, str], consumers: Mapping[str, Contract]) -> Agreement:
    """Hold the contract that the code makes against the committed `texts`, and both against those of `consumers`."""
    wanted = made.files()
    drift = dict.fromkeys(texts.keys() - wanted.keys(), Drift.SUPERFLUOUS)
    drift |= dict.fromkeys(wanted.keys() - texts.keys(), Drift.MISSING)
    drift |= {name: Drift.STALE for name in wanted.keys() & texts.keys() if wanted[name] != texts[name]}
    before = parse(made.service, texts) if drift else None
    changes = compare(before, made) if before else []
    broken = _find_broken(before, made, consumers) if before else ()
    return Agreement(
        service=made.service, drift=dict(sorted(drift.items())), changes=tuple(changes), broken=tuple(broken)
    )


def _find_broken(before: Contract, made: Contract, consumers: Mapping[str, Contract]) -> Iterator[str]:
    """Yield whom the change from one contract of a service to the next one breaks, and how."""
    topics = {*before.emits, *made.emits}
    for name, consumer in sorted(consumers.items()):
        known = {*hold_calls(consumer, before), *hold_events(consumer, before, topics)}
        for sentence in (*hold_calls(consumer, made), *hold_events(consumer, made, topics)):
            if sentence not in known:
                yield f"{name}: {sentence}"
        yield from (f"{name}: {sentence}" for sentence in hold_silence(consumer, before, made))


def _write(folder: Path, texts: dict[str, str], drift: dict[str, Drift]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in drift.items():
        if kind is Drift.SUPERFLUOUS:
            (folder / name).unlink()
        else:
            (folder / name).write_text(texts[name], encoding="utf-8")

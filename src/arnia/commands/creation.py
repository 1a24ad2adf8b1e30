"""The verb `new`: a service, or a repository of an ecosystem, that works as it is written."""

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from arnia.commands.actions import FIRST_SERVICE, Kind
from arnia.commands.declaration import SERVICES_DIRECTORY, find
from arnia.commands.extraction import extract
from arnia.commands.promises import ask
from arnia.commands.result import Result, count
from arnia.commands.scaffold import artefacts, ground, wheels
from arnia.commands.scaffold.words import Words, check_label
from arnia.commands.synthesis import DEPLOY_DIRECTORY
from arnia.conventions import CONTRACT_DIRECTORY, ECOSYSTEM_FILE, variable
from arnia.errors import UsageError


class NewResult(Result):
    """What `new` wrote.

    Attributes:
        directory: The folder that holds `ecosystem.py`.
        files: What was written, relative to it.
        removed: What is no longer where it was, relative to it.
        declare: What to add to the end of `ecosystem.py`; empty where it is in there.
        notes: What is left to know, a sentence each.
        next: The commands that come next.
    """

    directory: str
    files: tuple[str, ...]
    removed: tuple[str, ...] = ()
    declare: str = ""
    notes: tuple[str, ...] = ()
    next: tuple[str, ...]

    @override
    def text(self) -> str:
        lines = [f"{count(len(self.files), 'file')} written below {self.directory}."]
        if self.removed:
            lines.append(f"Moved away: {', '.join(self.removed)}.")
        if self.declare:
            owner = "" if self.removed else ", and name its owner"
            lines += [f"Declare it: add this to {ECOSYSTEM_FILE}{owner}.", "", self.declare, ""]
        return "\n".join([*lines, *self.notes, f"Then: {', '.join(self.next)}"])


def new(
    kind: Kind,
    name: str,
    *,
    directory: Path | None = None,
    resource: str | None = None,
    service: str | None = None,
    source: str | None = None,
    wheel: Path | None = None,
) -> NewResult:
    """Write a service, or the repository of an ecosystem, that starts and passes its checks without an edit.

    With `source`, a service is not written but extracted: a domain of that service becomes a service of its own.
    Existing files are never overwritten. Where ruff is installed, it gives the files their last polish.

    Args:
        kind: What to make.
        name: Its name: a DNS label.
        directory: The folder that holds `ecosystem.py`. For a service, the nearest one upward when None; for an
            ecosystem, a new folder of its name.
        resource: One of what the service owns; what its name says when None.
        service: The first service of an ecosystem; `notes` when None.
        source: The service that has a domain of the new service's name, to be extracted from it.
        wheel: The wheel of Arnia that an ecosystem starts from; built from the running checkout when None.

    Raises:
        UsageError: A name does not work everywhere, a file exists already, an option belongs to the other kind, or
            the domain cannot be extracted as it is.
        OutsideError: The wheel does not build, or the code of the new service does not start.
    """
    if source is not None:
        if Kind(kind) is Kind.ECOSYSTEM or {resource, service, wheel} != {None}:
            raise UsageError("--from goes with `arnia new service NAME` and --directory: leave the rest out.")
        return _extracted(name, source, directory)
    if Kind(kind) is Kind.ECOSYSTEM:
        return _new_ecosystem(name, directory, Words.of(service or FIRST_SERVICE, resource), wheel)
    if service is not None or wheel is not None:
        raise UsageError("--service and --wheel belong to `arnia new ecosystem`: leave them out.")
    return _new_service(Words.of(name, resource), directory)


def _new_service(words: Words, directory: Path | None) -> NewResult:
    declaration = find(directory)
    root = declaration.parent
    ground.require_free(words.service, root / SERVICES_DIRECTORY / words.service)
    texts = _service_files(words)
    ground.write(root, texts)
    written = _finish(root, words, texts)
    known = artefacts.known_names(declaration.read_text(encoding="utf-8"))
    return NewResult(
        directory=str(root),
        files=written,
        declare=artefacts.statement(words, known),
        next=_next_steps(root),
    )


def _extracted(name: str, source: str, directory: Path | None) -> NewResult:
    made = extract(name, source, directory)
    return NewResult(
        directory=str(made.root),
        files=made.files,
        removed=made.removed,
        declare=made.declare,
        notes=made.notes,
        next=_next_steps(made.root),
    )


def _next_steps(root: Path) -> tuple[str, ...]:
    """Return what comes after the declaration; `make check` wants manifests of it where some are committed."""
    manifests = ("arnia synth",) if (root / DEPLOY_DIRECTORY).is_dir() else ()
    return (*manifests, "make check", "make test", "make up")


def _new_ecosystem(name: str, directory: Path | None, words: Words, wheel: Path | None) -> NewResult:
    check_label("ecosystem", name)
    root = (directory or Path(name)).absolute()
    texts = {**artefacts.of_ecosystem(name, words), **wheels.locked(), **_service_files(words)}
    ground.refuse_existing(root, {**texts, "wheels": ""})
    wheel_name, content = wheels.built() if wheel is None else wheels.named(wheel)
    ground.write(root, texts)
    (root / "wheels").mkdir()
    (root / "wheels" / wheel_name).write_bytes(content)
    written = (*_finish(root, words, texts), f"wheels/{wheel_name}")
    issuer = variable(words.service, "issuer")
    return NewResult(
        directory=str(root),
        files=tuple(sorted(written)),
        notes=(f"Its routes take access tokens: `arnia token` makes them here, who {issuer} names elsewhere.",),
        next=(f"cd {root}", "make test", "make up"),
    )


def _service_files(words: Words) -> dict[str, str]:
    below = f"{SERVICES_DIRECTORY}/{words.service}/"
    return {below + path: text for path, text in artefacts.of_service(words).items()}


def _finish(root: Path, words: Words, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Polish what was written and add the contract that the code of the service makes; return every path."""
    folder = root / SERVICES_DIRECTORY / words.service
    ground.polish(root, [folder])
    contract = folder / CONTRACT_DIRECTORY
    documents = ask(words.service, folder).files()
    ground.write(contract, documents)
    return tuple(sorted({*texts, *((contract / name).relative_to(root).as_posix() for name in documents)}))

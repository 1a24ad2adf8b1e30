"""The verb `new`: a service, or a repository of an ecosystem, that works as it is written."""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from typing_extensions import override

from arnia.commands.declaration import SERVICES_DIRECTORY, find
from arnia.commands.promises import ask
from arnia.commands.result import Result
from arnia.commands.scaffold import artefacts, wheels
from arnia.commands.scaffold.words import Words, check_label
from arnia.conventions import CONTRACT_DIRECTORY, ECOSYSTEM_FILE, package
from arnia.errors import UsageError

FIRST_SERVICE = "notes"


class Kind(StrEnum):
    """What can be made."""

    ECOSYSTEM = "ecosystem"
    SERVICE = "service"


class NewResult(Result):
    """What `new` wrote.

    Attributes:
        directory: The folder that holds `ecosystem.py`.
        files: What was written, relative to it.
        declare: What to add to the end of `ecosystem.py`; empty where it is in there.
        next: The commands that come next.
    """

    directory: str
    files: tuple[str, ...]
    declare: str = ""
    next: tuple[str, ...]

    @override
    def text(self) -> str:
        lines = [f"{len(self.files)} files written below {self.directory}."]
        if self.declare:
            lines += [f"Declare it: add this to {ECOSYSTEM_FILE}, and name its owner.", "", self.declare, ""]
        return "\n".join([*lines, f"Then: {', '.join(self.next)}"])


def new(
    kind: Kind,
    name: str,
    *,
    directory: Path | None = None,
    resource: str | None = None,
    service: str | None = None,
    wheel: Path | None = None,
) -> NewResult:
    """Write a service, or the repository of an ecosystem, that starts and passes its checks without an edit.

    Existing files are never overwritten. Where ruff is installed, it gives the files their last polish.

    Args:
        kind: What to make.
        name: Its name: a DNS label.
        directory: The folder that holds `ecosystem.py`. For a service, the nearest one upward when None; for an
            ecosystem, a new folder of its name.
        resource: One of what the service owns; what its name says when None.
        service: The first service of an ecosystem; `notes` when None.
        wheel: The wheel of Arnia that an ecosystem starts from; built from the running checkout when None.

    Raises:
        UsageError: A name does not work everywhere, a file exists already, or an option belongs to the other kind.
        OutsideError: The wheel does not build, or the code of the new service does not start.
    """
    if Kind(kind) is Kind.ECOSYSTEM:
        return _new_ecosystem(name, directory, Words.of(service or FIRST_SERVICE, resource), wheel)
    if service is not None or wheel is not None:
        raise UsageError("--service and --wheel belong to `arnia new ecosystem`: leave them out.")
    return _new_service(Words.of(name, resource), directory)


def _new_service(words: Words, directory: Path | None) -> NewResult:
    declaration = find(directory)
    root = declaration.parent
    _require_free(words.service, root / SERVICES_DIRECTORY / words.service)
    texts = _service_files(words)
    _write(root, texts)
    written = _finish(root, words, texts)
    known = _imported(declaration.read_text(encoding="utf-8"))
    return NewResult(
        directory=str(root),
        files=written,
        declare=artefacts.statement(words, known),
        next=("make check", "make test", "make up"),
    )


def _new_ecosystem(name: str, directory: Path | None, words: Words, wheel: Path | None) -> NewResult:
    check_label("ecosystem", name)
    root = (directory or Path(name)).absolute()
    texts = {**artefacts.of_ecosystem(name, words), **wheels.locked(), **_service_files(words)}
    _refuse_existing(root, {**texts, "wheels": ""})
    wheel_name, content = wheels.built() if wheel is None else wheels.named(wheel)
    _write(root, texts)
    (root / "wheels").mkdir()
    (root / "wheels" / wheel_name).write_bytes(content)
    written = (*_finish(root, words, texts), f"wheels/{wheel_name}")
    return NewResult(directory=str(root), files=tuple(sorted(written)), next=(f"cd {root}", "make test", "make up"))


def _service_files(words: Words) -> dict[str, str]:
    below = f"{SERVICES_DIRECTORY}/{words.service}/"
    return {below + path: text for path, text in artefacts.of_service(words).items()}


def _finish(root: Path, words: Words, texts: Mapping[str, str]) -> tuple[str, ...]:
    """Polish what was written and add the contract that the code of the service makes; return every path."""
    folder = root / SERVICES_DIRECTORY / words.service
    if importlib.util.find_spec("ruff") is not None:
        # Names of other lengths break lines elsewhere, and sort imports otherwise.
        for verb in (("check", "--select=I", "--fix"), ("format",)):
            command = [sys.executable, "-m", "ruff", *verb, "--no-cache", "--quiet", str(folder)]
            subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    contract = folder / CONTRACT_DIRECTORY
    documents = ask(words.service, folder).files()
    _write(contract, documents)
    return tuple(sorted({*texts, *((contract / name).relative_to(root).as_posix() for name in documents)}))


def _require_free(service: str, folder: Path) -> None:
    """Raise when Python already knows something by the name of the service."""
    if folder.exists():
        raise UsageError(f"{folder}: this exists already: choose another name, or remove it.")
    try:
        taken = distribution(service).locate_file("")
    except PackageNotFoundError:
        taken = None
    spec = importlib.util.find_spec(package(service)) if taken is None else None
    if taken is not None and not _was_here(service, folder):
        raise UsageError(f"service {service!r}: a distribution of this name is installed: choose another.")
    if spec is not None:
        raise UsageError(f"service {service!r}: a package {spec.name} is installed: choose another name.")


def _was_here(service: str, folder: Path) -> bool:
    """Tell whether what is installed under the name is the trace of an earlier service in the same folder."""
    return folder.absolute().as_uri() in (distribution(service).read_text("direct_url.json") or "")


def _refuse_existing(root: Path, texts: Mapping[str, str]) -> None:
    existing = [path for path in sorted(texts) if (root / path).exists()]
    if existing:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise UsageError(f"{root}: {', '.join(existing[:3])}{more} exist already: choose another --directory.")


def _write(root: Path, texts: Mapping[str, str]) -> None:
    _refuse_existing(root, texts)
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if file.suffix == ".sh":
            file.chmod(0o755)


def _imported(text: str) -> frozenset[str]:
    """Return the names that a declaration imports from `arnia.ecosystem`."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return frozenset()
    froms = (node for node in body if isinstance(node, ast.ImportFrom) and node.module == "arnia.ecosystem")
    return frozenset(alias.name for node in froms for alias in node.names)

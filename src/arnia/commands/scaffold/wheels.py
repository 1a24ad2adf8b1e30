"""The wheel of Arnia that a new repository starts from: Arnia is not published, so it brings itself along."""

import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Final

import arnia
from arnia.errors import OutsideError, UsageError

LOCKED: Final = ("installer.txt", "dev.txt")
"""The files of `requirements/` that a repository needs to set itself up and to check itself."""
SECONDS_TO_BUILD: Final = 300


def checkout() -> Path | None:
    """Return the repository whose `src/` this program runs from; None where it was installed from a wheel."""
    root = Path(arnia.__file__).parents[2]
    return root if (root / "src/arnia").is_dir() and (root / "pyproject.toml").is_file() else None


def locked() -> dict[str, str]:
    """Return the locked requirements of this version of Arnia and the script that judges imports, by path."""
    root = checkout()
    brought = files("arnia.commands.scaffold") / "brought"
    paths = (*(f"requirements/{name}" for name in LOCKED), "scripts/bootstrap.sh", "scripts/imports.py")
    return {path: ((root or brought) / path).read_text(encoding="utf-8") for path in paths}


def named(wheel: Path) -> tuple[str, bytes]:
    """Return the file name and the content of the wheel at `wheel`.

    Raises:
        UsageError: It is no wheel of Arnia.
    """
    if not wheel.is_file() or not wheel.name.startswith("arnia-") or wheel.suffix != ".whl":
        raise UsageError(f"--wheel {wheel}: this is no wheel of Arnia: name an existing file arnia-*.whl.")
    return wheel.name, wheel.read_bytes()


def built() -> tuple[str, bytes]:
    """Return the file name and the content of a wheel built from the running checkout; fetches nothing.

    Raises:
        UsageError: This program was installed from a wheel, so that there is nothing to build from.
        OutsideError: It does not build.
    """
    root = checkout()
    if root is None:
        raise UsageError("Arnia runs from a wheel here: name it with --wheel, such as --wheel wheels/arnia-*.whl.")
    with tempfile.TemporaryDirectory() as folder:
        options = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-input", "--quiet")
        done = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", folder, str(root)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_TO_BUILD,
        )
        found = list(Path(folder).glob("arnia-*.whl"))
        if done.returncode != 0 or not found:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise OutsideError(f"the wheel of Arnia does not build: {last}")
        return found[0].name, found[0].read_bytes()

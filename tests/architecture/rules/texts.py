"""What no tracked file may hold."""

import re
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import tracked

__all__ = ["addresses", "promises"]

# Spelled in pieces, so that this file does not hold them either.
ADDRESSES: Final = re.compile(
    "|".join(["py" + r"pi\.org", "python" + r"hosted\.org", "--(extra-)?index" + "-url[= ]", "--find" + "-links[= ]"])
    + r"|(?<![\w./-])/(work|root|home/\w+|Users/\w+|opt/wheels)/"
)
PROMISES: Final = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X)\b")


def addresses(root: Path) -> list[str]:
    return _found(root, ADDRESSES, "names a registry or a path of one machine", exempt=("LICENSE",))


def promises(root: Path) -> list[str]:
    return _found(root, PROMISES, "promises work; do it, or open an issue", exempt=())


def _found(root: Path, pattern: re.Pattern[str], fault: str, exempt: tuple[str, ...]) -> list[str]:
    faults = []
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        if name in exempt:
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # no text
        faults += [f"{name}:{number} {fault}." for number, line in enumerate(lines, 1) if pattern.search(line)]
    return faults

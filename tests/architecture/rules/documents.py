"""Decisions are short, and all of one form."""

from pathlib import Path
from typing import Final

__all__ = ["decisions"]

HEADINGS: Final = ["## Context", "## Decision", "## Consequences", "## Alternatives", "## References"]
MOST_LINES: Final = 70


def decisions(root: Path) -> list[str]:
    faults = []
    for number, path in enumerate(sorted((root / "docs/decisions").glob("*.md")), 1):
        lines = path.read_text(encoding="utf-8").splitlines()
        name = path.relative_to(root)
        if not path.name.startswith(f"{number:04}-"):
            faults.append(f"{name} breaks the numbering; {number:04} is next.")
        if len(lines) > MOST_LINES:
            faults.append(f"{name} has {len(lines)} lines; {MOST_LINES} is the most.")
        if [line for line in lines if line.startswith("## ")] != HEADINGS:
            faults.append(f"{name} has other headings than {', '.join(HEADINGS)}.")
    return faults

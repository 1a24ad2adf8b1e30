"""A rule has a check or is deleted: CONTRIBUTING.md names one for each, and it exists."""

import re
import tomllib
from pathlib import Path
from typing import Final

__all__ = ["table"]

PAGE: Final = "CONTRIBUTING.md"
ROW: Final = re.compile(r"^\| (?P<rule>[^|]+) \| (?P<checks>[^|]+) \|$", flags=re.MULTILINE)
CHECK: Final = re.compile(r"(?P<kind>rule|test|contract|ruff|mypy|step) `(?P<name>[^`]+)`")


def table(root: Path) -> list[str]:
    page = root / PAGE
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    faults = []
    for row in ROW.finditer(text):
        rule, checks = row["rule"].strip(), row["checks"].strip()
        if rule.startswith("--") or (rule, checks) == ("rule", "check"):
            continue
        named = list(CHECK.finditer(checks))
        if not named:
            faults.append(f"{PAGE}: {rule!r} names no check.")
        faults += [
            f"{PAGE}: {rule!r} names the {check['kind']} {check['name']}, which does not exist."
            for check in named
            if not _exists(root, check["kind"], check["name"])
        ]
    return faults


def _exists(root: Path, kind: str, name: str) -> bool:
    if kind == "rule":
        module, _, function = name.partition(".")
        path = root / f"tests/architecture/rules/{module}.py"
        return path.is_file() and f"\ndef {function}(root: Path)" in path.read_text(encoding="utf-8")
    if kind == "test":
        file, _, function = name.partition("::")
        path = root / file
        return path.is_file() and f"def {function}(" in path.read_text(encoding="utf-8")
    if kind == "contract":
        return any(name in _text(root / page) for page in ("pyproject.toml", "scripts/imports.py"))
    if kind == "step":
        return f"\nstep {name} " in _text(root / "scripts/check.sh")
    tools = tomllib.loads(_text(root / "pyproject.toml") or "").get("tool", {})
    if kind == "mypy":
        return bool(tools.get("mypy", {}).get(name))
    ignored = tools.get("ruff", {}).get("lint", {}).get("ignore", [])
    return "ruff" in tools and not any(name.startswith(code) for code in ignored)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""

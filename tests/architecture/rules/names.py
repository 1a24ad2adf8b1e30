"""Honest names: a module is a noun, and says which."""

import ast
import re
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import CODE, read

__all__ = ["glossary", "modules", "verbs"]

BANNED: Final = frozenset({"base", "common", "core", "helper", "helpers", "manager", "misc", "util", "utils"})
# Words of Python, or of a framework, that modules may be called although they are no plain nouns.
VERBS: Final = frozenset(
    {"convert", "create", "do", "execute", "get", "handle", "make", "parse", "perform", "process_data"}
)
ENTRIES: Final = 30


def modules(root: Path) -> list[str]:
    return [
        f"{source.path}: {part!r} says nothing; call the module after what it holds."
        for source in read(root, CODE)
        for part in Path(source.path).with_suffix("").parts
        if BANNED.intersection(part.split("_"))
    ]


def verbs(root: Path) -> list[str]:
    return [
        f"{source.path}: a module is a noun, and {Path(source.path).stem!r} is not."
        for source in read(root, CODE)
        if Path(source.path).stem in VERBS
    ]


def glossary(root: Path) -> list[str]:
    page, door = root / "docs/glossary.md", root / "src/arnia/ecosystem/__init__.py"
    if not door.is_file():
        return []
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    entries = set(re.findall(r"^\| \*\*([\w ]+)\*\* \|", text, flags=re.MULTILINE))
    nouns = [name for name in _exported(door) if name[0].isupper()]
    faults = [
        f"arnia.ecosystem exports {noun}, which docs/glossary.md does not explain."
        for noun in nouns
        if noun not in entries
    ]
    if len(entries) > ENTRIES:
        faults.append(f"docs/glossary.md has {len(entries)} entries; {ENTRIES} is the most.")
    return faults


def _exported(door: Path) -> list[str]:
    for node in ast.parse(door.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []

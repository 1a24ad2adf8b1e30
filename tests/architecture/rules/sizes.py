"""Small rooms: what must fit on how many lines."""

from pathlib import Path
from statistics import median
from typing import Final

from tests.architecture.rules.sources import CODE, PLATFORM, SERVICES, Function, read

__all__ = ["functions", "mains", "pages", "platform_files", "reading_path", "service_files"]

PAGES: Final = {"README.md": 150, "ecosystem.py": 120, "CONTRIBUTING.md": 150, "Makefile": 60}
READING_PATH: Final = (
    "README.md",
    "ecosystem.py",
    "docs/tour.md",
    "services/delivery/src/delivery/main.py",
    "services/delivery/src/delivery/api/deliveries.py",
    "services/delivery/src/delivery/services/deliveries.py",
    "services/delivery/src/delivery/repositories/sql.py",
    "services/delivery/src/delivery/models/deliveries.py",
)


def platform_files(root: Path) -> list[str]:
    lengths = {source.path: len(source.lines) for source in read(root, PLATFORM)}
    faults = [f"{path} has {length} lines; 400 is the most." for path, length in lengths.items() if length > 400]
    # Empty `__init__.py` files would flatter the median.
    if (middle := median([length for length in lengths.values() if length] or [0])) > 150:
        faults.append(f"The median file of the platform has {middle} lines; 150 is the most.")
    return faults


def service_files(root: Path) -> list[str]:
    return [
        f"{source.path} has {len(source.lines)} lines; 250 is the most in a service."
        for source in read(root, SERVICES)
        if len(source.lines) > 250
    ]


def functions(root: Path) -> list[str]:
    lengths = {
        f"{source.path}:{function.lineno} {function.name}": _length(function)
        for source in read(root, CODE)
        for function in source.functions
    }
    faults = [f"{name} has {length} lines; 60 is the most." for name, length in lengths.items() if length > 60]
    ordered = sorted(lengths.values()) or [0]
    if (ninetieth := ordered[int(len(ordered) * 0.9)]) > 30:
        faults.append(f"One function in ten has more than {ninetieth} lines; 30 is the most.")
    return faults


def mains(root: Path) -> list[str]:
    return [
        f"{source.path} has {len(source.lines)} lines; 30 is the most."
        for source in read(root, ("services/*/src/*/main.py",))
        if len(source.lines) > 30
    ]


def pages(root: Path) -> list[str]:
    lengths = {page: _lines(root / page) for page in PAGES}
    return [
        f"{page} has {lengths[page]} lines; {most} is the most." for page, most in PAGES.items() if lengths[page] > most
    ]


def reading_path(root: Path) -> list[str]:
    if lost := [page for page in READING_PATH if page.startswith("services/") and not (root / page).is_file()]:
        return [f"{page} is on the ten-minute reading path, and does not exist." for page in lost]
    total = sum(_lines(root / page) for page in READING_PATH)
    return [f"The ten-minute reading path has {total} lines; it stays below 900."] if total >= 900 else []


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else 0

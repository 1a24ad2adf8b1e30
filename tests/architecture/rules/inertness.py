"""Nothing happens at import, and the environment is read in one place."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import CODE, read

__all__ = ["environment", "imports"]

# The settings of a running service; what the supervisor hands on to the processes that it starts.
READERS: Final = frozenset(
    {
        "src/arnia/chassis/crash_points.py",
        "src/arnia/chassis/settings.py",
        "src/arnia/local/replica.py",
        "src/arnia/testing/processes.py",
    }
)
PROBE: Final = Path(__file__).parent.parent / "probe.py"


def imports(root: Path) -> list[str]:
    """Import every module in a bare process that refuses sockets, processes, threads and writing."""
    sources = [source.path for source in read(root, CODE) if Path(source.path).stem != "__main__"]
    if not sources:
        return []
    folders = [root / "src", *sorted(root.glob("services/*/src"))]
    command = [sys.executable, "-B", str(PROBE), ":".join(str(folder) for folder in folders)]
    modules = "\n".join(_module(path) for path in sources)
    done = subprocess.run(command, input=modules, capture_output=True, text=True, check=False, env={}, cwd=root)
    return [line for line in (done.stdout + done.stderr).splitlines() if line]


def environment(root: Path) -> list[str]:
    return [
        f"{source.path}:{number} reads the environment; ask arnia.chassis.settings."
        for source in read(root, CODE)
        if source.path not in READERS
        for number, line in enumerate(source.lines, 1)
        if "os.environ" in line or "os.getenv" in line or "from os import environ" in line
    ]


def _module(path: str) -> str:
    parts = Path(path).with_suffix("").parts
    return ".".join(parts[parts.index("src") + 1 :]).removesuffix(".__init__")

"""The `arnia` program: typer, thin over `arnia.commands`."""

import sys
from collections.abc import Sequence

from arnia.conventions import EXIT_INTERRUPTED, EXIT_OUTSIDE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with `arguments` (the process's own when None) and return its exit code."""
    try:
        from arnia.cli.application import run
    except ModuleNotFoundError as absent:
        if absent.name not in {"typer", "rich"}:
            raise
        sys.stderr.write(f"arnia: {absent.name} is not installed: run `pip install 'arnia[cli]'`.\n")
        return EXIT_OUTSIDE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return run(arguments)

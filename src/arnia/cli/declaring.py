"""The verbs about the declaration: graph, contract, check."""

import typer


def register(program: typer.Typer) -> None:
    """Add the verbs to `program`."""

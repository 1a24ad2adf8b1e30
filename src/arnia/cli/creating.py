"""The verb about beginning: new."""

from pathlib import Path
from typing import Annotated

import typer

from arnia import commands
from arnia.cli.output import finish
from arnia.commands.actions import FIRST_SERVICE, Kind


def new(
    kind: Annotated[Kind, typer.Argument(help="What to make.")],
    name: Annotated[str, typer.Argument(help="Its name, a DNS label.")],
    directory: Annotated[
        Path | None,
        typer.Option(help="The folder of ecosystem.py; when absent the nearest upward, for an ecosystem a new one."),
    ] = None,
    resource: Annotated[
        str | None, typer.Option(help="One of what the service owns; what its name says when absent.")
    ] = None,
    service: Annotated[
        str | None, typer.Option(help=f"The first service of an ecosystem; {FIRST_SERVICE} when absent.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--from", help="The service with a domain of this name, which becomes a service of its own."),
    ] = None,
    wheel: Annotated[
        Path | None,
        typer.Option(help="The wheel of Arnia for an ecosystem; built from the running checkout when absent."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write a service, or the repository of an ecosystem, that starts and passes its checks without an edit.

    With --from, a domain of an existing service becomes a service of its own.
    """
    finish(
        lambda: commands.new(
            kind, name, directory=directory, resource=resource, service=service, source=source, wheel=wheel
        ),
        as_json=json,
    )


def register(program: typer.Typer) -> None:
    """Add the verb to `program`."""
    program.command(epilog="Example: arnia new service weather --resource forecast")(new)

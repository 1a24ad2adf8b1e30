"""The verbs about the declaration: graph, contract, check, synth."""

from pathlib import Path
from typing import Annotated

import typer

from arnia import commands
from arnia.cli.output import finish
from arnia.commands.actions import Format

FileOption = Annotated[
    Path | None, typer.Option("--file", help="The ecosystem.py to read; the nearest one upward when left out.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def graph(
    file: FileOption = None,
    format: Annotated[Format, typer.Option("--format", help="How to draw it.")] = Format.TEXT,  # noqa: A002 - the option
    json: JsonOption = False,
) -> None:
    """Draw the ecosystem: services, owners, domains, routers, versions and their consumers."""
    finish(lambda: commands.graph(file=file, format=format), as_json=json)


def contract(
    services: Annotated[list[str] | None, typer.Argument(metavar="SERVICE", help="All of them when left out.")] = None,
    file: FileOption = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with 1 when something differs.")] = False,
    json: JsonOption = False,
) -> None:
    """Write what each service promises and needs into services/NAME/contract, and say what changed."""
    finish(lambda: commands.contract(file=file, services=tuple(services or ()), check=check), as_json=json)


def check(file: FileOption = None, json: JsonOption = False) -> None:
    """Check that declaration, contracts and code say the same, and name each fault."""
    finish(lambda: commands.check(file=file), as_json=json)


def synth(
    file: FileOption = None,
    env: Annotated[str | None, typer.Option("--env", help="One environment; all but local when left out.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write; deploy/ when left out.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; end with 1 when a file differs.")] = False,
    json: JsonOption = False,
) -> None:
    """Write what a cluster reads (Kubernetes manifests) into deploy/ENVIRONMENT, and remove what is no more."""
    finish(lambda: commands.synth(file=file, env=env, out=out, check=check), as_json=json)


def register(program: typer.Typer) -> None:
    """Add the verbs to `program`."""
    program.command(epilog="Example: arnia check --json")(check)
    program.command(epilog="Example: arnia contract --check")(contract)
    program.command(epilog="Example: arnia graph --format svg > ecosystem.svg")(graph)
    program.command(epilog="Example: arnia synth --env production --check")(synth)

"""The program: every verb, registered from the rooms that hold them."""

import inspect
from collections.abc import Sequence
from typing import Annotated

import typer

import arnia
from arnia.cli import creating, declaring, running, trusting
from arnia.cli.output import invoke

program = typer.Typer(
    name="arnia",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(arnia.__version__)
        raise typer.Exit


@program.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """One page of Python declares an ecosystem of services; these verbs run it and prove it."""


creating.register(program)
declaring.register(program)
running.register(program)
trusting.register(program)

for _verb in program.registered_commands:
    # typer would cut its summary in the middle of a sentence.
    _verb.short_help = (inspect.getdoc(_verb.callback) or "").partition(". ")[0].partition("\n\n")[0].rstrip(".")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    return invoke(program, arguments)

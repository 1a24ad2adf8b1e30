"""The verbs about running an ecosystem here: up, down, status, logs, trace, events, roll, migrate, doctor."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arnia import commands
from arnia.cli.output import finish, notice_a_closed_pipe
from arnia.commands.actions import EventAction
from arnia.conventions import EDGE_PORT

if TYPE_CHECKING:
    from arnia.commands.report import LogsResult
    from arnia.local.state import State

File = Annotated[Path | None, typer.Option(help="The ecosystem.py; the nearest one upward when absent.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder of data, logs and state; .arnia beside ecosystem.py if absent.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(program: typer.Typer) -> None:
    """Add the verbs to `program`."""
    program.command(epilog="Example: arnia up --replicas delivery=3")(up)
    program.command(epilog="Example: arnia down")(down)
    program.command(epilog="Example: arnia status --json")(status)
    program.command(epilog="Example: arnia logs delivery --follow")(logs)
    program.command(epilog="Example: arnia trace 0af76519")(trace)
    example = 'Example: arnia events redrive --aggregate 0199c2f4-... --reason "the address is mended"'
    program.command(epilog=example)(events)
    program.command(epilog="Example: arnia roll delivery")(roll)
    program.command(epilog="Example: arnia migrate delivery")(migrate)
    program.command(epilog="Example: arnia doctor")(doctor)


def up(
    file: File = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once everything is ready.")] = False,
    data: Data = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: a new folder, gone at the end.")
    ] = False,
    port: Annotated[
        int, typer.Option(metavar="PORT", help="Of the edge; 0 for any free one.", min=0, max=65535)
    ] = EDGE_PORT,
    replicas: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE=NUMBER", help="How many processes; may be repeated.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="A service to start; may be repeated.")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="Each major version in a process of its own.")] = False,
    broker: Annotated[
        str,
        typer.Option(metavar="KIND|URL|@FILE", help="What carries events: nats, rabbitmq, kafka, or one that runs."),
    ] = "nats",
    json: Json = False,
) -> None:
    """Start servers, services and edge, and keep them running until Ctrl-C. With --json: one line once all is ready.

    Ends with 130 after Ctrl-C, at any moment; with 0 after `arnia down` or SIGTERM; with 3 when something does not
    start. In each case no process is left.
    """
    finish(
        lambda: commands.up(
            file=file,
            detach=detach,
            data=data,
            ephemeral=ephemeral,
            port=port,
            replicas=replicas or (),
            only=only or (),
            split=split,
            broker=broker,
            announce=_announce if json else None,
        ),
        as_json=json and detach,
    )


def _announce(state: "State") -> None:
    typer.echo(state.model_dump_json())


def down(file: File = None, data: Data = None, json: Json = False) -> None:
    """Stop what runs, and wait until no process of it is left. Data is kept."""
    finish(lambda: commands.down(file=file, data=data), as_json=json)


def status(file: File = None, data: Data = None, json: Json = False) -> None:
    """Tell what runs; exit 1 unless everything does."""
    finish(lambda: commands.status(file=file, data=data), as_json=json)


def logs(
    name: Annotated[str | None, typer.Argument(help="A service or a process; all when absent.")] = None,
    file: File = None,
    data: Data = None,
    lines: Annotated[int, typer.Option(metavar="NUMBER", help="How many lines of each process.", min=1)] = 100,
    all: Annotated[bool, typer.Option("--all", help="Also what the run before has written.")] = False,  # noqa: A002 - the option
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is new, until Ctrl-C.")] = False,
    json: Json = False,
) -> None:
    """Print what the processes of this run, or the last one, have written, merged by time.

    On a terminal each line is made readable; elsewhere it is as it was written. With --follow and --json: one JSON
    document a line.
    """
    plain = {"plain": sys.stdout.isatty()}

    def show(found: "LogsResult") -> None:
        if not found.lines:
            notice_a_closed_pipe()
        elif json:
            typer.echo("\n".join(line.model_dump_json() for line in found.lines))
        else:
            typer.echo(found.model_copy(update=plain).text())

    finish(
        lambda: commands.logs(
            name, file=file, data=data, lines=lines, all=all, follow=follow, announce=show
        ).model_copy(update=plain),
        as_json=json,
    )


def trace(
    id: Annotated[str, typer.Argument(help="A trace id, eight digits of one, or an X-Request-Id.")],  # noqa: A002 - the argument
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show one request's way through the services, with times, statuses and log lines; exit 1 if there is none."""
    finish(lambda: commands.trace(id, file=file, data=data), as_json=json)


def events(
    action: Annotated[EventAction, typer.Argument(help="What to do; dlq lists what is stuck.")],
    id: Annotated[str | None, typer.Argument(help="Of an event, or of a message that is none.")] = None,  # noqa: A002 - the argument
    service: Annotated[str | None, typer.Option(help="Whose; every service's when absent.")] = None,
    aggregate: Annotated[str | None, typer.Option(metavar="ID", help="What they are about.")] = None,
    type: Annotated[str | None, typer.Option(metavar="TOPIC", help="Such as delivery.created.")] = None,  # noqa: A002 - the option
    state: Annotated[
        str | None, typer.Option(help="unsent, refused, waiting, parked or undecodable; any when absent.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not earlier: 2026-01-02T03:04:05Z, or 15m, 2h, 7d ago.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="NUMBER", help="How many of each service; of aggregates, for a redrive.", min=1)
    ] = 100,
    all: Annotated[bool, typer.Option("--all", help="Redrive all that is parked or refused.")] = False,  # noqa: A002 - the option
    skip: Annotated[
        bool, typer.Option("--skip", help="Give up the parked event, or the missing ones; throw away what is no event.")
    ] = False,
    rate: Annotated[
        float, typer.Option(metavar="NUMBER", help="Aggregates a second that are redriven, at the most.", min=0.01)
    ] = 50.0,
    reason: Annotated[str | None, typer.Option(help="Why they are redriven; kept with who did it.")] = None,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Look at events that are not over, and try again what was parked.

    A redrive keeps the ids, so that nothing has its effect twice; interrupted, the same again goes on. Exit 1 when what
    is named is not there.
    """
    finish(
        lambda: commands.events(
            action,
            id,
            service=service,
            aggregate=aggregate,
            type=type,
            state=state,
            since=since,
            limit=limit,
            all=all,
            skip=skip,
            rate=rate,
            reason=reason,
            file=file,
            data=data,
        ),
        as_json=json,
    )


def roll(
    service: Annotated[str, typer.Argument(help="Its name.")], file: File = None, data: Data = None, json: Json = False
) -> None:
    """Replace every process of a service, one after the other, without losing a request."""
    finish(lambda: commands.roll(service, file=file, data=data), as_json=json)


def migrate(
    service: Annotated[str | None, typer.Argument(help="Its name; all when absent.")] = None,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Bring the schema of one service, or of all, up to date on the running servers."""
    finish(lambda: commands.migrate(service, file=file, data=data), as_json=json)


def doctor(
    file: File = None,
    data: Data = None,
    port: Annotated[int, typer.Option(metavar="PORT", help="The edge's port.", min=0, max=65535)] = EDGE_PORT,
    json: Json = False,
) -> None:
    """Say whether this machine can run an ecosystem, and what to do where it cannot."""
    finish(lambda: commands.doctor(file=file, data=data, port=port), as_json=json)

"""How a command's outcome becomes output and an exit code.

0 done, 1 the answer is no, 2 wrong usage, 3 something outside is missing or down, 130 Ctrl-C. Results go to stdout
(text, or JSON with `--json`), faults to stderr, one sentence each; with `--json` the faults are on stdout too, as JSON.
"""

import json
import os
import select
import sys
from collections.abc import Callable, Sequence

import typer

from arnia.commands.result import Result
from arnia.conventions import EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE
from arnia.errors import ArniaError, FaultsError


def finish(command: Callable[[], Result], *, as_json: bool) -> None:
    """Run `command`, print its result or its faults, and end the program with the exit code that they mean.

    Raises:
        typer.Exit: Always; it carries the exit code.
    """
    try:
        result = command()
        _write(result.model_dump_json(indent=2) if as_json else result.text())
    except ArniaError as error:
        _complain(_sentences(error), error.exit_code, as_json=as_json)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        _leave_quietly()
        raise typer.Exit(EXIT_DONE) from None
    except OSError as error:
        _complain([_describe(error)], EXIT_OUTSIDE, as_json=as_json)
        raise typer.Exit(EXIT_OUTSIDE) from None
    raise typer.Exit(EXIT_DONE if result.ok else EXIT_NO)


def invoke(program: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Run the typer `program` and return its exit code; what it does not understand is one sentence and 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = program(arguments, prog_name="arnia", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except typer.TyperException as error:
        if not arguments:
            sys.stderr.write(error.format_message() + "\n")
            return EXIT_USAGE
        sentence = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
        unknown = arguments[0].startswith("-") or sentence.startswith("No such command")
        hint = "arnia --help" if unknown else f"arnia {arguments[0]} --help"
        _complain([f"{sentence}: `{hint}` shows what is possible."], EXIT_USAGE, as_json="--json" in arguments)
        return EXIT_USAGE
    except typer.Abort:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _leave_quietly()
        return EXIT_DONE
    return code if isinstance(code, int) else EXIT_DONE


def notice_a_closed_pipe() -> None:
    """Look whether anybody still reads stdout, for who has nothing to write now.

    Raises:
        BrokenPipeError: Nobody does.
    """
    poll = select.poll()
    poll.register(sys.stdout, select.POLLERR)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        raise BrokenPipeError


def _leave_quietly() -> None:
    """End without a fault: the reader (`| head`) has seen enough."""
    # Python flushes stdout once more at exit, and must not fail there.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentences(error: ArniaError) -> Sequence[str]:
    return error.faults if isinstance(error, FaultsError) else [str(error)]


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."


def _complain(sentences: Sequence[str], exit_code: int, *, as_json: bool) -> None:
    if as_json:
        _write(json.dumps({"ok": False, "exit_code": exit_code, "faults": list(sentences)}, indent=2))
    for sentence in sentences if sys.stderr is not None else ():
        sys.stderr.write(f"arnia: {sentence}\n")


def _write(text: str) -> None:
    if text and sys.stdout is not None:  # None where the parent has closed it
        sys.stdout.write(text + "\n")

"""The verbs `roll` and `migrate`: change what runs, without stopping it."""

from pathlib import Path
from textwrap import dedent
from typing import Final

from typing_extensions import override

from arnia.commands.declaration import load
from arnia.commands.place import folder_of
from arnia.commands.result import Result
from arnia.errors import OutsideError
from arnia.local.control import order_roll
from arnia.local.equipment import upstream_settings
from arnia.local.process import last_lines, run_briefly
from arnia.local.replica import Code
from arnia.local.state import State

_MIGRATE_SECONDS: Final = 3600.0


class RollResult(Result):
    """What `roll` did.

    Attributes:
        service: Its name.
        replicas: The names of the new processes.
    """

    service: str
    replicas: tuple[str, ...]

    @override
    def text(self) -> str:
        return f"Rolled {self.service}: {', '.join(self.replicas)} took over."


class MigrateResult(Result):
    """What `migrate` did.

    Attributes:
        output: What each service's migration wrote, by service.
    """

    output: dict[str, str]

    @override
    def text(self) -> str:
        return "\n".join(f"{service} is up to date." for service in self.output)


def roll(service: str, *, file: Path | None = None, data: Path | None = None) -> RollResult:
    """Replace every process of a running service, one after the other, without losing a request.

    Args:
        service: Its name.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: There is no such service.
        OutsideError: Nothing runs, or a new process does not start; the old one goes on serving then.
    """
    declaration = load(file)
    declaration.ecosystem.service(service)
    folder = folder_of(declaration.file, data)
    if (state := State.read(folder.state)) is None or not state.alive:
        raise OutsideError(f"Nothing runs on {folder.root}: start it with `arnia up`.")
    return RollResult(service=service, replicas=order_roll(folder.socket, service))


def migrate(service: str | None = None, *, file: Path | None = None, data: Path | None = None) -> MigrateResult:
    """Bring the schema of one service, or of all, up to date, on the servers that run.

    Args:
        service: Its name; None for every service with a database.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: There is no such service.
        OutsideError: Nothing runs, or a migration fails; the message ends with the last lines it wrote.
    """
    declaration = load(file)
    folder = folder_of(declaration.file, data)
    if (state := State.read(folder.state)) is None or not state.alive:
        raise OutsideError(f"Nothing runs on {folder.root}: start it with `arnia up`.")
    services = declaration.ecosystem.services if service is None else (declaration.ecosystem.service(service),)
    output: dict[str, str] = {}
    for one in services:
        urls = {name: running.internal_url for name, running in state.services.items()}
        settings = upstream_settings(one, urls)
        secrets = folder.secrets / one.name
        code = Code(one.name, declaration.service_folder(one.name), secrets, settings=settings)
        log = folder.log(f"{one.name}-migrate")
        log.write_bytes(b"")
        if any(secrets.glob("*_database_url")):
            run_briefly(code.command("migrate", log=log, settings={"port": "0"}), _MIGRATE_SECONDS)
            output[one.name] = dedent(last_lines(log))
    return MigrateResult(output=output)

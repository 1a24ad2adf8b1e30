"""The verbs `up` and `down`: start and stop an ecosystem on this machine."""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from typing_extensions import override

from arnia.commands.declaration import SERVICES_DIRECTORY, load
from arnia.commands.place import folder_of
from arnia.commands.promises import committed
from arnia.commands.result import Result
from arnia.conventions import EDGE_PORT
from arnia.ecosystem.environments import LOCAL
from arnia.errors import OutsideError, UsageError
from arnia.local.brokers import DEFAULT, as_argument, parse_broker, require_answer
from arnia.local.display import Lines, audience
from arnia.local.folder import Folder
from arnia.local.lock import held
from arnia.local.overview import summary
from arnia.local.plan import Plan, narrow, parse_replicas, wished
from arnia.local.process import last_lines
from arnia.local.servers.postgres import Postgres
from arnia.local.signing import refuse_shared_keys
from arnia.local.state import State
from arnia.local.supervisor import Supervisor

_START_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 90.0
_POLL: Final = 0.05


class UpResult(Result):
    """What `up` did.

    Attributes:
        state: What runs, when it runs on in the background; None when it has run and ended.
    """

    state: State | None = None

    @override
    def text(self) -> str:
        return summary(self.state) if self.state is not None else ""


class DownResult(Result):
    """What `down` did.

    Attributes:
        stopped: Whether something ran.
        data: The folder, whose data is kept.
    """

    stopped: bool
    data: str

    @override
    def text(self) -> str:
        return f"Stopped; the data is kept in {self.data}." if self.stopped else f"Nothing runs on {self.data}."


def up(
    *,
    file: Path | None = None,
    detach: bool = False,
    data: Path | None = None,
    ephemeral: bool = False,
    port: int = EDGE_PORT,
    replicas: Sequence[str] = (),
    only: Sequence[str] = (),
    split: bool = False,
    broker: str = DEFAULT,
    announce: Callable[[State], None] | None = None,
) -> UpResult:
    """Start servers, services and edge, and keep them running until Ctrl-C, SIGTERM or `down`.

    Progress is shown on standard error. Call it from the main thread. It returns after SIGTERM or `down`; Ctrl-C is
    passed on, at whatever moment it comes, so that whoever called stops too.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        detach: Return once everything is ready; it runs on in the background.
        data: Where data, logs and state are kept; `.arnia` beside the file when None.
        ephemeral: Keep everything in a new folder that goes at the end.
        port: Of the edge; 0 for any free one.
        replicas: How many processes of which service: `delivery=3`.
        only: The services to start; all when empty.
        split: Run each major version of a service in a process of its own.
        broker: What carries events: `nats`, `rabbitmq`, `kafka`, or the URL of a broker that somebody else runs.
        announce: Called once everything is ready.

    Raises:
        UsageError: Wishes that contradict each other, or name what is not declared; a shared key for several services.
        OutsideError: Something does not start, `broker` does not answer, or another `up` runs on the same data.
        KeyboardInterrupt: Ctrl-C ended it, in good order.
    """
    if ephemeral and (data is not None or detach):
        raise UsageError("--ephemeral goes with neither --data nor --detach: nothing could find the folder again.")
    wish = parse_broker(broker)
    declaration = load(file)
    ecosystem = narrow(declaration.ecosystem, only)
    declared = next((one for one in ecosystem.environments if one.name == LOCAL), ecosystem.environments[0])
    environment = wished(ecosystem, declared, replicas=parse_replicas(replicas), split=split)
    services = declaration.root / SERVICES_DIRECTORY
    contracts = committed(declaration)
    refuse_shared_keys(declaration.ecosystem, services, contracts)
    plan = Plan(ecosystem, environment, services, port, durable=not ephemeral, contracts=contracts, broker_wish=wish)
    require_answer(wish)
    if detach:
        folder = Folder.beside(declaration.file, data)
        return UpResult(state=_detach(declaration.file, folder, port, replicas, only, split=split, broker=wish))
    folder = Folder.ephemeral() if ephemeral else Folder.beside(declaration.file, data)
    try:
        _run(plan, folder, announce or _ignore)
    finally:
        if folder.temporary:
            Postgres(folder.server(Postgres.name), port=1).remove()
            shutil.rmtree(folder.root, ignore_errors=True)
    return UpResult()


def _ignore(_: State) -> None:
    """Nobody waits for readiness."""


def _run(plan: Plan, folder: Folder, announce: Callable[[State], None]) -> None:
    folder.create()

    async def supervise() -> bool:
        with audience() as shown:
            return await Supervisor(plan, folder, shown, announce).run()

    with held(folder.lock):
        interrupted = asyncio.run(supervise())
    Lines().say("Stopped; no process is left.")
    if interrupted:
        raise KeyboardInterrupt


def _detach(
    file: Path, folder: Folder, port: int, replicas: Sequence[str], only: Sequence[str], *, split: bool, broker: str
) -> State:
    folder.create()
    log = folder.log("up")
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))
    wishes = [f"--replicas={wish}" for wish in replicas] + [f"--only={name}" for name in only]
    options = ("--file", str(file), "--data", str(folder.root), "--port", str(port), *wishes)
    options += (f"--broker={as_argument(broker, folder)}",)
    with log.open("wb") as output:
        child = subprocess.Popen(
            (sys.executable, "-m", "arnia.cli", "up", *options, *(("--split",) if split else ())),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        return _await_ready(child, folder)
    except BaseException:  # Ctrl-C too: nothing starts behind the back of whoever changed their mind
        child.terminate()
        child.wait(_STOP_SECONDS)
        raise


def _await_ready(child: "subprocess.Popen[bytes]", folder: Folder) -> State:
    log = folder.log("up")
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        state = State.read(folder.state)
        if state is not None and state.ready and state.pid == child.pid:
            return state
        if child.poll() is not None:
            raise OutsideError(_fault(log))
        time.sleep(_POLL)
    raise OutsideError(f"Not ready after {_START_SECONDS:.0f} s:\n{last_lines(log)}")


def _fault(log: Path) -> str:
    """Return what the program in the background complained about, or its last lines."""
    # At the start of a line only: the sentence itself may name a folder that ends in `.arnia:`.
    _, *complaints = re.split(r"(?m)^arnia: ", log.read_text(errors="replace"))
    return complaints[-1].rstrip() if complaints else f"It did not start:\n{last_lines(log)}"


def down(*, file: Path | None = None, data: Path | None = None) -> DownResult:
    """Stop the ecosystem that runs on the data, and wait until no process of it is left.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        OutsideError: It does not stop.
    """
    folder = folder_of(file, data)
    state = State.read(folder.state)
    if state is None:
        return DownResult(stopped=False, data=str(folder.root))
    supervisor = state.supervisor.find()
    if supervisor is None:
        with held(folder.lock):
            ended = state.end_orphans(_STOP_SECONDS)
            folder.state.unlink(missing_ok=True)
        return DownResult(stopped=bool(ended), data=str(folder.root))
    supervisor.send_signal(signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while state.alive:
        if time.monotonic() > until:
            message = f"The supervisor (pid {state.pid}) does not stop; end it with: kill -9 {state.pid}."
            raise OutsideError(message)
        time.sleep(_POLL)
    return DownResult(stopped=True, data=str(folder.root))

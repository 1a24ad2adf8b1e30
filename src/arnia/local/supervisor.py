"""Runs an ecosystem: servers, services and edge, from the first process to the last."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from arnia.conventions import LOOPBACK
from arnia.ecosystem import Broker, Cache, Database
from arnia.ecosystem.groups import group_name, groups
from arnia.errors import OutsideError
from arnia.local.admission import Trust
from arnia.local.brokers import OutsideBroker, broker_of
from arnia.local.control import Control
from arnia.local.edge import Doors, edge_configuration
from arnia.local.equipment import Equipment
from arnia.local.fleet import Fleet
from arnia.local.folder import Folder
from arnia.local.logs import begin_anew, rotate_all
from arnia.local.overview import introduction
from arnia.local.plan import Plan
from arnia.local.ports import by_whom, free_port, is_free
from arnia.local.process import Identity
from arnia.local.servers.envoy import Envoy
from arnia.local.servers.postgres import Postgres
from arnia.local.servers.valkey import Valkey
from arnia.local.state import State
from arnia.local.unit import Program, Unit

_ROTATE_SECONDS: Final = 30.0
_ORPHAN_PATIENCE: Final = 20.0
_EDGE_SECONDS: Final = 10.0
_EDGE_POLL: Final = 0.02


class Audience(Protocol):
    """Who is shown what happens."""

    def show(self, state: State) -> None:
        """Take notice of the whole state; called at every change."""
        ...

    def say(self, sentence: str) -> None:
        """Take notice of something that is not in the state."""
        ...

    def confide(self, secret: str) -> None:
        """Take notice of a secret: for the eyes of a person, and for nothing that keeps it."""
        ...


class Supervisor:
    """Everything that `up` starts, for as long as it runs. Whoever uses it holds the folder's lock."""

    def __init__(self, plan: Plan, folder: Folder, audience: Audience, announce: Callable[[State], None]) -> None:
        """Describe what to run; nothing happens before `run`. Needs a running event loop.

        Args:
            plan: What to run.
            folder: Where data, logs and state are kept.
            audience: Who is shown what happens.
            announce: Called once everything is ready and orders are taken.

        Raises:
            OutsideError: The edge's port is taken.
        """
        self._plan = plan
        self._folder = folder
        self._audience = audience
        self._announce = announce
        self._port = _edge_port(plan.port)
        self._servers: dict[str, Unit] = {}
        self._ready = False
        self._identity = Identity.of(os.getpid()) or Identity(os.getpid(), time.time())
        self._stop = asyncio.Event()
        self._signal: signal.Signals | None = None
        self._fleet = self._assemble()

    async def run(self) -> bool:
        """Start everything, keep it running until a signal says stop, and end everything.

        Returns:
            Whether that signal was SIGINT, which is Ctrl-C.

        Raises:
            OutsideError: Something does not start; whatever ran is ended by then.
        """
        with self._signals():
            await asyncio.to_thread(self._recover)
            try:
                if await self._start():
                    async with Control(self._folder.socket, self._fleet.roll):
                        self._ready = True
                        self._changed()
                        self._announce(self.state())
                        await self._keep()
            finally:
                await self._end()
        return self._signal == signal.SIGINT

    def state(self) -> State:
        """Return what runs now."""
        return State(
            ecosystem=self._plan.ecosystem.name,
            pid=self._identity.pid,
            started=self._identity.started,
            ready=self._ready,
            edge_url=self._edge_url,
            data=str(self._folder.root),
            services=self._fleet.states(),
            servers={name: unit.state() for name, unit in self._servers.items()},
            exposed=self._plan.exposed,
            issuer=self._plan.ecosystem.issuer,
            outside_issuer=self._plan.environment.issuer.url if self._plan.environment.issuer is not None else "",
            self_signed=self._equipment.self_signed,
        )

    @property
    def _edge_url(self) -> str:
        return f"http://{LOOPBACK}:{self._port}"

    def _recover(self) -> None:
        left = State.read(self._folder.state)
        ended = left.end_orphans(_ORPHAN_PATIENCE) if left is not None else ()
        self._folder.state.unlink(missing_ok=True)
        if ended:
            self._audience.say(f"An earlier run died and left processes behind; ended {', '.join(ended)}.")
        directory = self._folder.server(Postgres.name)
        if directory.exists():
            Postgres(directory, port=1).recover()
        begin_anew(self._folder.logs)

    def _assemble(self) -> Fleet:
        plan, folder = self._plan, self._folder
        kinds = {type(plan.ecosystem.resource(name)) for one in plan.ecosystem.services for name in one.uses}
        postgres = valkey = broker = ours = None
        if Database in kinds:
            log = folder.log(Postgres.name)
            postgres = Postgres(folder.server(Postgres.name), durable=plan.durable, dies_with_parent=True, log=log)
        if Cache in kinds or plan.ecosystem.issuer:
            valkey = Valkey(
                folder.server(Valkey.name),
                free_port(),
                log=folder.log(Valkey.name),
                users=[service.name for service in plan.ecosystem.services],
                issuer=plan.ecosystem.issuer,
            )
        if Broker in kinds:
            broker = broker_of(plan.broker_wish, plan.ecosystem, folder, durable=plan.durable)
        ours = None if isinstance(broker, OutsideBroker) else broker
        doors = _doors(self._port, plan.called, folder.edge_socket)
        self._equipment = Equipment(
            plan,
            folder,
            edge_url=self._edge_url,
            internal_urls={name: f"http://{LOOPBACK}:{port}" for name, port in doors.internal.items()},
            postgres=postgres,
            valkey=valkey,
            broker=broker,
        )
        taken = {self._port, *doors.internal.values()} | {
            one.port for one in (postgres, valkey, ours) if one is not None
        }
        self._edge = Envoy(
            self._configure(doors),
            self._port,
            folder.server(Envoy.name),
            log=folder.log(Envoy.name),
            knowledge=folder.edge_socket,
        )
        fleet = Fleet(
            plan,
            folder,
            self._equipment,
            databases=postgres is not None,
            taken=taken,
            routed=self._edge.routed,
            changed=self._changed,
        )
        if postgres is not None:
            self._add_server(postgres, up=fleet.create_databases)
        if valkey is not None:
            self._add_server(valkey)
        if ours is not None:
            self._add_server(ours)
        self._add_server(self._edge)
        return fleet

    def _configure(self, doors: Doors) -> str:
        plan = self._plan
        trust = None
        if plan.ecosystem.issuer:
            issuer = plan.ecosystem.service(plan.ecosystem.issuer)
            newest = groups(issuer, plan.environment)[-1]
            trust = Trust(issuer=self._edge_url, cluster=group_name(issuer.name, newest))
        elif plan.environment.issuer is not None:
            trust = Trust.in_outsider(plan.environment.issuer)
        endpoints = str(self._folder.endpoints)
        return edge_configuration(plan.ecosystem, plan.environment, doors, endpoints=endpoints, trust=trust)

    def _add_server(self, server: Program, up: Callable[[], Awaitable[None]] | None = None) -> None:
        self._servers[server.name] = Unit(server, changed=self._changed, up=up)

    async def _start(self) -> bool:
        """Start everything; return whether it is ready, which it is not when told to stop before."""
        self._fleet.publish_all()
        for unit in self._servers.values():
            unit.begin()
        self._fleet.begin()
        started = asyncio.gather(*(unit.first_ready for unit in (*self._servers.values(), *self._fleet.units)))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((started, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not started.done():
            started.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await started
            return False
        started.result()
        await asyncio.gather(*(self._taken_notice(self._edge.serves, path) for path in self._plan.exposed))
        for path, audience in self._plan.guarded[:1]:
            outside = self._plan.environment.issuer
            issuer = self._edge_url if outside is None else outside.url
            await self._taken_notice(self._edge.verifies, path, issuer, audience)
        await asyncio.gather(*(self._taken_notice(asks) for asks in self._fleet.beliefs()))
        if self._equipment.newcomers is not None:
            self._audience.confide(introduction(self._equipment.newcomers))
        return True

    async def _taken_notice(self, asks: Callable[..., bool], *arguments: str) -> None:
        """Wait until others know who is ready, or have the issuer's keys; they read both in their own time."""
        until = time.monotonic() + _EDGE_SECONDS
        while not await asyncio.to_thread(asks, *arguments) and time.monotonic() < until:  # noqa: ASYNC110 - another process takes notice
            await asyncio.sleep(_EDGE_POLL)

    async def _keep(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _ROTATE_SECONDS)
            rotate_all(self._folder.logs)

    async def _end(self) -> None:
        """End services first, which finish what is in flight, then the edge, then what they leaned on."""
        await asyncio.gather(*(unit.stop() for unit in self._fleet.units))
        edge = self._servers[Envoy.name]
        await edge.stop()
        await asyncio.gather(*(unit.stop() for unit in self._servers.values() if unit is not edge))
        self._folder.state.unlink(missing_ok=True)

    def _changed(self) -> None:
        state = self.state()
        state.write(self._folder.state)
        self._audience.show(state)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        wanted = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it
            wanted.append(signal.SIGHUP)
        for number in wanted:
            loop.add_signal_handler(number, self._interrupt, number)
        try:
            yield
        finally:
            for number in wanted:
                loop.remove_signal_handler(number)

    def _interrupt(self, number: signal.Signals) -> None:
        self._stop.set()
        if self._signal is None:
            self._signal = number
            self._audience.say("Stopping: finishing what is in flight. Once more to stop at once.")
            return
        for unit in (*self._fleet.units, *self._servers.values()):
            unit.kill()


def _doors(port: int, called: Iterable[str], knowledge: Path) -> Doors:
    internal: dict[str, int] = {}
    for name in called:
        internal[name] = free_port(besides=frozenset({port, *internal.values()}))
    return Doors(port=port, internal=internal, knowledge=str(knowledge))


def _edge_port(port: int) -> int:
    if port == 0:
        return free_port()
    if not is_free(port):
        taken = f"Port {port} at {LOOPBACK} is taken{by_whom(port)}"
        message = f"{taken}: end what listens there, or choose another with `--port N` (0 is any free one)."
        raise OutsideError(message)
    return port

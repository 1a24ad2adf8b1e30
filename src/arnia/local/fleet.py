"""The services' processes: how many, where, and which of them the edge may use."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from arnia.ecosystem import Service
from arnia.errors import OutsideError, UsageError
from arnia.local.clusters import assignment
from arnia.local.equipment import Equipment
from arnia.local.folder import Folder
from arnia.local.plan import Group, Plan
from arnia.local.ports import free_port
from arnia.local.replica import Code, Replica
from arnia.local.state import ServiceState
from arnia.local.unit import Unit

_STOP_SECONDS: Final = 35.0
"""Above the services' own patience (30 s) with requests in flight."""
_NOTICE_SECONDS: Final = 30.0
"""How long the edge may take to notice who came and who left; one that is down does not keep a roll from going on."""
_NOTICE_POLL: Final = 0.05

Routed = Callable[[str], Mapping[int, bool] | None]
"""Says where the edge sends the requests of a group: ports, and whether it finds the process there well.

None: the edge sends it none. Raises OSError where the edge does not answer.
"""


class Fleet:
    """All replicas of all services."""

    def __init__(
        self,
        plan: Plan,
        folder: Folder,
        equipment: Equipment,
        *,
        databases: bool,
        taken: Iterable[int],
        routed: Routed,
        changed: Callable[[], None],
    ) -> None:
        """Describe the fleet: one unit per wanted replica.

        Args:
            plan: What runs.
            folder: Where logs and secrets are.
            equipment: What each service is told.
            databases: Whether services wait for `create_databases`.
            taken: Ports that others will listen on.
            routed: What the edge knows.
            changed: Called after every change.
        """
        self._plan = plan
        self._folder = folder
        self._equipment = equipment
        self._routed = routed
        self._tell = changed
        self._groups = {group.name: group for group in plan.groups}
        self._codes = {service.name: self._code(service) for service in plan.ecosystem.services}
        self._ports = set(taken)
        self._leaving: set[str] = set()
        self._published: dict[str, tuple[int, ...]] = {}
        self._rolling = asyncio.Lock()
        self._databases = asyncio.Event()
        if not databases:
            for service in plan.ecosystem.services:
                self._equip(service)
            self._databases.set()
        self.units: list[Unit] = []
        # The issuer first: nobody waits for it, and everybody says 503 until its keys are there.
        for group in sorted(plan.groups, key=lambda group: group.service != plan.ecosystem.issuer):
            for _ in range(group.replicas):
                self.units.append(self._unit(group))

    def _code(self, service: Service) -> Code:
        return Code(
            service=service.name,
            folder=self._plan.folder(service.name).absolute(),
            secrets=self._folder.secrets / service.name,
            settings=self._equipment.settings(service),
        )

    def _unit(self, group: Group) -> Unit:
        taken = {unit.name for unit in self.units}
        name = next(name for number in range(1, 1000) if (name := f"{group.name}-{number}") not in taken)
        port = free_port(besides=frozenset(self._ports))
        self._ports.add(port)
        code = self._codes[group.service]
        replica = Replica(name, code, port, self._folder.log(name), group.versions)
        return Unit(
            replica,
            changed=self._changed,
            group=group.name,
            patience=_STOP_SECONDS,
            needs=self._databases.wait,
        )

    def begin(self) -> None:
        """Start every replica in the background; each waits for the databases, and for nothing else."""
        for unit in self.units:
            unit.begin()

    async def create_databases(self) -> None:
        """Give each service its database, its role and its secrets, and let the replicas start."""
        await asyncio.gather(*(asyncio.to_thread(self._equip, service) for service in self._plan.ecosystem.services))
        self._databases.set()

    def _equip(self, service: Service) -> None:
        code = self._codes[service.name]
        code.write_secrets(self._equipment.secrets(service))

    def states(self) -> dict[str, ServiceState]:
        """Return what to tell about every service."""
        told: dict[str, ServiceState] = {}
        for service in self._plan.ecosystem.services:
            replicas = tuple(unit.state() for unit in self.units if self._groups[unit.group].service == service.name)
            told[service.name] = ServiceState(
                url=replicas[0].url,
                pid=replicas[0].pid,
                replicas=replicas,
                internal_url=self._equipment.internal_url(service.name),
            )
        return told

    def beliefs(self) -> list[Callable[[], bool]]:
        """Return what tells of each replica whether it can verify tokens."""
        return [unit.program.believes for unit in self.units if isinstance(unit.program, Replica)]

    def publish_all(self) -> None:
        """Write every endpoint file, so that the edge finds them all."""
        for name in self._groups:
            self._publish(name)

    def _changed(self) -> None:
        self.publish_all()
        self._tell()

    def _publish(self, group: str) -> None:
        ports = tuple(
            sorted(
                unit.program.port
                for unit in self.units
                if unit.group == group and unit.ready and unit.name not in self._leaving
            )
        )
        if self._published.get(group) == ports:
            return
        self._published[group] = ports
        file = self._folder.endpoints / f"{group}.json"
        fresh = self._folder.endpoints / f".{group}.json.new"
        fresh.write_text(assignment(group, ports))
        fresh.replace(file)

    async def roll(self, service: str) -> tuple[str, ...]:
        """Replace every replica of `service`, one after the other, without losing a request.

        Returns:
            The names of the new replicas.

        Raises:
            UsageError: There is no such service here.
            OutsideError: A new replica does not start; the old one goes on serving.
        """
        if service not in self._codes:
            message = f"{service!r} is no service that runs here: there are {', '.join(self._codes)}."
            raise UsageError(message)
        async with self._rolling:
            old = [unit for unit in self.units if self._groups[unit.group].service == service]
            return tuple([await self._replace(unit) for unit in old])

    async def _replace(self, old: Unit) -> str:
        new = self._unit(self._groups[old.group])
        self.units.append(new)
        new.begin()
        try:
            await new.first_ready
        except OutsideError:
            await self._remove(new)
            raise
        await self._noticed(old.group, lambda ports: ports.get(new.program.port, False))
        self._leaving.add(old.name)
        self._changed()
        await self._noticed(old.group, lambda ports: old.program.port not in ports)
        await self._remove(old)
        return new.name

    async def _noticed(self, group: str, seen: Callable[[Mapping[int, bool]], bool]) -> None:
        """Wait until what the edge knows of a group is as `seen` wants it."""
        until = time.monotonic() + _NOTICE_SECONDS
        while time.monotonic() < until:
            with contextlib.suppress(OSError):
                ports = await asyncio.to_thread(self._routed, group)
                if ports is None or seen(ports):
                    return
            await asyncio.sleep(_NOTICE_POLL)

    async def _remove(self, unit: Unit) -> None:
        await unit.stop()
        self.units.remove(unit)
        self._leaving.discard(unit.name)
        self._ports.discard(unit.program.port)
        self._changed()

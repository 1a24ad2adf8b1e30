"""The verb `events`: what became of events, and trying again what was parked."""

import getpass
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue
from typing_extensions import override

from arnia.commands.actions import EventAction
from arnia.commands.declaration import Declaration, load
from arnia.commands.place import folder_of
from arnia.commands.result import Result, count
from arnia.ecosystem import Service
from arnia.errors import OutsideError, UsageError
from arnia.local.equipment import upstream_settings
from arnia.local.folder import Folder
from arnia.local.process import run_briefly
from arnia.local.replica import Code
from arnia.local.state import State

_SECONDS: Final = 3600.0
_STATES: Final = ("unsent", "refused", "waiting", "parked", "undecodable")
_STUCK: Final = ("refused", "parked", "undecodable")
_AGO: Final = re.compile(r"(\d+)([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class EventLine(BaseModel):
    """An event as one service knows it, or what was done with it.

    Attributes:
        service: Who says so.
        id: Its id; the digest of a message that is no event.
        state: unsent or refused in an outbox; waiting or parked in an inbox; undecodable; sent, done or dropped.
        aggregate_type: What kind of thing it is about; the channel where it is no event.
        cause: Why it is not over.
        at: When it was emitted, or came.
        action: What was done with it now.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    id: str
    state: str = ""
    type: str = ""
    version: int = 0
    aggregate_type: str
    aggregate_id: str
    sequence: int = 0
    attempts: int = 0
    cause: str = ""
    at: str = ""
    source: str = ""
    headers: dict[str, str] = {}
    payload: JsonValue = None
    redriven: tuple[dict[str, str], ...] = ()
    action: str = ""
    by: str = ""
    reason: str = ""


class EventsResult(Result):
    """Events, the oldest of each service first.

    Attributes:
        whole: Whether they are shown whole.
    """

    whole: bool = False
    events: tuple[EventLine, ...]

    @override
    def text(self) -> str:
        if not self.events:
            return "No such event."
        if self.whole:
            return "\n\n".join(_show(event) for event in self.events)
        lines = [
            f"{event.service:14}  {event.action or event.state:12}  {event.id:36}  {event.type or event.aggregate_type}"
            f"  {event.aggregate_id}{f' #{event.sequence}' if event.sequence else ''}  {event.cause}".rstrip()
            for event in self.events
        ]
        return "\n".join([*lines, count(len(self.events), "event")])


def events(
    action: EventAction,
    id: str | None = None,  # noqa: A002 - the argument
    *,
    service: str | None = None,
    aggregate: str | None = None,
    type: str | None = None,  # noqa: A002 - the option
    state: str | None = None,
    since: str | None = None,
    limit: int = 100,
    all: bool = False,  # noqa: A002 - the option
    skip: bool = False,
    rate: float = 50.0,
    reason: str | None = None,
    file: Path | None = None,
    data: Path | None = None,
) -> EventsResult:
    """Look at events that are not over, in the databases of what runs here, and try again what was parked.

    Args:
        action: list what is not over; show one whole; dlq: list what is stuck; redrive.
        id: Of an event, or of a message that is none.
        service: Whose; every one that has a database when None.
        aggregate: The id of what they are about.
        type: Their topic.
        state: One of unsent, refused, waiting, parked, undecodable.
        since: Not earlier: an ISO 8601 time, or how long ago, such as 15m, 2h, 7d.
        limit: How many of each service, at the most; for a redrive, how many aggregates.
        all: Redrive all that is parked or refused.
        skip: Give up the event that is parked, or those that are missing, or throw away what is no event.
        rate: Aggregates a second that are redriven at the most, by each service.
        reason: Why they are redriven; kept with who did it.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: There is no such service or state, or a redrive that says neither what nor why.
        OutsideError: Nothing runs, or a service cannot reach its database.
    """
    inquiry: dict[str, object] = {
        "action": "list" if action is EventAction.DLQ else action.value,
        "id": (id or "").strip().lower(),
        "aggregate": _identity(aggregate),
        "type": type or "",
        "states": [_state(state)] if state else list(_STUCK if action is EventAction.DLQ else ()),
        "since": _moment(since),
        "limit": limit,
        "skip": skip,
        "every": all,
        "rate": rate,
        "reason": (reason or "").strip(),
        "by": getpass.getuser(),
    }
    _check(action, inquiry)
    found = _ask_all(service, inquiry, file, data)
    named = action is EventAction.SHOW or (action is EventAction.REDRIVE and not all)
    return EventsResult(ok=bool(found) or not named, whole=action is EventAction.SHOW, events=tuple(found))


def _ask_all(
    service: str | None, inquiry: Mapping[str, object], file: Path | None, data: Path | None
) -> list[EventLine]:
    declaration = load(file)
    folder = folder_of(declaration.file, data)
    if (running := State.read(folder.state)) is None or not running.alive:
        raise OutsideError(f"Nothing runs on {folder.root}: start it with `arnia up`.")
    services = declaration.ecosystem.services if service is None else (declaration.ecosystem.service(service),)
    asked = [one for one in services if any((folder.secrets / one.name).glob("*_database_url"))]
    urls = {name: one.internal_url for name, one in running.services.items()}
    with ThreadPoolExecutor(max_workers=4) as threads:
        answers = list(threads.map(lambda one: _ask(one, declaration, folder, urls, inquiry), asked))
    return [line for lines in answers for line in lines]


def _ask(
    service: Service, declaration: Declaration, folder: Folder, urls: dict[str, str], inquiry: Mapping[str, object]
) -> Sequence[EventLine]:
    settings = upstream_settings(service, urls)
    secrets = folder.secrets / service.name
    code = Code(service.name, declaration.service_folder(service.name), secrets, settings=settings)
    with tempfile.TemporaryDirectory(prefix="arnia-events-") as place:  # events are nobody else's business
        output = Path(place) / "output"
        output.touch(mode=0o600)
        run_briefly(code.command("events", json.dumps(inquiry), log=output, settings={"port": "0"}), _SECONDS)
        told = [line for line in output.read_text(encoding="utf-8").splitlines() if line.startswith('{"events":')]
    lines = json.loads(told[-1])["events"] if told else []
    return [EventLine.model_validate({"service": service.name, **line}) for line in lines]


def _check(action: EventAction, inquiry: Mapping[str, object]) -> None:
    if action is EventAction.SHOW and not inquiry["id"]:
        raise UsageError("Say which event is shown: `arnia events list` has their ids.")
    if action is not EventAction.REDRIVE:
        return
    if not inquiry["reason"]:
        raise UsageError("A redrive needs --reason: it is kept with who did it.")
    if not (inquiry["id"] or inquiry["aggregate"] or inquiry["every"]):
        raise UsageError("Say what is redriven: an event's ID, --aggregate ID, or --all.")
    if inquiry["skip"] and inquiry["every"]:
        raise UsageError("--skip is said of one event or one aggregate, not of --all.")


def _identity(given: str | None) -> str | None:
    try:
        return None if given is None else str(UUID(given))
    except ValueError:
        raise UsageError(f"--aggregate {given} is no UUID.") from None


def _state(given: str) -> str:
    if given not in _STATES:
        raise UsageError(f"--state {given} is none: use one of {', '.join(_STATES)}.")
    return given


def _moment(given: str | None) -> str | None:
    if given is None:
        return None
    if ago := _AGO.fullmatch(given):
        return (datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise UsageError(f"--since {given} is no time: write 2026-01-02T03:04:05Z, or 15m, 2h, 7d.") from None
    return (moment if moment.tzinfo else moment.astimezone()).isoformat()


def _show(event: EventLine) -> str:
    lines = [
        f"{event.type or 'no event'} {event.id}",
        f"  in        {event.service}: {event.state}{f', {event.cause}' if event.cause else ''}",
        f"  about     {event.aggregate_type} {event.aggregate_id} #{event.sequence}, version {event.version}",
        f"  at        {event.at}, tried {event.attempts} times",
        *(f"  {name:9} {value}" for name, value in sorted(event.headers.items())),
        *(f"  redriven  {one['at']} by {one['by']}: {one['action']}, {one['reason']}" for one in event.redriven),
        f"  payload   {json.dumps(event.payload, ensure_ascii=False)}" if event.payload is not None else "",
    ]
    return "\n".join(filter(None, lines))

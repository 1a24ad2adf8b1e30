"""The process of a service: `python -m delivery.main [serve | migrate | contract | tables | events]`."""

import asyncio
import contextlib
import gc
import json
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from types import FrameType
from typing import Final, cast

import uvicorn
from starlette.types import Scope
from typing_extensions import override
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from arnia.chassis import problems
from arnia.chassis.application import Application, migrate
from arnia.chassis.lifespan import Lifespan
from arnia.chassis.logs import configure
from arnia.chassis.overload import ARRIVED
from arnia.chassis.settings import DatabaseSettings, load
from arnia.chassis.spine import Spine
from arnia.chassis.traces import new_trace_id
from arnia.conventions import EXIT_DONE, EXIT_OUTSIDE, EXIT_USAGE
from arnia.errors import ArniaError, HeadersTooLarge, MalformedRequest, ServiceError, SettingsError

__all__ = ["run"]

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the edge keeps an idle connection, so that it is never the service that closes one first."""

MAX_HEAD_BYTES: Final = 131_072
"""Where reading stops; the rule itself, 32 KiB of header fields, is the spine's."""

LINGER_SECONDS: Final = 1.0

HELP: Final = """\
What this service can be asked to do:

  serve      answer requests until SIGTERM; what it does when nothing is said
  migrate    bring the schema of its database up to date, and end
  contract   print what it promises and needs, as JSON: its settings among it
  tables     print its tables, and the migration that makes them, as JSON
  events     print, or redrive, events that are not over; asked in JSON, as `arnia events` does

It is told what it needs by its settings: environment, then .env, then secret files, then defaults.
Ends with 0 done, 2 wrong usage or settings (one line a fault), 3 something outside is missing or down.
"""

log: Final = logging.getLogger("arnia.process")


def run(create: Callable[[], Application]) -> None:
    """Do what the command line asks of the service that `create` makes, and end the process.

    Exit codes: 0 done; 2 wrong usage or settings, one line a fault; 3 something outside is missing or down.
    """
    verb = sys.argv[1] if len(sys.argv) > 1 else "serve"
    verbs: dict[str, Callable[[Application], int]] = {
        "serve": _serve,
        "migrate": _migrate,
        "contract": _contract,
        "tables": _tables,
        "events": _events,
    }
    if verb in {"-h", "--help"}:
        sys.stdout.write(HELP)
        sys.exit(EXIT_DONE)
    if verb not in verbs:
        sys.stderr.write(f"{verb}: no such verb; use one of {', '.join(verbs)}; --help says what each does\n")
        sys.exit(EXIT_USAGE)
    # What is made now is there to stay: collections would go through it again and again, for a tenth of the start.
    gc.disable()
    try:
        code = verbs[verb](create())
    except SettingsError as error:
        sys.stderr.write("".join(f"{fault}\n" for fault in error.faults))
        code = error.exit_code
    except ArniaError as error:
        sys.stderr.write(f"{error}\n")
        code = error.exit_code
    finally:
        gc.enable()
    sys.exit(code)


def _contract(application: Application) -> int:
    json.dump(application.contract(), sys.stdout)
    return EXIT_DONE


def _tables(application: Application) -> int:
    """Print the names of the service's own tables, and the migration that makes them in an empty database."""
    from arnia.chassis.first_revision import own_tables, write_first_revision  # noqa: PLC0415 - Alembic, for this only

    models = application.models
    names = [] if models is None else [table.name for table in own_tables(models)]
    json.dump({"tables": names, "migration": None if models is None else write_first_revision(models)}, sys.stdout)
    return EXIT_DONE


def _migrate(application: Application) -> int:
    settings = load(application.settings, application.service)
    if isinstance(settings, DatabaseSettings):
        asyncio.run(migrate(application, settings))
    return EXIT_DONE


def _events(application: Application) -> int:
    """Answer one inquiry about events, the second argument, with one line of JSON."""
    from arnia.chassis.event_desk import answer  # noqa: PLC0415 - for this only

    settings = load(application.settings, application.service)
    found = asyncio.run(answer(application.service, settings, sys.argv[2] if len(sys.argv) > 2 else "{}"))
    sys.stdout.write(f"{json.dumps(found)}\n")
    return EXIT_DONE


def _serve(application: Application) -> int:
    settings = load(application.settings, application.service)
    access = configure(application.service, application.version, settings.log_level, settings.log_format)
    spine = application.asgi(settings, access=access)
    config = uvicorn.Config(
        spine,
        host=settings.host,
        port=settings.port,
        http=ProblemProtocol,
        ws="none",
        loop="uvloop",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.stop_seconds,
    )
    lifespan = Lifespan(config)
    config.lifespan_class = lambda _: lifespan
    server = DrainingServer(config, spine, settings.drain_seconds, lifespan)
    server.run()
    access.flush()
    if server.started or lifespan.given_up:
        return EXIT_DONE
    if lifespan.fault is not None:
        raise lifespan.fault
    return EXIT_OUTSIDE


class DrainingServer(uvicorn.Server):
    """Stops in two steps: not ready but serving, so that nobody new is sent here; then no more."""

    def __init__(self, config: uvicorn.Config, spine: Spine, drain_seconds: float, beginning: Lifespan) -> None:
        super().__init__(config)
        self._beginning = beginning
        self._spine = spine
        self._drain_seconds = drain_seconds

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin; where that fails, return to whoever knows the exit code instead of ending the process here.

        From then on the garbage of requests is collected, and nothing that was there before is looked at again.
        """
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True
        gc.freeze()
        gc.enable()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain at the first signal, or give the start up that is not over; a second SIGINT ends at once."""
        if not self.started:
            # The beginning may be over already, and only the port not open yet: then nobody would be left to hear it.
            self.should_exit = True
            asyncio.get_running_loop().call_soon_threadsafe(self._beginning.give_up)
        elif not self._spine.draining:
            self._spine.drain()
            asyncio.get_running_loop().call_soon_threadsafe(self._end_soon)
        elif sig == signal.SIGINT:
            self.should_exit = self.force_exit = True

    def _end_soon(self) -> None:
        log.info(
            "stopping: not ready any more, serving for %s s, then finishing what is in flight", self._drain_seconds
        )
        asyncio.get_running_loop().call_later(self._drain_seconds, self._end)

    def _end(self) -> None:
        self.should_exit = True


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a bound on what comes before a body, and problem details for what is no HTTP."""

    _head_bytes = 0
    """What has arrived of a head that is not complete; the parser keeps all of it, whatever its size."""
    _refused = False

    @override
    def data_received(self, data: bytes) -> None:
        """Parse what arrived; a head that goes on and on is refused, and nothing is read of what follows."""
        if self._refused:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HeadersTooLarge(f"The head of a request may have at most {MAX_HEAD_BYTES} bytes."))

    @override
    def on_headers_complete(self) -> None:
        """Forget the head's size, since a body has a bound of its own; from now on the caller waits."""
        self._head_bytes = -sys.maxsize
        cast("dict[str, object]", self.scope)[ARRIVED] = time.perf_counter()
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        """Count again: what follows is another head."""
        super().on_message_complete()
        self._head_bytes = 0

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Let the request begin when its turn comes; where there is too much to do say so now, and not in a task."""
        spine = cast("Spine", self.config.app)
        begin = partial(super()._start_asgi_task, cycle, app)
        if spine.takes(cast("Scope", cycle.scope), begin):
            return
        refuse = cast("ASGI3Application", spine.refuse)
        if self.pipeline or self.transport.is_closing() or self.transport.get_write_buffer_size():
            # Answers that nobody reads could make this one wait.
            super()._start_asgi_task(cycle, refuse)
        else:
            with contextlib.suppress(StopIteration):
                cycle.run_asgi(refuse).send(None)

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser cannot read."""
        self._refuse(MalformedRequest("The request is not valid HTTP."))

    def _refuse(self, error: ServiceError) -> None:
        body = bytes(problems.render(error, new_trace_id()).body)
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\n"
            "connection: close\r\n\r\n"
        )
        self._refused = True
        self.transport.write(head.encode() + body)
        # A close with bytes on their way would reset the connection, and the client would not see the answer.
        self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

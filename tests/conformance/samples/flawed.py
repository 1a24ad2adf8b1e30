"""The kettle as its own process, with a flaw in how it starts, logs or ends: the setting `flaw` says which.

Each flaw takes the place of something in the chassis, in a process that does nothing else.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import uvicorn
from kettle.main import create
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from arnia.chassis import exchange, process
from arnia.chassis.process import DrainingServer, ProblemProtocol
from arnia.chassis.spine import Spine
from arnia.conventions import EXIT_USAGE, LIVE_PATH, OPENAPI_PATH, variable

FLAW: Final = variable("kettle", "flaw")


def _plant(owner: object, name: str, flaw: object) -> None:
    setattr(owner, name, flaw)


def _die_at_once() -> None:
    _plant(DrainingServer, "handle_exit", lambda *_: os._exit(0))


def _close_the_door_at_once() -> None:
    _plant(DrainingServer, "handle_exit", uvicorn.Server.handle_exit)


def _stay_ready() -> None:
    _plant(Spine, "drain", lambda _: None)


def _never_end() -> None:
    _plant(DrainingServer, "handle_exit", lambda *_: None)


def _end_with_another_code() -> None:
    begin = vars(process)["_serve"]
    _plant(process, "_serve", lambda application: begin(application) + 1)


def _fail_while_draining(path: str) -> None:
    serve = Spine.__call__

    async def answer(self: Spine, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == path and self.draining:
            await _refuse(send)
        else:
            await serve(self, scope, receive, send)

    _plant(Spine, "__call__", answer)


async def _refuse(send: Send) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _answer_in_plain_text() -> None:
    _plant(ProblemProtocol, "send_400_response", HttpToolsProtocol.send_400_response)


def _read_any_head() -> None:
    _plant(exchange, "MAX_HEADER_BYTES", 1 << 30)


def _take_few_callers() -> None:
    # Not by the server's own limit: that counts connections, also those that it has refused and not closed yet.
    serve, places = Spine.__call__, asyncio.Semaphore(20)

    async def answer(self: Spine, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and places.locked():
            await _refuse(send)
        else:
            async with places:
                await serve(self, scope, receive, send)

    _plant(Spine, "__call__", answer)


def _print_a_line() -> None:
    sys.stdout.write("the kettle is on\n")
    sys.stdout.flush()


def _show_the_fault() -> None:
    _plant(process, "SettingsError", ZeroDivisionError)
    _plant(process, "ArniaError", ZeroDivisionError)


def _repeat_the_value() -> None:
    name = variable("kettle", "port")
    sys.stderr.write(f"{name} is {os.environ[name]}\n")
    sys.exit(EXIT_USAGE)


def _start_all_the_same() -> None:
    name = variable("kettle", "port")
    if not os.environ[name].isdigit():
        sys.exit(0)


FLAWS: Final[Mapping[str, Callable[[], None]]] = {
    "dies at once": _die_at_once,
    "closes the door at once": _close_the_door_at_once,
    "stays ready": _stay_ready,
    "never ends": _never_end,
    "ends with another code": _end_with_another_code,
    "is dead while draining": partial(_fail_while_draining, LIVE_PATH),
    "loses some": partial(_fail_while_draining, OPENAPI_PATH),
    "answers in plain text": _answer_in_plain_text,
    "reads any head": _read_any_head,
    "takes few callers": _take_few_callers,
    "prints a line": _print_a_line,
    "shows the fault": _show_the_fault,
    "repeats the value": _repeat_the_value,
    "starts all the same": _start_all_the_same,
}

if __name__ == "__main__":
    if os.environ.get(FLAW) in FLAWS:
        FLAWS[os.environ[FLAW]]()
    process.run(create)

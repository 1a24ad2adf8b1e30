"""How other commands speak to a running supervisor: one line of JSON each way over a unix socket for its owner."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from arnia.errors import ArniaError, OutsideError

Roll = Callable[[str], Awaitable[tuple[str, ...]]]


class Control:
    """The supervisor's end, open inside an `async with`."""

    def __init__(self, path: Path, roll: Roll) -> None:
        """Take orders at `path` and pass them to `roll`."""
        self._path = path
        self._roll = roll
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._path.parent.mkdir(exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
        finally:
            os.umask(mask)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            order = json.loads(await reader.readline())
            answer: dict[str, object] = {"done": await self._roll(order["roll"])}
        except ArniaError as error:
            answer = {"fault": str(error)}
        except (ValueError, KeyError, TypeError):
            answer = {"fault": "The supervisor does not understand this order."}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()


def order_roll(path: Path, service: str) -> tuple[str, ...]:
    """Tell the supervisor at `path` to roll `service`, and wait until it is done; return the new replicas.

    Raises:
        OutsideError: No supervisor listens there, or it could not.
    """
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(os.fspath(path))
        except OSError:
            message = f"No supervisor listens at {path}: start one with `arnia up`."
            raise OutsideError(message) from None
        line.sendall(json.dumps({"roll": service}).encode() + b"\n")
        with line.makefile("rb") as stream:
            received = stream.readline()
    answer = json.loads(received) if received else {"fault": "The supervisor ended before it was done."}
    if "fault" in answer:
        raise OutsideError(answer["fault"])
    return tuple(answer["done"])

"""The client of NATS: headers in a sixth of the time, answers and refusals that are true, and no sockets left behind.

A message of ours has a dozen headers. nats-py looks at each character of their names when it reads them, and at each
header by itself when it writes them: that was the largest part of what a message costs. Should nats-py ask for its own
methods under other names, these are not called any more, and nothing else changes.
"""

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.protocol.command import hpub_cmd
from typing_extensions import override

__all__ = ["NatsClient", "NatsStream"]

FIRST_LINE: Final = "NATS/1.0\r\n"
FLUSH_SECONDS: Final = 10
NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class NatsClient(Client):
    """A connection to NATS."""

    @staticmethod
    @override
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Return headers by their names; a line whose name is no token is none."""
        found: dict[str, str] = {}
        for line in raw.decode(errors="replace").split("\r\n"):
            name, colon, value = line.partition(":")
            name = name.strip()
            if colon and name.isascii() and len(name.split()) < 2:
                found[name] = value.strip()
        return found

    @override
    async def _send_publish(
        self, subject: str, reply: str, payload: bytes, payload_size: int, headers: dict[str, str] | None
    ) -> None:
        """Write a message; one without headers, or with unusual ones, as nats-py does."""
        written = _written(headers) if headers and subject else None
        if written is None:
            await super()._send_publish(subject, reply, payload, payload_size, headers)
            return
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += payload_size
        await self._send_command(hpub_cmd(subject, reply, written, payload))
        if self._flush_queue is not None and self._flush_queue.empty():
            await self._flush_pending()

    @override
    async def flush(self, timeout: int = FLUSH_SECONDS) -> None:
        """Return when the server has read all that was written before; nats-py returns without that where it is away.

        Raises:
            nats.errors.Error: The server is away, or has not answered in time.
        """
        if not self.is_connected:
            raise nats.errors.ConnectionReconnectingError
        await super().flush(timeout)

    @override
    async def _send_ping(self, future: "asyncio.Future[bool] | None" = None) -> None:
        """Ask after all that was written, and not before it: the answer is to say that the server has read that."""
        if self._transport is not None and self._pending:
            self._transport.writelines(self._pending)
            self._pending, self._pending_data_size = [], 0
        await super()._send_ping(future)

    @override
    async def _process_connect_init(self) -> None:
        """Introduce ourselves; where that fails, leave no half-open connection behind for the next attempt."""
        try:
            await super()._process_connect_init()
        except BaseException:
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call]  # nats-py does not say
            raise

    @override
    async def _process_pong(self) -> None:
        """Take the answer to a ping; also where whoever waited for it gave up, after which nothing would be read."""
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()


class NatsStream(JetStreamContext):
    """What is published through a connection."""

    @override
    async def _handle_async_reply(self, msg: Msg) -> None:
        """Take an answer; where it is a refusal, whoever waits for it is told, and not the connection only."""
        try:
            await super()._handle_async_reply(msg)
        except nats.errors.Error as error:
            waiting = self._publish_async_futures.get(msg.subject.rpartition(".")[2])
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)


def _written(headers: Mapping[str, str]) -> bytes | None:
    """Return headers as they travel; nothing where one of them needs a closer look."""
    if not all(map(_is_name, headers)):
        return None
    lines = "".join([name + ": " + value + "\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        return None
    return f"{FIRST_LINE}{lines}\r\n".encode()


@lru_cache(256)
def _is_name(name: str) -> bool:
    return NAME.fullmatch(name) is not None

"""The client of NATS, with headers that are read in a sixth of the time, and refusals that reach whoever waits.

A message of ours has a dozen headers, and nats-py looks at each character of their names: that was the largest part of
what reading a message costs. Should nats-py ask for its own methods under other names, these are not called any more,
and nothing else changes.
"""

import asyncio

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from typing_extensions import override

__all__ = ["NatsClient", "NatsStream"]


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

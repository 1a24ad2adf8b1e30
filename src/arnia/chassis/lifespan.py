"""The beginning and the end of a service inside uvicorn."""

import asyncio
import sys
from typing import TYPE_CHECKING

import uvicorn
from typing_extensions import override
from uvicorn.lifespan.on import LifespanOn

from arnia.errors import ArniaError

if TYPE_CHECKING:
    from uvicorn.lifespan.on import LifespanSendMessage

__all__ = ["Lifespan"]


class Lifespan(LifespanOn):
    """uvicorn's, which would log every fault as a traceback, and could not be told to stop before it has begun.

    Attributes:
        fault: Why the service does not start, where the error tree has a sentence for it.
        given_up: Whether it was told to stop before it had started.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.fault: ArniaError | None = None
        self.given_up = False
        self._task: asyncio.Task[None] | None = None

    @override
    async def main(self) -> None:
        """Begin, wait for the end, and end."""
        self._task = asyncio.current_task()
        if self.given_up:
            self.give_up()
        await super().main()

    @override
    async def send(self, message: "LifespanSendMessage") -> None:
        """Take what the application says of its beginning and its end."""
        if message["type"] == "lifespan.startup.failed":
            error = sys.exception()  # Starlette says so while it handles what was raised
            if isinstance(error, ArniaError):
                self.fault = error
            if self.given_up or self.fault is not None:
                message = {**message, "message": ""}
        await super().send(message)

    def give_up(self) -> None:
        """Do not start after all."""
        self.given_up = True
        if self._task is not None:
            self._task.cancel()

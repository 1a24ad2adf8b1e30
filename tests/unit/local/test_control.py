import asyncio
import socket
import stat
from pathlib import Path

import pytest

from arnia.errors import OutsideError, UsageError
from arnia.local.control import Control, order_roll


async def _roll(service: str) -> tuple[str, ...]:
    if service == "plums":
        raise UsageError("there are no plums")
    return (f"{service}-2",)


def test_passes_an_order_and_its_answer(tmp_path: Path) -> None:
    """An order reaches the supervisor, its answer or its fault comes back, and only the owner may give one."""

    async def serve() -> None:
        path = tmp_path / "socket"
        async with Control(path, _roll):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert await asyncio.to_thread(order_roll, path, "apples") == ("apples-2",)
            with pytest.raises(OutsideError, match="no plums"):
                await asyncio.to_thread(order_roll, path, "plums")
            assert b"does not understand" in await asyncio.to_thread(_send, path, b"nonsense\n")
            assert b"does not understand" in await asyncio.to_thread(_send, path, b"[]\n")
        assert not path.exists()

    asyncio.run(serve())


def _send(path: Path, order: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(order)
        return line.recv(4096)


def test_says_that_nobody_listens(tmp_path: Path) -> None:
    """Without a supervisor an order is an error that says how to start one."""
    with pytest.raises(OutsideError, match="arnia up"):
        order_roll(tmp_path / "socket", "apples")

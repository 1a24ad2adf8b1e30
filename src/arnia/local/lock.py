"""At most one supervisor per folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arnia.errors import OutsideError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; the kernel lets it go when this process ends, however it ends.

    Raises:
        OutsideError: Another process holds it; the message names it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            message = (
                f"Another `arnia up` (pid {holder}) runs on the data in {path.parent}: "
                "stop it with `arnia down`, or choose another folder with --data."
            )
            raise OutsideError(message) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        os.close(descriptor)

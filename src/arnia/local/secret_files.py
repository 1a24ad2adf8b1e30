"""Secrets on disk: readable by their owner alone from the first byte on, replaced as a whole."""

import os
from collections.abc import Callable
from pathlib import Path


def write_secret(path: Path, secret: str, *, uid: int | None = None) -> None:
    """Write `secret` to `path` for its owner alone (`uid`, or ourselves), replacing what was there."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secret)
        stream.flush()
        os.fsync(descriptor)
        if uid is not None:
            os.fchown(descriptor, uid, uid)
    fresh.replace(path)


def read_or_draw(path: Path, draw: Callable[[], str]) -> str:
    """Return the secret kept at `path`, drawing and keeping one where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        secret = draw()
        write_secret(path, secret)
        return secret

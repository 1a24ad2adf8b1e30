"""Logs that do not grow for ever."""

import os
import shutil
from pathlib import Path
from typing import Final

LIMIT: Final = 10 * 1024 * 1024
"""Bytes after which a log becomes `<name>.log.1`, replacing an older one."""


def rotate(log: Path, limit: int = LIMIT) -> bool:
    """Set a log aside when it is too long; its writer, which appends, goes on in the same, emptied file.

    What is written between the copy and the emptying is lost: a log, not data.
    """
    try:
        if log.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    shutil.copyfile(log, log.with_name(log.name + ".1"))
    with log.open("r+b") as stream:
        stream.truncate(0)
    return True


def begin_anew(folder: Path) -> None:
    """Set every log of the run before aside, so that what is read belongs to the run that begins now."""
    ours = {(status.st_dev, status.st_ino) for status in map(os.fstat, (1, 2))}
    for log in folder.glob("*.log"):
        status = log.stat()
        if (status.st_dev, status.st_ino) not in ours:  # in the background our own output is one of them
            log.replace(log.with_name(log.name + ".1"))


def rotate_all(folder: Path, limit: int = LIMIT) -> None:
    """Rotate every log of `folder`."""
    for log in folder.glob("*.log"):
        rotate(log, limit)

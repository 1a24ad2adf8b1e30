"""Becomes another program, as the right user, bound to the life of whoever started it.

Run as a script (`python -I -S launcher.py SIGNAL PARENT UID PROGRAM ARGUMENT...`), never imported: a forked child of a
threaded process may only call `exec`, and the kernel's promise to signal a child when its parent dies must be
asked for after the change of user. `SIGNAL` 0 asks for no such promise, `UID` -1 for no change of user.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def launch(signal: int, parent: int, uid: int, command: list[str]) -> None:
    """Change user, ask for `signal` at the parent's death, and become `command`; does not return."""
    library = ctypes.CDLL(None) if signal and sys.platform == "linux" else None
    if uid >= 0:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if library is not None:
        library.prctl(PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:
            sys.exit(1)  # the parent died before the promise was made
    os.execv(command[0], command)  # noqa: S606 - becoming the program is what this is for


if __name__ == "__main__":
    launch(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])

"""Import the modules named on stdin, and say on stdout what any of them did beyond being imported.

Run by the rule `inertness.imports` in a process without an environment. A process of its own, because modules are
imported only once, and because an audit hook cannot be taken off again.
"""

import importlib
import os
import sys
import threading

FORBIDDEN = ("os.fork", "os.posix_spawn", "os.system", "socket.", "sqlite3.connect", "subprocess.Popen")
HARMLESS = frozenset({"socket.__new__"})  # libraries ask whether the machine has IPv6; nothing is sent
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def main() -> None:
    sys.path[:0] = sys.argv[1].split(":")
    effects: list[str] = []

    def note(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if writes or (event.startswith(FORBIDDEN) and event not in HARMLESS):
            effects.append(f"{event} {arguments[0]!r}" if writes else event)

    sys.addaudithook(note)
    for name in sys.stdin.read().split():
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - whatever a module does at import is the finding
            print(f"Importing {name} fails in an empty environment: {error!r}.")
        if threading.active_count() > 1:
            effects.append("a thread")
        if effects:
            print(f"Importing {name} does something: {', '.join(effects)}.")
            break
    sys.stdout.flush()
    os._exit(0)  # a thread that a module started must not hold us up


main()

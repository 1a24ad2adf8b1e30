"""A service waits for nothing while its event loop stands still."""

import ast
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import SERVICES, Source, read

__all__ = ["blocking"]

# Clients that know no event loop, and sleep that keeps everybody waiting.
MODULES: Final = (
    *("http.client", "psycopg2", "redis.Redis", "requests", "smtplib", "socket", "sqlite3", "subprocess"),
    *("urllib.request", "urllib3", "valkey.Valkey"),
)
CLIENTS: Final = ("httpx", "httpx2")
VERBS: Final = frozenset({"Client", "delete", "get", "head", "options", "patch", "post", "put", "request", "stream"})


def blocking(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} waits with {name}, and every other request with it; await something."
        for source in read(root, SERVICES)
        for line, name in (*source.imported(), *_called(source))
        if _blocks(name)
    ]


def _blocks(name: str) -> bool:
    library, _, verb = name.partition(".")
    known = any(name == each or name.startswith(f"{each}.") for each in MODULES)
    return known or name == "time.sleep" or (library in CLIENTS and verb in VERBS)


def _called(source: Source) -> list[tuple[int, str]]:
    """Return what is called, by the name that its module has where it comes from."""
    imports = [node for node in ast.walk(source.tree) if isinstance(node, ast.Import)]
    renamed = {alias.asname: alias.name for node in imports for alias in node.names if alias.asname}
    called = []
    for call in source.calls:
        first, dot, rest = ast.unparse(call.func).partition(".")
        called.append((call.lineno, f"{renamed.get(first, first)}{dot}{rest}"))
    return called

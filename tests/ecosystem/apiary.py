"""A service of two domains, put together from two services as `arnia new service` writes them."""

import re
from pathlib import Path
from typing import Final

from arnia.commands.scaffold import artefacts
from arnia.commands.scaffold.words import Words

DOMAINS: Final = ("queens", "workers")
DECLARATION: Final = """from arnia.ecosystem import Database, Ecosystem, Route, Service

hive = Service(
    name="hive",
    owner="keepers",
    uses=("hive-db",),
    exposes=(Route(path="/api/v1/queens"), Route(path="/api/v1/workers")),
)

ecosystem = Ecosystem(name="apiary", services=(hive,), resources=(Database(name="hive-db"),))
"""
MAIN: Final = '''"""The service: its name, its settings, its routers. Everything else is the chassis."""

from arnia.chassis.application import Application, create_app
from arnia.chassis.models import together
from arnia.chassis.process import run
from arnia.chassis.versions import ApiVersion
from hive.config import Settings
from hive.queens.api import queens
from hive.queens.models import tables as queens_tables
from hive.workers.api import workers
from hive.workers.models import tables as workers_tables


def create() -> Application:
    """Return the service as an ASGI application; does no I/O and reads no environment."""
    return create_app(
        service="hive",
        settings=Settings,
        routers=[queens.router, workers.router],
        versions=[ApiVersion(major=1)],
        models=together(queens_tables.Base.metadata, workers_tables.Base.metadata),
    )


if __name__ == "__main__":
    run(create)
'''
CONFTEST: Final = """
from hive.main import create


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    \"\"\"Give test databases the tables of this service.\"\"\"
    models = create().models
    assert models is not None
    return ServiceSchema(models, Path(__file__).parents[1] / "migrations")
"""
FACE: Final = '''"""Owns {domain}."""

from hive.{domain}.models.{domain} import {Resource}

__all__ = ["{Resource}"]
'''


def settle(root: Path) -> Path:
    """Write an ecosystem with the one service `hive` of two domains below `root`; return the service's folder."""
    hive = root / "services" / "hive"
    whole = artefacts.of_service(Words.of("hive", "cell"))
    for domain in DOMAINS:
        _settle_domain(hive, domain)
    _write(root / "ecosystem.py", DECLARATION)
    for path in (
        "pyproject.toml",
        "README.md",
        "tests/test_conformance.py",
        "src/hive/config.py",
        "src/hive/__init__.py",
    ):
        _write(hive / path, whole[path])
    _write(hive / "src/hive/main.py", MAIN)
    _write(hive / "src/hive/py.typed", "")
    conftest = whole["tests/conftest.py"].replace(
        "from hive.models.tables import Base\n", CONFTEST.split("\n\n\n")[0][1:] + "\n"
    )
    before, _, after = conftest.partition('@pytest.fixture(scope="session")\ndef service_schema')
    rest = after.partition("@pytest.fixture\n")
    _write(hive / "tests/conftest.py", before + CONFTEST.split("\n\n\n")[1] + "\n\n" + rest[1] + rest[2])
    return hive


def _settle_domain(hive: Path, domain: str) -> None:
    words = Words.of(domain)
    for path, text in artefacts.of_service(words).items():
        inside = f"src/{domain}/"
        moved = re.sub(rf"from {domain}\.", f"from hive.{domain}.", text).replace(f'"{domain}-', '"hive-')
        if path.startswith(inside) and path.count("/") > 2:
            _write(hive / "src/hive" / domain / path.removeprefix(inside), moved)
        elif path.startswith(("tests/unit/", "tests/data/")):
            _write(hive / "tests" / domain / path.removeprefix("tests/"), moved)
        elif path.startswith("migrations/"):
            _write(hive / path.replace("0001", f"000{DOMAINS.index(domain) + 1}"), _numbered(moved, domain))
    _write(hive / "src/hive" / domain / "__init__.py", FACE.format(domain=domain, **_named(words)))


def _numbered(migration: str, domain: str) -> str:
    if domain == DOMAINS[0]:
        return migration
    text = migration.replace('revision = "0001"', 'revision = "0002"').replace("= None", '= "0001"', 1)
    return re.sub(r".*chassis_tables.*\n", "", text)


def _named(words: Words) -> dict[str, str]:
    return {"Resource": words.values()["Resource"]}


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")

"""Every rule bites: planted in an otherwise empty tree, its breach is found, and its innocent twin is not."""

import shutil
from pathlib import Path
from typing import Final

import pytest
from tests.architecture.rules import RULES
from tests.architecture.rules.sizes import READING_PATH

SERVICE: Final = "services/weather/src/weather"
ANATOMY: Final = {
    f"{SERVICE}/__init__.py": "",
    **{f"{SERVICE}/{part}/__init__.py": "" for part in ("api", "models", "repositories", "schemas", "services")},
    f"{SERVICE}/config.py": "",
    f"{SERVICE}/main.py": "",
    f"{SERVICE}/models/tables.py": "",
    **{f"services/weather/{part}/kept": "" for part in ("contract", "migrations", "tests")},
    "services/weather/README.md": "",
    "services/weather/pyproject.toml": "",
}
LAYERS: Final = ("api", "models", "repositories", "schemas", "services")
DOMAINS: Final = {
    **{
        name: text
        for name, text in ANATOMY.items()
        if not name.startswith(tuple(f"{SERVICE}/{one}/" for one in LAYERS))
    },
    **{f"{SERVICE}/{domain}/{layer}/__init__.py": "" for domain in ("rain", "wind") for layer in LAYERS},
    **{f"{SERVICE}/{domain}/__init__.py": "__all__ = ['Drop']\n" for domain in ("rain", "wind")},
    f"{SERVICE}/wind/models/tables.py": "",
}
"""The other form of a service: domains, each with the same layers."""
TABLELESS: Final = {name: text for name, text in ANATOMY.items() if "migrations" not in name and "tables" not in name}
"""A service that owns no data."""
HEADINGS: Final = "# 1\n## Context\n## Decision\n## Consequences\n## Alternatives\n## References\n"
LONG: Final = "def long() -> None:\n" + "    pass\n"
PACKAGE: Final = {"src/arnia/__init__.py": ""}
GRAPH: Final = "src/arnia/graph.py"
TEST: Final = 'def test_it() -> None:\n    """It says in one sentence what it proves."""\n'

# A rule's name, files that break it, files that do not.
PLANTS: Final[list[tuple[str, dict[str, str], dict[str, str]]]] = [
    (
        "anatomy.async_endpoints",
        {f"{SERVICE}/api/rain.py": "@router.get('/')\ndef rain(): ...\n"},
        {f"{SERVICE}/api/rain.py": "@router.get('/')\nasync def rain(): ...\n"},
    ),
    *(
        ("anatomy.faces", {**DOMAINS, f"{SERVICE}/wind/services/gusts.py": guilty}, DOMAINS)
        for guilty in (
            "from weather.rain.models.drops import Drop\n",
            "from weather.rain import Cloud\n",
            "from weather.rain import models\n",
            "from ...rain.models import drops\n",
            "import weather.rain.models as models\n",
        )
    ),
    (
        "anatomy.faces",
        {**DOMAINS, f"{SERVICE}/rain/__init__.py": ""},
        {
            **DOMAINS,
            f"{SERVICE}/wind/services/gusts.py": "from weather import rain\nfrom weather.rain import Drop\n",
            f"{SERVICE}/wind/api/gusts.py": "from weather.wind.models import gusts\nfrom ...rain import Drop\n",
        },
    ),
    ("anatomy.folders", {**ANATOMY, f"{SERVICE}/domain/__init__.py": ""}, ANATOMY),
    ("anatomy.folders", {**DOMAINS, f"{SERVICE}/api/__init__.py": ""}, DOMAINS),
    ("anatomy.folders", {**DOMAINS, f"{SERVICE}/wind/config.py": ""}, DOMAINS),
    ("anatomy.folders", {**DOMAINS, f"{SERVICE}/snow/api/__init__.py": ""}, DOMAINS),
    ("anatomy.folders", {f"{SERVICE}/__init__.py": ""}, ANATOMY),
    ("anatomy.folders", {name: text for name, text in ANATOMY.items() if "migrations" not in name}, TABLELESS),
    ("anatomy.folders", {name: text for name, text in ANATOMY.items() if "tables" not in name}, TABLELESS),
    (
        "anatomy.injection",
        {f"{SERVICE}/api/rain.py": "session = Session(pool)\n"},
        {f"{SERVICE}/api/rain.py": "def rain(session: Session): ...\n"},
    ),
    (
        "contributing.table",
        {"CONTRIBUTING.md": "| Rain falls | rule `weather.rain` |\n"},
        {"CONTRIBUTING.md": "| rule | check |\n| --- | --- |\n"},
    ),
    ("contributing.table", {"CONTRIBUTING.md": "| Rain falls | by good will |\n"}, {}),
    (
        "documents.decisions",
        {"docs/decisions/0001-rain.md": HEADINGS.replace("## Alternatives\n", "")},
        {"docs/decisions/0001-rain.md": HEADINGS},
    ),
    ("documents.decisions", {"docs/decisions/0002-rain.md": HEADINGS}, {}),
    ("documents.decisions", {"docs/decisions/0001-rain.md": HEADINGS + "\n" * 70}, {}),
    (
        "doors.public_api",
        {"src/arnia/commands/__init__.py": "__all__ = ['up']\n"},
        {
            "src/arnia/commands/__init__.py": "__all__ = ['up']\n",
            "tests/architecture/public_api.txt": "arnia.commands.up\n",
        },
    ),
    ("doors.public_api", {"tests/architecture/public_api.txt": "arnia.commands.down\n"}, {}),
    (
        "doors.public_api",
        {"src/arnia/chassis/links.py": "class Link: ...\n"},
        {"src/arnia/chassis/links.py": "class _Link: ...\n"},
    ),
    (
        "doors.versions_only",
        {"src/arnia/__init__.py": "from arnia.errors import ArniaError\n"},
        {"src/arnia/__init__.py": '"""Bees."""\n\n__version__ = "1"\n'},
    ),
    (
        "externals.libraries",
        {"src/arnia/conventions.py": "import pydantic\n"},
        {"src/arnia/conventions.py": "import os\n", "src/arnia/ecosystem/graph.py": "import pydantic\n"},
    ),
    (
        "failures.broad_excepts",
        {"src/arnia/local/up.py": "try: ...\nexcept (OSError, Exception): ...\n"},
        {"src/arnia/local/up.py": "try: ...\nexcept BaseException:\n    stop()\n    raise\n"},
    ),
    (
        "failures.drawn_tree",
        {"src/arnia/errors.py": '"""Root."""\nclass Root(Exception): ...\nclass Lost(Root): ...\n'},
        {"src/arnia/errors.py": '"""Root\n└── Lost"""\nclass Root(Exception): ...\nclass Lost(Root): ...\n'},
    ),
    (
        "failures.http_exceptions",
        {f"{SERVICE}/api/rain.py": "from fastapi import HTTPException\n"},
        {f"{SERVICE}/api/rain.py": "from arnia.errors import NotFound\n"},
    ),
    ("ignores.any_types", {GRAPH: "x: Any\n" * 6}, {GRAPH: "x: int\n" * 6}),
    (
        "ignores.counted",
        {GRAPH: "x = 1  # noqa: S101 - why\n" * 3},
        {GRAPH: "x = 1  # noqa: S101 - why\n"},
    ),
    (
        "ignores.explained",
        {"tests/test_x.py": "x = 1  # noqa: S101\ny = 2  # type: ignore\n"},
        {"tests/test_x.py": "x = 1  # noqa: S101 - why\ny = 2  # type: ignore[misc]  # why\n"},
    ),
    (
        "inertness.environment",
        {GRAPH: "import os\nhome = os.environ['HOME']\n"},
        {"src/arnia/chassis/settings.py": "import os\nhome = os.environ['HOME']\n"},
    ),
    *(
        ("inertness.imports", {**PACKAGE, GRAPH: guilty}, {**PACKAGE, GRAPH: innocent})
        for guilty, innocent in (
            ("import os\nhome = os.environ['HOME']\n", "import os\ndef home(): return os.environ['HOME']\n"),
            ("import socket\nsocket.create_server(('127.0.0.1', 0)).close()\n", "import socket\n"),
            ("open('rain.txt', 'w').close()\n", "open(__file__).close()\n"),
            ("import os\nos.system('true')\n", "import os\n"),
            ("import threading\nthreading.Timer(9, print).start()\n", "import threading\n"),
        )
    ),
    (
        "names.glossary",
        {"src/arnia/ecosystem/__init__.py": "__all__ = ['Rain']\n"},
        {"src/arnia/ecosystem/__init__.py": "__all__ = ['Rain']\n", "docs/glossary.md": "| **Rain** | Water. |\n"},
    ),
    ("names.modules", {"src/arnia/url_utils.py": ""}, {"src/arnia/utilisation.py": ""}),
    ("names.modules", {f"{SERVICE}/common/rain.py": ""}, {}),
    ("names.verbs", {"src/arnia/parse.py": ""}, {"src/arnia/parsing.py": ""}),
    (
        "persistence.commits",
        {f"{SERVICE}/repositories/rain.py": "await session.commit()\n"},
        {"src/arnia/chassis/session.py": "await self.commit()\n"},
    ),
    *(
        ("persistence.rows", {f"{SERVICE}/{where}.py": guilty}, {f"{SERVICE}/{where}.py": innocent})
        for where, guilty, innocent in (
            ("schemas/rain", "from weather.models.tables import RainRow\n", "from weather.models.rain import Rain\n"),
            ("schemas/rain", "from ..models.tables import RainRow\n", "from ..models.rain import Rain\n"),
            (
                "api/rain",
                "from weather.models import tables\nx = tables.RainRow\n",
                "from weather.models import rain\n",
            ),
            ("models/rain", "from arnia.chassis.models import Owned\n", "from arnia.errors import NotFound\n"),
            ("services/rain", "from arnia.chassis.session import Row\n", "from arnia.chassis.events import Event\n"),
            ("repositories/rain", "def get() -> Row | None: ...\n", "def _read(row: Row) -> Rain: ...\n"),
            ("repositories/rain", "def find() -> list[tables.RainRow]: ...\n", "def find() -> list[Rain]: ...\n"),
            ("schemas/rain", "config = ConfigDict(from_attributes=True)\n", "config = ConfigDict(frozen=True)\n"),
            ("schemas/rain", "config = {'from_attributes': True}\n", "config = {'frozen': True}\n"),
            (
                "schemas/rain",
                "from weather.models.rain import Rain\nclass RainView(Rain): ...\n",
                "from weather.models.rain import Rain\nclass RainView(View): ...\n",
            ),
            (
                "api/rain",
                "from weather.models import rain\ndef read() -> Reply[list[rain.Rain]]: ...\n",
                "from weather.models import rain\ndef read() -> Reply[list[RainView]]: ...\n",
            ),
            (
                "api/rain",
                "from weather.models.rain import Rain\n@router.get('', response_model=Rain)\nasync def read(): ...\n",
                "from weather.models.rain import Rain\n@router.get('', response_model=View)\nasync def read(): ...\n",
            ),
        )
    ),
    (
        "persistence.statements",
        {f"{SERVICE}/services/rain.py": "rows = session.fetch_all(RAIN)\n"},
        {f"{SERVICE}/repositories/rain.py": "rows = session.fetch_all(RAIN)\n"},
    ),
    (
        "persistence.statements",
        {f"{SERVICE}/api/rain.py": "from sqlalchemy import select\n"},
        {f"{SERVICE}/models/rain.py": "from sqlalchemy import select\n"},
    ),
    (
        "proofs.mocks",
        {"tests/test_x.py": "from unittest.mock import patch\n"},
        {"tests/test_x.py": "from unittest import TestCase\n"},
    ),
    ("proofs.sentences", {"tests/test_x.py": "def test_it() -> None: ...\n"}, {"tests/test_x.py": TEST}),
    ("sizes.functions", {GRAPH: LONG + "    pass\n" * 60}, {GRAPH: LONG}),
    (
        "proofs.typed_doors",
        {"src/arnia/commands/__init__.py": "__all__ = ['up']\n"},
        {
            "src/arnia/commands/__init__.py": "__all__ = ['up']\n",
            "typing_tests/commands.py": "from arnia.commands import up\n",
        },
    ),
    (
        "proofs.typed_doors",
        {f"{SERVICE}/api/rain.py": "from arnia.chassis.links import Link\n"},
        {
            f"{SERVICE}/api/rain.py": "from arnia.chassis.links import Link\n",
            "typing_tests/chassis.py": "from arnia.chassis.links import Link\n",
        },
    ),
    (
        "sizes.functions",
        {GRAPH: LONG + "    pass\n" * 30},
        {GRAPH: LONG + "    pass\n" * 28},
    ),
    ("sizes.mains", {f"{SERVICE}/main.py": "pass\n" * 31}, {f"{SERVICE}/main.py": "pass\n" * 30}),
    ("sizes.pages", {"ecosystem.py": "pass\n" * 121}, {"ecosystem.py": "pass\n" * 120}),
    ("sizes.pages", {"README.md": "Bees.\n" * 151}, {"README.md": "Bees.\n" * 150}),
    (
        "sizes.platform_files",
        {"src/arnia/a.py": "pass\n" * 401, "src/arnia/b.py": "pass\n", "src/arnia/c.py": "pass\n"},
        {"src/arnia/a.py": "pass\n" * 400, "src/arnia/b.py": "pass\n", "src/arnia/c.py": "pass\n"},
    ),
    ("sizes.platform_files", {"src/arnia/a.py": "pass\n" * 151}, {"src/arnia/a.py": "pass\n" * 150}),
    (
        "sizes.reading_path",
        dict.fromkeys(READING_PATH, "pass\n" * 113),
        dict.fromkeys(READING_PATH, "pass\n" * 112),
    ),
    ("sizes.reading_path", {}, dict.fromkeys(READING_PATH, "")),
    ("sizes.service_files", {f"{SERVICE}/api/rain.py": "pass\n" * 251}, {f"{SERVICE}/api/rain.py": "pass\n" * 250}),
    ("texts.addresses", {"a.txt": "see https://py" + "pi.org/simple\n"}, {"a.txt": "see https://example.org/simple\n"}),
    ("texts.addresses", {"a.txt": "in /ro" + "ot/.cache\n"}, {"a.txt": "in docs/ro" + "ot/.cache\n"}),
    *(
        ("waiting.blocking", {f"{SERVICE}/services/rain.py": guilty}, {f"{SERVICE}/services/rain.py": innocent})
        for guilty, innocent in (
            ("import requests\n", "import asyncio\n"),
            ("from urllib3 import PoolManager\n", "from urllib.parse import urlsplit\n"),
            ("from http import client\n", "from http import HTTPStatus\n"),
            ("import httpx\nkept = httpx.Client()\n", "import httpx\nkept = httpx.AsyncClient()\n"),
            ("from httpx import get\n", "from httpx import Timeout\n"),
            ("import time as t\nasync def rain(): t.sleep(1)\n", "import time\ndef now(): return time.monotonic()\n"),
            ("from time import sleep\n", "from asyncio import sleep\n"),
        )
    ),
    ("texts.promises", {"a.py": "# TO" + "DO: rain\n"}, {"a.py": "# todos are kept in issues\n"}),
]


def grow(root: Path, files: dict[str, str]) -> Path:
    """Write `files` below an emptied `root`."""
    shutil.rmtree(root, ignore_errors=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(("rule", "guilty", "innocent"), PLANTS)
def test_a_planted_breach_is_found_and_its_twin_is_not(
    tmp_path: Path, rule: str, guilty: dict[str, str], innocent: dict[str, str]
) -> None:
    """A rule finds the breach planted in an empty tree, and nothing in the same tree without it."""
    assert RULES[rule](grow(tmp_path / "guilty", guilty))
    assert not RULES[rule](grow(tmp_path / "innocent", innocent))


def test_every_rule_has_a_plant() -> None:
    """No rule stands in the tree without having been seen to bite."""
    assert {rule for rule, _, _ in PLANTS} == set(RULES)

"""The issuer as a process over a real PostgreSQL, with people and OAuth clients, and a browser that keeps cookies."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest
from services.identity.tests.protocol.browser import CALLBACK, PASSWORD, Browser

from arnia.local.credentials import Credentials, Person
from arnia.local.folder import Folder
from arnia.local.ports import free_port
from arnia.local.state import State
from arnia.testing.processes import ServiceProcess

SECRET = "of a client that keeps it, for the tests"
KEY_SECRET = "of the signing keys, for these tests only"
PEOPLE = [
    {"username": "maia", "password": PASSWORD, "roles": ["customer"], "email": "maia@example.org"},
    {"username": "zoe", "password": PASSWORD, "roles": ["customer"]},
    {"username": "operator", "password": PASSWORD, "roles": ["customer", "operator"]},
]
DELIVERIES = {"delivery": ["deliveries:read", "deliveries:write"]}
MANAGING = {"identity": ["users:manage", "clients:manage", "keys:manage"]}
GRANTS = ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"]
OF_USERS = ["authorization_code", "refresh_token"]
CLIENTS: list[dict[str, object]] = [
    {
        "client_id": "arnia",
        "grants": ["password", *OF_USERS],
        "audiences": {**DELIVERIES, **MANAGING},
        "reserved_scopes": {scope: ["operator"] for scope in MANAGING["identity"]},
        "redirect_uris": ["http://127.0.0.1/callback"],
        "public": True,
        "first_party": True,
    },
    {
        "client_id": "careless",  # gives anybody a scope that only goes with a role
        "grants": ["password"],
        "audiences": MANAGING,
        "public": True,
        "first_party": True,
    },
    {"client_id": "scheduler", "secret": SECRET, "grants": GRANTS, "audiences": {"drone": ["reservations:write"]}},
    {"client_id": "stranger", "secret": SECRET, "grants": GRANTS, "audiences": {"drone": ["drones:read"]}},
    {"client_id": "delivery", "secret": SECRET, "grants": GRANTS, "audiences": {"drone": ["drones:read"]}},
    {
        "client_id": "web",
        "secret": SECRET,
        "grants": [*OF_USERS, *GRANTS],
        "audiences": {**DELIVERIES, "drone": ["drones:read"]},
        "redirect_uris": [CALLBACK],
    },
    {
        "client_id": "app",
        "grants": OF_USERS,
        "audiences": {**DELIVERIES, "drone": ["drones:read"]},
        "redirect_uris": [CALLBACK, "http://127.0.0.1/callback"],
        "public": True,
    },
    {
        "client_id": "rival",
        "grants": OF_USERS,
        "audiences": DELIVERIES,
        "redirect_uris": ["https://rival.example/callback"],
        "public": True,
    },
]


def issuing(database_url: str, folder: Path, **settings: object) -> ServiceProcess:
    """Return the issuer, as it runs in earnest; passwords are cheap, so that tests are quick."""
    port = free_port()
    given = {
        "port": port,
        "issuer": f"http://127.0.0.1:{port}",
        "database_url": database_url,
        "cursor_key": "a key that is only known here",
        "key_encryption_secret": KEY_SECRET,
        "password_target_ms": 1,
        "first_users": json.dumps(PEOPLE),
        "declared_clients": json.dumps(CLIENTS),
    }
    process = ServiceProcess("identity", "identity.main", {**given, **settings}, folder / "identity.log")
    process.port = port  # an issuer has to know where it is before it starts
    return process


@pytest.fixture(scope="module")
def identity(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Give the issuer."""
    with issuing(database_url, tmp_path_factory.mktemp("identity")) as running:
        yield running


@pytest.fixture(scope="module")
def behind_tls(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """Give the issuer as browsers reach it by TLS, which ends before it."""
    with issuing(database_url, tmp_path_factory.mktemp("identity"), issuer="https://id.example.org") as running:
        yield running


@pytest.fixture
def http(identity: ServiceProcess) -> Iterator[httpx2.Client]:
    """Give a client of the issuer that follows no redirect."""
    with httpx2.Client(base_url=identity.url, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def browser(http: httpx2.Client) -> Browser:
    """Give somebody's browser."""
    return Browser(http)


@pytest.fixture
def secret() -> str:
    """Give the secret of every confidential client."""
    return SECRET


@pytest.fixture
def data(identity: ServiceProcess, tmp_path: Path, secret: str) -> Path:
    """Give the folder of an ecosystem that runs: its issuer, and this process in the place of its supervisor."""
    here = psutil.Process()
    folder = Folder(tmp_path)
    state = State(
        ecosystem="hive",
        pid=here.pid,
        started=here.create_time(),
        ready=True,
        edge_url=identity.url,
        data=str(tmp_path),
        services={},
        servers={},
        issuer="identity",
    )
    state.write(folder.state)
    people = {name: Person(password=PASSWORD, roles=()) for name in ("maia", "zoe", "operator")}
    Credentials(users={**people, "demo": Person(password=PASSWORD, roles=())}).write(folder.credentials)
    folder.secrets.mkdir()
    (folder.secrets / "scheduler.client-secret").write_text(secret, encoding="utf-8")
    return tmp_path

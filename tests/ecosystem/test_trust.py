"""What `arnia up` does for an ecosystem with an issuer: users, OAuth clients, addresses, and who may write what."""

import json
import os
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from tests.ecosystem.garden import PATIENCE, Answer, Project, call, eventually
from valkey import Valkey
from valkey.exceptions import NoPermissionError

from arnia.local.overview import summary

DECLARATION = """
from arnia.ecosystem import Database, Ecosystem, Route, Service

ecosystem = Ecosystem(
    name="orchard",
    services=(
        Service(
            name="apples",
            owner="tests",
            uses=("apples-db",),
            calls={"pears": 1},
            exposes=(Route(path="/api/v1/apples"),),
        ),
        Service(name="identity", owner="tests", exposes=(Route(path="/token", public=True),)),
        Service(name="pears", owner="tests", uses=("pears-db",), exposes=(Route(path="/api/v1/pears"),)),
    ),
    resources=(Database(name="apples-db"), Database(name="pears-db")),
    issuer="identity",
)
"""
PEARS = {
    "paths": {
        "/api/v1/pears": {"get": {"security": [{"bearer": ["pears:read"]}]}},
        "/api/v1/pear-trees": {"get": {"security": [{"bearer": ["trees:fell"]}]}},
    }
}
CALLS = {"calls": {"pears": {"version": 1, "operations": [{"name": "fell", "scopes": ["trees:fell"]}]}}}
APPLES = "/api/v1/apples"
OPERATOR = "operator"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A running ecosystem of two stand-ins and an issuer, without a Cache of their own."""
    root = tmp_path_factory.mktemp("guarded")
    (root / "ecosystem.py").write_text(DECLARATION)
    for name, text in (("apples", "stand_in"), ("pears", "stand_in"), ("identity", "stand_in_issuer")):
        package = root / "services" / name / "src" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "main.py").write_text(Path(__file__).with_name(f"{text}.py.txt").read_text())
    for service, file, document in (("pears", "openapi.v1", PEARS), ("apples", "calls", CALLS)):
        contract = root / "services" / service / "contract"
        contract.mkdir()
        (contract / f"{file}.json").write_text(json.dumps(document))
    project = Project(root, root / ".arnia")
    try:
        started = project.run("up", "--detach", "--json", "--port", "0")
        assert started.returncode == 0, started.stderr
        yield project
    finally:
        project.remove()


def _ask_for_token(port: int, **form: str) -> Answer:
    return call(port, "POST", "/token", urlencode(form).encode())


def _log_in(project: Project, username: str = "demo") -> str:
    users = json.loads((project.data / "credentials.json").read_text())["users"]
    form = {"grant_type": "password", "client_id": "arnia", "username": username}
    answer = _ask_for_token(project.port, **form, password=users[username]["password"])
    assert answer.status == 200, answer
    return str(answer.json()["access_token"])


def _secret(project: Project, service: str, setting: str) -> str:
    return (project.data / "secrets" / service / f"{service}_{setting}").read_text()


def _told(project: Project, service: str) -> dict[str, str]:
    answer = project.call("GET", f"/api/v1/{service}", Authorization=f"Bearer {_log_in(project)}")
    return dict(answer.json()["environment"])


def test_people_log_in_with_the_passwords_that_were_made(guarded: Project) -> None:
    """The first users are in a file for its owner alone; their tokens open the edge, and nothing else does."""
    file = guarded.data / "credentials.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text())
    assert {name: user["roles"] for name, user in kept["users"].items()} == {
        "demo": ["customer"],
        "operator": ["customer", "operator"],
    }
    passwords = [user["password"] for user in kept["users"].values()]
    assert len(set(passwords)) == 2
    assert min(map(len, passwords)) >= 20
    for name in kept["users"]:
        assert guarded.call("GET", APPLES, Authorization=f"Bearer {_log_in(guarded, name)}").status == 200
    assert guarded.call("GET", APPLES).status == 401


def test_shows_no_password_where_it_would_be_kept(guarded: Project) -> None:
    """Neither logs, nor the state, nor what `up` says into a pipe hold a password or a secret of an OAuth client."""
    users = json.loads((guarded.data / "credentials.json").read_text())["users"]
    secrets = [user["password"] for user in users.values()]
    secrets += [_secret(guarded, "apples", "client_secret"), _secret(guarded, "identity", "key_encryption_secret")]
    shown = [path.read_text(errors="replace") for path in (guarded.data / "logs").iterdir()]
    shown += [(guarded.data / "state.json").read_text(), guarded.run("status").stdout]
    for process in guarded.processes():
        shown += [*process.cmdline(), *process.environ().values()]
    assert not [secret for secret in secrets if any(secret in text for text in shown)]


def test_says_how_to_get_a_token(guarded: Project) -> None:
    """What `up` says once all is ready has a line that gets a token, and no password in it."""
    text = summary(guarded.state)
    assert str(guarded.data / "credentials.json") in text
    assert f"`arnia token --data {guarded.data}`" in text or "`arnia token`" in text
    (line,) = (one.partition("token    ")[2] for one in text.splitlines() if one.startswith("  token "))
    got = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=True)
    token = json.loads(got.stdout)["access_token"]
    assert guarded.call("GET", APPLES, Authorization=f"Bearer {token}").status == 200


def test_services_are_told_where_the_others_are(guarded: Project) -> None:
    """Whom a service calls it reaches at an address of its own, which goes around the public door."""
    state = guarded.state
    told = _told(guarded, "apples")
    pears, identity = (state.services[name].internal_url for name in ("pears", "identity"))
    assert told["APPLES_PEARS__URL"] == pears
    assert told["APPLES_ISSUER"] == state.edge_url
    assert told["APPLES_JWKS_URL"] == f"{identity}/.well-known/jwks.json"
    assert (told["APPLES_TOKEN_URL"], told["APPLES_CLIENT_ID"]) == (f"{identity}/token", "apples")
    assert not state.services["apples"].internal_url
    port = urlsplit(pears).port
    assert port is not None
    assert call(port, "GET", "/api/v1/pears").status == 200  # not the edge's to judge
    assert "PEARS_TOKEN_URL" not in _told(guarded, "pears")


def test_services_get_the_tokens_that_their_contract_asks_for(guarded: Project) -> None:
    """Who calls another service is an OAuth client with the scopes of its calls; people have those of exposed paths."""
    clients = {one["client_id"]: one for one in json.loads(_secret(guarded, "identity", "declared_clients"))}
    assert clients.keys() == {"arnia", "apples"}
    assert clients["apples"]["audiences"] == {"pears": ["trees:fell"]}
    assert clients["arnia"]["audiences"] == {"apples": [], "pears": ["pears:read"]}
    assert clients["arnia"]["public"] is True
    assert "secret" not in clients["arnia"]
    port = urlsplit(_told(guarded, "apples")["APPLES_TOKEN_URL"]).port
    assert port is not None
    form = {"grant_type": "client_credentials", "client_id": "apples"}
    assert _ask_for_token(port, **form, client_secret="x").status == 400
    granted = _ask_for_token(port, **form, client_secret=_secret(guarded, "apples", "client_secret"))
    assert granted.status == 200


def test_only_the_issuer_writes_what_is_revoked(guarded: Project) -> None:
    """Every service reads the list and hears of it; a key, a message or a list of others is nobody's but theirs."""
    apples = Valkey.from_url(_secret(guarded, "apples", "revocation_url"))
    pears = Valkey.from_url(_secret(guarded, "pears", "revocation_url"))
    issuer = Valkey.from_url(_secret(guarded, "identity", "cache_url"))
    listener = apples.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # valkey is half typed
    listener.subscribe("arnia:revocations")
    listener.get_message(timeout=5)
    issuer.zadd("arnia:revoked", {"jti:1": 4e9})
    issuer.publish("arnia:revocations", "jti:1")
    assert apples.zrangebyscore("arnia:revoked", 0, "+inf") == [b"jti:1"]
    eventually(lambda: (listener.get_message(timeout=0.1) or {}).get("data") == b"jti:1")
    script = apples.register_script("return {redis.call('TIME')[1], redis.call('INCR', KEYS[1])}")
    assert script(keys=["apples:limit:1"])[1] == 1
    refused = (
        lambda: apples.zadd("arnia:revoked", {"jti:2": 1}),
        lambda: apples.zrem("arnia:revoked", "jti:1"),
        lambda: apples.publish("arnia:revocations", "jti:2"),
        lambda: pears.get("apples:limit:1"),
        lambda: script(keys=["pears:limit:1"]),
        lambda: apples.keys("*"),
        apples.scan,
        apples.flushall,
        lambda: apples.config_get("requirepass"),
        lambda: issuer.get("apples:limit:1"),
    )
    for attempt in refused:
        with pytest.raises(NoPermissionError):
            attempt()  # type: ignore[no-untyped-call]  # valkey is half typed
    for client in (apples, pears, issuer):
        client.close()  # type: ignore[no-untyped-call]  # valkey is half typed


def test_tokens_go_on_working_without_the_issuer_and_after_a_restart_of_the_edge(guarded: Project) -> None:
    """With the issuer suspended its tokens open the edge; killed, the edge comes back and still knows them."""
    token = _log_in(guarded)
    edge = guarded.process("edge")
    suspended = guarded.process("identity").pid
    assert suspended is not None
    assert edge.pid is not None
    os.kill(suspended, signal.SIGSTOP)
    try:
        assert guarded.call("GET", APPLES, Authorization=f"Bearer {token}").status == 200
    finally:
        os.kill(suspended, signal.SIGCONT)
    os.kill(edge.pid, signal.SIGKILL)
    eventually(
        lambda: guarded.process("edge").restarts > edge.restarts and guarded.process("edge").condition == "ready"
    )
    eventually(lambda: guarded.call("GET", APPLES, Authorization=f"Bearer {token}").status == 200)


def test_keeps_people_and_secrets_from_one_run_to_the_next(guarded: Project) -> None:
    """A second start makes no new passwords and no new secrets; with `--only` the issuer runs too."""
    before = (guarded.data / "credentials.json").read_text(), _secret(guarded, "apples", "client_secret")
    assert guarded.run("down").returncode == 0
    started = guarded.run("up", "--detach", "--json", "--port", "0", "--only", "apples")
    assert started.returncode == 0, started.stderr
    assert guarded.state.services.keys() == {"apples", "pears", "identity"}
    after = (guarded.data / "credentials.json").read_text(), _secret(guarded, "apples", "client_secret")
    assert before == after
    assert guarded.call("GET", APPLES, Authorization=f"Bearer {_log_in(guarded, OPERATOR)}").status == 200

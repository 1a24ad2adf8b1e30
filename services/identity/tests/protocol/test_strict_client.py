"""An independent client, which is known to be strict, is content with everything that this server says."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from joserfc.jwk import ECKey
from services.identity.tests.protocol.browser import CALLBACK, PASSWORD
from tests.npm import install

from arnia.testing.processes import ServiceProcess

LIBRARY = "oauth4webapi@3.8.8"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the client's library, and the program that drives the server with it."""
    folder = install(LIBRARY, tmp_path_factory.mktemp("strict-client"))
    shutil.copy(HERE / "strict_client.mjs", folder)
    return folder


@pytest.fixture
def robot(http: httpx2.Client) -> Iterator[str]:
    """Register an OAuth client that proves itself by a key, and give the private one."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    form = {"grant_type": "password", "client_id": "arnia", "username": "operator", "password": PASSWORD}
    token = http.post("/token", data={**form, "scope": "clients:manage", "audience": "identity"}).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    body = {
        "client_id": "robot",
        "grants": ["client_credentials"],
        "audiences": {"drone": ["drones:read"]},
        "jwks": [key.as_dict(private=False)],
    }
    made = http.post("/api/v1/oauth-clients", json=body, headers=headers)
    assert made.status_code == 201, made.text
    yield json.dumps(key.as_dict(private=True))
    http.delete(made.headers["location"], headers=headers)


def test_a_strict_client_is_content(identity: ServiceProcess, library: Path, robot: str, secret: str) -> None:
    """It finds the server, gets tokens by secret, key and form, renews, exchanges and revokes them."""
    arguments = [identity.url, secret, CALLBACK, "maia", PASSWORD, robot]
    done = subprocess.run(
        ["node", "strict_client.mjs", *arguments], cwd=library, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["metadata"] == identity.url
    assert (found["claims"]["sub"], found["claims"]["scope"]) == ("scheduler", "reservations:write")
    assert found["user"]["preferred_username"] == "maia"
    assert found["assertion"] == "bearer"
    assert (found["rotated"], found["active"], found["revoked"]) == (True, True, True)
    assert found["exchanged"]["act"] == {"sub": "delivery"}
    assert found["exchanged"]["sub"] == found["user"]["sub"]

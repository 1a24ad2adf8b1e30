"""What services are told where the environment believes an issuer outside."""

import json
from pathlib import Path

import pytest

from arnia.ecosystem import Ecosystem, Environment, Issuer, Route, Service
from arnia.local.equipment import Equipment
from arnia.local.folder import Folder
from arnia.local.plan import Plan, wished
from arnia.local.signing import signing_key

REALM = Issuer(url="https://login.example/r", keys="https://login.example/keys", roles="realm_access.roles")
WEATHER = Route(path="/shop/weather", public=True)
SHOP = Service(name="shop", owner="us", exposes=(Route(path="/api/v1/shop"), WEATHER))


def _plan(environment: Environment, folder: Path) -> Plan:
    ecosystem = Ecosystem(name="mall", services=(SHOP,), environments=(environment,))
    (folder / "shop").mkdir(exist_ok=True)
    return Plan(ecosystem, wished(ecosystem, environment, replicas={}, split=False), folder)


def test_services_are_told_of_the_issuer_outside(tmp_path: Path) -> None:
    """They are told all that the page says of it, and no key of the laptop is believed beside it."""
    plan = _plan(Environment(name="local", issuer=REALM, edge_requests_per_second=7), tmp_path)
    folder = Folder(tmp_path)
    folder.secrets.mkdir(parents=True, exist_ok=True)
    equipment = Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert equipment.settings(SHOP) == REALM.settings
    assert equipment.secrets(SHOP) == {}
    assert equipment.self_signed == ()
    assert list(folder.secrets.iterdir()) == []
    assert plan.guarded == (("/api/v1/shop", "shop"),)
    assert plan.environment.edge_requests_per_second == 7


def test_without_any_issuer_services_are_told_the_public_key_of_the_laptop(tmp_path: Path) -> None:
    """Nothing is asked for at the edge then; no service has a secret by which it could make tokens."""
    plan = _plan(Environment(name="local"), tmp_path)
    folder = Folder(tmp_path)
    folder.secrets.mkdir(parents=True, exist_ok=True)
    equipment = Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    told = equipment.settings(SHOP)
    (key,) = json.loads(told["token_keys"])["keys"]
    assert told.keys() == {"issuer", "token_keys"}
    assert (told["issuer"], equipment.secrets(SHOP), equipment.self_signed) == ("http://edge", {}, ("shop",))
    assert key.keys() == {"alg", "crv", "kid", "kty", "use", "x", "y"}
    assert (key["alg"], key["kid"]) == ("ES256", signing_key(folder).thumbprint())
    assert plan.guarded == ()


@pytest.mark.parametrize("setting", ["ISSUER", "JWKS_URL", "TOKEN_KEYS", "SHARED_TOKEN_KEY"])
def test_a_service_that_says_whom_it_believes_is_told_nothing_beside_it(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own settings win, whichever of them says it, in the environment or in its `.env`."""
    plan = _plan(Environment(name="local"), tmp_path)
    (tmp_path / "shop" / ".env").write_text(f"SHOP_{setting}=x\n", encoding="utf-8")
    given = Equipment(plan, Folder(tmp_path), edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert (given.settings(SHOP), given.self_signed) == ({}, ())
    (tmp_path / "shop" / ".env").unlink()
    monkeypatch.setenv(f"SHOP_{setting}", "x")
    given = Equipment(plan, Folder(tmp_path), edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert (given.settings(SHOP), given.self_signed) == ({}, ())


def test_keys_that_services_shared_before_are_removed(tmp_path: Path) -> None:
    """What an older version drew for HS256 goes at the next start, wherever it lies; other secrets stay."""
    folder = Folder(tmp_path)
    (folder.secrets / "shop").mkdir(parents=True)
    drawn, handed = folder.secrets / "shop.token-key", folder.secrets / "shop" / "shop_shared_token_key"
    kept = folder.secrets / "shop.cursor-key"
    for one in (drawn, handed, kept):
        one.write_text("of a run before", encoding="utf-8")
    plan = _plan(Environment(name="local"), tmp_path)
    equipment = Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert equipment.secrets(SHOP) == {}
    assert (drawn.exists(), handed.exists(), kept.exists()) == (False, False, True)


def test_people_are_new_once(tmp_path: Path) -> None:
    """The first start knows whom it made, to show their passwords; the next finds them, and has nobody to show."""
    door = Service(name="door", owner="us")
    ecosystem = Ecosystem(name="mall", services=(door,), environments=(Environment(name="local"),), issuer="door")
    (tmp_path / "door").mkdir()
    plan = Plan(ecosystem, wished(ecosystem, ecosystem.environments[0], replicas={}, split=False), tmp_path)
    folder = Folder(tmp_path)
    folder.secrets.mkdir(parents=True)
    first, second = (
        Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None) for _ in range(2)
    )
    told = first.secrets(door)["first_users"]
    assert first.newcomers is not None
    assert first.newcomers.first_users() == told
    assert second.secrets(door)["first_users"] == told
    assert second.newcomers is None

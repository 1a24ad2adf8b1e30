"""What services are told where the environment believes an issuer outside."""

from pathlib import Path

from arnia.ecosystem import Ecosystem, Environment, Issuer, Route, Service
from arnia.local.equipment import Equipment, token_key
from arnia.local.folder import Folder
from arnia.local.plan import Plan, wished

REALM = Issuer(url="https://login.example/r", keys="https://login.example/keys", roles="realm_access.roles")
WEATHER = Route(path="/shop/weather", public=True)
SHOP = Service(name="shop", owner="us", exposes=(Route(path="/api/v1/shop"), WEATHER))


def _plan(environment: Environment, folder: Path) -> Plan:
    ecosystem = Ecosystem(name="mall", services=(SHOP,), environments=(environment,))
    (folder / "shop").mkdir(exist_ok=True)
    return Plan(ecosystem, wished(ecosystem, environment, replicas={}, split=False), folder)


def test_services_are_told_of_the_issuer_outside(tmp_path: Path) -> None:
    """They are told all that the page says of it, and no key of their own is believed beside it."""
    plan = _plan(Environment(name="local", issuer=REALM, edge_requests_per_second=7), tmp_path)
    folder = Folder(tmp_path)
    folder.secrets.mkdir(parents=True, exist_ok=True)
    key = token_key(folder, "shop")
    key.write_text("of a run before")
    equipment = Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert equipment.settings(SHOP) == REALM.settings
    assert equipment.secrets(SHOP) == {}
    assert not key.exists()
    assert plan.guarded == (("/api/v1/shop", "shop"),)
    assert plan.environment.edge_requests_per_second == 7


def test_without_any_issuer_a_service_has_a_key_of_its_own(tmp_path: Path) -> None:
    """Nothing is asked for at the edge then, and nobody else's tokens are believed."""
    plan = _plan(Environment(name="local"), tmp_path)
    folder = Folder(tmp_path)
    folder.secrets.mkdir(parents=True, exist_ok=True)
    equipment = Equipment(plan, folder, edge_url="http://edge", internal_urls={}, postgres=None, valkey=None)
    assert equipment.settings(SHOP) == {"issuer": "http://edge"}
    assert equipment.secrets(SHOP).keys() == {"shared_token_key"}
    assert plan.guarded == ()


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

"""The verb `synth`: writes what is missing or stale, removes what is no more, and tells drift by name."""

import subprocess
import sys
from pathlib import Path

import pytest

from arnia import commands
from arnia.cli import main
from arnia.commands.agreement import Drift
from arnia.commands.synthesis import SynthResult
from arnia.contracts.documents import canonical
from arnia.errors import DeclarationError, UsageError

ROOT = Path(__file__).resolve().parents[3]
PAGE = """
from arnia.ecosystem import Ecosystem, Environment, Service

ecosystem = Ecosystem(
    name="shop",
    services=(Service(name="orders", owner="sales"), Service(name="stock", owner="storage")),
    environments=(
        Environment(name="local"),
        Environment(name="staging", registry="registry.example/shop"),
        Environment(name="production", registry="registry.example/shop"),
    ),
)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return the folder of an ecosystem with two services and two environments, synthesised."""
    (tmp_path / "ecosystem.py").write_text(PAGE, encoding="utf-8")
    for name in ("orders", "stock"):
        folder = tmp_path / "services" / name / "contract"
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(canonical({"settings": []}), encoding="utf-8")
    commands.synth(file=tmp_path)
    return tmp_path


def check(shop: Path) -> SynthResult:
    """Return what `synth --check` says."""
    return commands.synth(file=shop, check=True)


def test_deploy_is_as_the_declaration_makes_it() -> None:
    """What is committed in deploy/ is what ecosystem.py and the committed contracts make: nothing drifted."""
    result = commands.synth(file=ROOT, check=True)
    assert result.ok, result.text()
    assert result.environments == ("production",)


def test_deleted_and_made_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """The manifests of this repository can be thrown away: made anew elsewhere, they are those that were committed."""
    command = [sys.executable, "-m", "arnia.cli", "synth", "--file", str(ROOT), "--out", str(tmp_path / "made")]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    committed = {path.relative_to(ROOT / "deploy"): path.read_bytes() for path in (ROOT / "deploy").rglob("*.yaml")}
    made = {path.relative_to(tmp_path / "made"): path.read_bytes() for path in (tmp_path / "made").rglob("*.yaml")}
    assert made == committed


def test_a_second_run_changes_nothing(shop: Path) -> None:
    """Synthesis writes only what differs."""
    before = {path: path.stat().st_mtime_ns for path in (shop / "deploy").rglob("*.yaml")}
    result = commands.synth(file=shop)
    assert result.drift == {}
    assert {path: path.stat().st_mtime_ns for path in (shop / "deploy").rglob("*.yaml")} == before


def test_a_limit_by_address_asks_where_the_proxies_are(shop: Path) -> None:
    """Without their network all callers are one address: that is a fault, until the page says where they are."""
    page = PAGE.replace('owner="sales")', 'owner="sales", exposes=(Route(path="/orders"),))')
    page = page.replace("import Ecosystem,", "import Ecosystem, Route,")
    limit, proxies = '"ORDERS_RATE_LIMIT": "100/60s"', '"ORDERS_TRUSTED_PROXIES": "10.0.0.0/8"'
    rows = [
        {"variable": f"ORDERS_{name}", "type": "str", "required": False, "default": ""}
        for name in ("RATE_LIMIT", "TRUSTED_PROXIES")
    ]
    contract = shop / "services/orders/contract/settings.json"
    contract.write_text(canonical({"settings": rows}), encoding="utf-8")
    told = f"settings={{{limit}}}"
    _give(shop, page, told)
    for name in ("staging", "production"):
        wanted = f"environment '{name}': 'orders' counts by address.* in `proxies` which networks.*10.244.0.0/16"
        with pytest.raises(DeclarationError, match=wanted):
            commands.synth(file=shop, env=name)
    for given in (f"settings={{{limit}, {proxies}}}", f'{told}, proxies=("10.244.0.0/16",)', "settings={}"):
        _give(shop, page, given)
        assert commands.synth(file=shop).ok


def _give(shop: Path, page: str, arguments: str) -> None:
    given = f'registry="registry.example/shop", host="shop.example", {arguments}'
    (shop / "ecosystem.py").write_text(page.replace('registry="registry.example/shop"', given), encoding="utf-8")


def test_planted_drift_is_named_and_is_1(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An edited, a deleted and an invented file are each told by name; then synthesis mends them."""
    edited, deleted = shop / "deploy/production/orders/service.yaml", shop / "deploy/staging/namespace.yaml"
    invented = shop / "deploy/production/wasps/service.yaml"
    invented.parent.mkdir()
    invented.write_bytes(edited.read_bytes())
    edited.write_text(edited.read_text(encoding="utf-8").replace("http", "https"), encoding="utf-8")
    deleted.unlink()
    assert main(["synth", "--file", str(shop), "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "deploy/production/orders/service.yaml is stale.",
        "deploy/production/wasps/service.yaml is superfluous.",
        "deploy/staging/namespace.yaml is missing.",
        "3 files differ from the declaration: write them with `arnia synth`.",
    ]
    assert main(["synth", "--file", str(shop)]) == 0
    assert check(shop).ok
    assert not invented.parent.exists()


def test_what_is_declared_no_more_is_removed(shop: Path) -> None:
    """A service, or an environment, that left the page leaves the folder; what others put there stays."""
    page = shop / "ecosystem.py"
    text = page.read_text(encoding="utf-8").replace(', Service(name="stock", owner="storage")', ",")
    page.write_text(text.replace('        Environment(name="staging", registry="registry.example/shop"),\n', ""))
    kept = shop / "deploy/staging/patch.yaml"
    kept.write_text("kind: Kustomization\n", encoding="utf-8")
    drift = check(shop).drift
    assert set(drift.values()) == {Drift.STALE, Drift.SUPERFLUOUS}
    assert {path for path, kind in drift.items() if kind is Drift.STALE} == {"production/kustomization.yaml"}
    commands.synth(file=shop)
    assert not (shop / "deploy/production/stock").exists()
    assert [path.name for path in (shop / "deploy/staging").rglob("*")] == [kept.name]
    assert check(shop).ok


def test_one_environment_leaves_the_others_alone(shop: Path) -> None:
    """With --env nothing of another environment is written, checked or removed."""
    (shop / "deploy/staging/namespace.yaml").unlink()
    result = commands.synth(file=shop, env="production", check=True)
    assert (result.ok, result.environments) == (True, ("production",))
    assert commands.synth(file=shop, env="staging").drift == {"staging/namespace.yaml": Drift.MISSING}


def test_a_file_of_others_is_not_overwritten(shop: Path) -> None:
    """Where Arnia would write stands a file that it did not make: nothing at all is written."""
    theirs = shop / "deploy/production/namespace.yaml"
    theirs.write_text("kind: Namespace\n", encoding="utf-8")
    (shop / "deploy/production/default-deny.yaml").unlink()
    with pytest.raises(UsageError, match="was not made by Arnia, and would be overwritten: move it away"):
        commands.synth(file=shop)
    assert theirs.read_text(encoding="utf-8") == "kind: Namespace\n"
    assert not (shop / "deploy/production/default-deny.yaml").exists()


def test_the_laptop_has_no_artefacts(shop: Path) -> None:
    """`local` is refused by name, and an ecosystem that runs nowhere else has nothing to write."""
    with pytest.raises(UsageError, match="'local' is the laptop"):
        commands.synth(file=shop, env="local")
    with pytest.raises(UsageError, match="'moon' is no environment"):
        commands.synth(file=shop, env="moon")
    page = shop / "alone.py"
    page.write_text(
        "from arnia.ecosystem import Ecosystem, Service\n"
        'ecosystem = Ecosystem(name="a", services=(Service(name="b", owner="c"),))\n',
        encoding="utf-8",
    )
    result = commands.synth(file=page, out=shop / "empty")
    assert result.ok
    assert result.text().startswith("No environment but 'local' is declared")
    assert not (shop / "empty").exists()


def test_without_its_extra_it_says_what_to_install(shop: Path) -> None:
    """Where the Kubernetes models are absent the answer is one command and 3, not an ImportError."""
    script = "import sys; sys.modules['lightkube'] = None; from arnia.cli import main; sys.exit(main(['synth']))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=shop)
    assert done.returncode == 3
    assert done.stderr == "arnia: lightkube is not installed: run `pip install 'arnia[synth]'`.\n"


def test_the_declaration_does_not_load_the_models() -> None:
    """Only the verb itself loads the models of Kubernetes: the page, the commands and the program stay quick."""
    script = """
import sys
sys.argv = ["arnia"]
import ecosystem, arnia.commands, arnia.cli.application
from arnia.commands import synth
assert not {"lightkube", "msgspec", "yaml"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr

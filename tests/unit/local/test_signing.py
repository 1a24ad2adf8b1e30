"""The key pair of the laptop, and keys that several services may not share."""

import json
import stat
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OKPKey

from arnia.contracts import Contract, Document
from arnia.ecosystem import Ecosystem, Service
from arnia.errors import OutsideError, UsageError
from arnia.local.folder import Folder
from arnia.local.signing import public_keys, refuse_shared_keys, signing_key

GUARDED: Document = {"paths": {"/api/v1/things": {"get": {"security": [{"bearer": []}]}}}}
OPEN: Document = {"paths": {"/api/v1/things": {"get": {}}}}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder for secrets."""
    folder = Folder(tmp_path)
    folder.secrets.mkdir()
    return folder


def test_one_key_pair_is_drawn_once(folder: Folder) -> None:
    """The next run finds the key of the first, which only its owner may read; what is told holds no private part."""
    told = public_keys(folder)
    assert public_keys(folder) == told
    (kept,) = folder.secrets.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert signing_key(folder).is_private
    assert str(signing_key(folder).as_dict(private=True)["d"]) not in told


@pytest.mark.parametrize(
    "spoiled",
    [
        "half a k",
        "[]",
        json.dumps(ECKey.generate_key("P-384").as_dict(private=True)),
        json.dumps(ECKey.generate_key("P-256").as_dict(private=False)),
        json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)),
    ],
    ids=["no JSON", "no key", "another curve", "public", "another kind"],
)
def test_a_spoiled_key_is_told_with_its_file(spoiled: str, folder: Folder) -> None:
    """Who reads it learns which file to remove, not how its content looks."""
    public_keys(folder)
    (kept,) = folder.secrets.iterdir()
    kept.write_text(spoiled, encoding="utf-8")
    for use in (public_keys, signing_key):
        with pytest.raises(OutsideError, match=f"{kept} holds no key any more: remove it"):
            use(folder)


def test_a_key_that_was_removed_is_not_drawn_for_a_token(folder: Folder) -> None:
    """Services believe the one that they were told of, so whoever wants a token has to start them anew."""
    for _ in range(2):
        with pytest.raises(OutsideError, match=r"token-signing-key is gone: .*`arnia up` draws another key"):
            signing_key(folder)
    assert not list(folder.secrets.iterdir())


def _contract(service: str, document: Document) -> Contract:
    return Contract.read(service, {"openapi.v1.json": document})


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_shared_key_is_for_one_service(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside another service that takes tokens it is refused by name; one that takes none does not count."""
    services = tuple(Service(name=name, owner="us") for name in ("gate", "shop"))
    mall = Ecosystem(name="mall", services=services)
    both = {name: _contract(name, GUARDED) for name in ("gate", "shop")}
    refuse_shared_keys(mall, tmp_path, both)
    (tmp_path / "shop").mkdir()
    if where == "environment":
        monkeypatch.setenv("SHOP_SHARED_TOKEN_KEY", "x" * 32)
    else:
        (tmp_path / "shop" / ".env").write_text(f"SHOP_SHARED_TOKEN_KEY={'x' * 32}\n", encoding="utf-8")
    refuse_shared_keys(mall, tmp_path, {**both, "gate": _contract("gate", OPEN)})
    for contracts in (both, {"shop": both["shop"]}):
        with pytest.raises(UsageError, match="mall: 2 services take tokens, and SHOP_SHARED_TOKEN_KEY is set"):
            refuse_shared_keys(mall, tmp_path, contracts)

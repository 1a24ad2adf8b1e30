"""Where settings come from, and what is said when they are wrong."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import MetaData

from arnia.chassis.application import Application, create_app
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.hearers import Hearer
from arnia.chassis.settings import DatabaseSettings, ServiceSettings, describe, load, service_settings
from arnia.errors import SettingsError
from arnia.testing.parcels import ParcelWeighed


class Settings(DatabaseSettings):
    """Settings of a service named order-intake."""

    model_config = service_settings("order-intake")


class SmallSettings(ServiceSettings):
    """Settings of a service without a database."""

    model_config = service_settings("small")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder that names a folder of secrets."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("SMALL_SECRETS_DIR", str(tmp_path / "secrets"))
    return tmp_path


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        (create_app(service="small", routers=[]), ServiceSettings),
        (create_app(service="small", routers=[], models=MetaData()), DatabaseSettings),
        (create_app(service="small", routers=[], models=MetaData(), events=[ParcelWeighed]), EventSettings),
        (create_app(service="small", routers=[], models=MetaData(), hearers=[Hearer()]), EventSettings),
    ],
)
def test_a_service_without_settings_of_its_own_has_those_of_its_kind(
    service: Application, kind: type[ServiceSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read as any others: by the name of the service, and frozen."""
    monkeypatch.setenv("SMALL_PORT", "1")
    monkeypatch.setenv("SMALL_DATABASE_URL", "postgresql://small")
    monkeypatch.setenv("SMALL_CURSOR_KEY", "0123456789abcdef")
    settings = load(service.settings, "small")
    assert settings.port == 1
    assert type(settings).__bases__ == (kind,)
    assert describe(service.settings, "small") == describe(kind, "small")
    with pytest.raises(ValidationError):
        settings.port = 2


def test_environment_beats_dotenv_beats_secret_file_beats_default(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that the documentation promises, one source taken away after the other."""
    monkeypatch.setenv("SMALL_PORT", "1")
    (folder / "secrets" / "small_max_body_bytes").write_text("2")
    assert load(SmallSettings, "small").max_body_bytes == 2
    (folder / ".env").write_text("SMALL_MAX_BODY_BYTES=3\n")
    assert load(SmallSettings, "small").max_body_bytes == 3
    monkeypatch.setenv("SMALL_MAX_BODY_BYTES", "4")
    assert load(SmallSettings, "small").max_body_bytes == 4
    monkeypatch.delenv("SMALL_MAX_BODY_BYTES")
    (folder / ".env").unlink()
    (folder / "secrets" / "small_max_body_bytes").unlink()
    assert load(SmallSettings, "small").max_body_bytes == 1_048_576


def test_every_fault_is_named_at_once_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence a fault, each with its variable; what was set is not repeated."""
    monkeypatch.setenv("ORDER_INTAKE_PORT", "canary-port")
    monkeypatch.setenv("ORDER_INTAKE_DATABASE_URL", "canary-url")
    with pytest.raises(SettingsError) as refused:
        load(Settings, "order-intake")
    told = {fault.split()[0]: fault for fault in refused.value.faults}
    assert set(told) == {"ORDER_INTAKE_PORT", "ORDER_INTAKE_DATABASE_URL", "ORDER_INTAKE_CURSOR_KEY"}
    assert "canary" not in str(refused.value)
    assert "is missing" in told["ORDER_INTAKE_CURSOR_KEY"]
    assert "order_intake_cursor_key" in told["ORDER_INTAKE_CURSOR_KEY"]


@pytest.mark.parametrize(("given", "expected"), [("1", (1,)), ("1,2", (1, 2)), ("[1, 2]", (1, 2)), ("", ())])
def test_versions_are_a_list(given: str, expected: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Major versions are written with commas, in brackets or not."""
    monkeypatch.setenv("SMALL_PORT", "1")
    monkeypatch.setenv("SMALL_API_VERSIONS", given)
    assert load(SmallSettings, "small").api_versions == expected


def test_missing_folder_of_secrets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there is a fault, not an absence of secrets."""
    monkeypatch.setenv("SMALL_SECRETS_DIR", "nowhere")
    with pytest.raises(SettingsError, match="SMALL_SECRETS_DIR"):
        load(SmallSettings, "small")


def test_production_refuses_secrets_in_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In production a secret comes from a file."""
    monkeypatch.setenv("ORDER_INTAKE_SECRETS_DIR", str(folder / "secrets"))
    monkeypatch.setenv("ORDER_INTAKE_PORT", "1")
    monkeypatch.setenv("ORDER_INTAKE_ENVIRONMENT", "production")
    (folder / "secrets" / "order_intake_database_url").write_text("postgresql://a:b@127.0.0.1/c")
    (folder / "secrets" / "order_intake_cursor_key").write_text("x" * 16)
    assert load(Settings, "order-intake").cursor_key == SecretStr("x" * 16)
    monkeypatch.setenv("ORDER_INTAKE_CURSOR_KEY", "y" * 16)
    with pytest.raises(SettingsError, match="ORDER_INTAKE_CURSOR_KEY is a secret"):
        load(Settings, "order-intake")


def test_settings_are_frozen_and_keep_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing changes after the start, and printing settings shows no secret."""
    monkeypatch.setenv("ORDER_INTAKE_PORT", "1")
    monkeypatch.setenv("ORDER_INTAKE_DATABASE_URL", "postgresql://canary@127.0.0.1/c")
    monkeypatch.setenv("ORDER_INTAKE_CURSOR_KEY", "canary-" * 3)
    settings = load(Settings, "order-intake")
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 2


def test_contract_names_every_setting() -> None:
    """The contract tells variable, type, default, and what is required or secret."""
    told = {each["variable"]: each for each in describe(Settings, "order-intake")["settings"]}
    assert told["ORDER_INTAKE_DATABASE_URL"]["secret"]
    assert told["ORDER_INTAKE_DATABASE_URL"]["required"]
    assert told["ORDER_INTAKE_DATABASE_POOL_SIZE"]["default"] == "10"
    assert told["ORDER_INTAKE_PORT"]["type"] == "int"


def test_a_fault_says_what_the_setting_demands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A choice lists what is allowed, a secret has characters, a list of wrong items is one line."""
    wrong = {
        "PORT": "x",
        "LOG_LEVEL": "loud",
        "CURSOR_KEY": "short",
        "API_VERSIONS": "a,b",
        "MIGRATE_ON_START": "maybe",
    }
    for name, value in {**wrong, "DRAIN_SECONDS": "soon", "DATABASE_URL": "x", "STOP_SECONDS": "0"}.items():
        monkeypatch.setenv(f"ORDER_INTAKE_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load(Settings, "order-intake")
    told = dict(fault.removeprefix("ORDER_INTAKE_").split(" is not valid: it must ") for fault in refused.value.faults)
    assert told == {
        "PORT": "be a whole number",
        "API_VERSIONS": "be a whole number",
        "LOG_LEVEL": "be one of 'debug', 'info', 'warning' or 'error'",
        "DRAIN_SECONDS": "be a number",
        "STOP_SECONDS": "be greater than or equal to 1",
        "DATABASE_URL": "look like postgresql://role:password@host:port/database",
        "CURSOR_KEY": "have at least 16 characters",
        "MIGRATE_ON_START": "be true or false",
    }

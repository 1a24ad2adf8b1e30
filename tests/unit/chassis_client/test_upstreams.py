"""What the settings say of services that are called."""

import pytest

from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.settings import describe, load, service_settings
from arnia.chassis.upstreams import CallingSettings, Upstream
from arnia.errors import SettingsError


class Settings(CallingSettings):
    """Of a service that calls the nursery."""

    model_config = service_settings("florist")
    nursery: Upstream


def test_a_missing_url_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is called and cannot be found ends the start, with the name of its variable."""
    monkeypatch.setenv("FLORIST_PORT", "1")
    with pytest.raises(SettingsError, match="FLORIST_NURSERY__URL is missing: set it in the environment"):
        load(Settings, "florist")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("URL", "nursery:80"),
        ("RETRIES", "many"),
        ("TIMEOUT_MS", "0"),
        ("TRANSPORT", "pigeon"),
        ("TIMOUT_MS", "5"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong value, and a field that a policy does not have, are named with their variable."""
    monkeypatch.setenv("FLORIST_PORT", "1")
    monkeypatch.setenv("FLORIST_NURSERY__URL", "http://127.0.0.1:1")
    monkeypatch.setenv(f"FLORIST_NURSERY__{name}", value)
    with pytest.raises(SettingsError, match=f"FLORIST_NURSERY__{name} is not valid"):
        load(Settings, "florist")


def test_settings_override_the_declared_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment sets wins over what the client declares; the rest stays as declared."""
    monkeypatch.setenv("FLORIST_PORT", "1")
    monkeypatch.setenv("FLORIST_NURSERY__URL", "http://127.0.0.1:1")
    monkeypatch.setenv("FLORIST_NURSERY__RETRIES", "0")
    policy = CallPolicy(retries=5, max_in_flight=7).overridden(load(Settings, "florist").nursery)
    assert (policy.retries, policy.max_in_flight, policy.timeout_ms) == (0, 7, 2_000)


def test_the_contract_shows_each_field() -> None:
    """The contract of the settings lists the fields of an upstream with their variables; only its URL is required."""
    described = {str(each["variable"]): each for each in describe(Settings, "florist")["settings"]}
    assert described["FLORIST_NURSERY__URL"]["required"] is True
    assert described["FLORIST_NURSERY__RETRIES"]["required"] is False
    assert described["FLORIST_NURSERY__RETRIES"]["type"] == "int | None"
    assert "FLORIST_NURSERY" not in described
    assert described["FLORIST_CLIENT_SECRET"]["secret"] is True

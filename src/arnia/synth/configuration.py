"""What a service is told in an environment: a value for every setting of its contract that is no secret."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from arnia.contracts import Contract
from arnia.conventions import KEYS_PATH, OWN_MACHINE, SHARED_KEY, TOKEN_PATH, package, variable
from arnia.ecosystem import Environment

PORT: Final = 8000
_OWNED: Final = {"environment": "production", "host": "0.0.0.0", "port": str(PORT)}  # noqa: S104 - of its own pod
_MIGRATE: Final = "migrate_on_start"
PROXIES: Final = "trusted_proxies"
_TOLD_KEYS: Final = "token_keys"
_PREFERRED: Final = {"drain_seconds": "5", "log_format": "json"}
"""Five seconds pass until every proxy knows that a pod which is going away is not ready any more."""
_NUMBERS: Final = {"int": re.compile(r"-?[0-9]+"), "float": re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")}
_TRUTHS: Final = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a contract."""

    variable: str
    type: str
    required: bool
    secret: bool
    default: str | None

    @property
    def carried(self) -> str | None:
        """The default as a variable can carry it; None where there is none, or where only code can spell it."""
        plain = self.type in {"str", "bool", *_NUMBERS} or self.type.startswith("Literal[")
        return self.default if plain else None

    def accepts(self, text: str) -> bool:
        """Tell whether `text` is a value of its type, as far as the contract says what that is."""
        if self.type in _NUMBERS:
            return _NUMBERS[self.type].fullmatch(text) is not None
        if self.type == "bool":
            return text.lower() in _TRUTHS
        return not self.type.startswith("Literal[") or repr(text) in self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a service is told.

    Attributes:
        values: By environment variable; no secret is among them.
        secret_files: Names of the files that carry its secrets.
        migrates: Whether its schema is brought up to date before it starts.
        faults: Why that is not enough, a sentence each.
    """

    values: Mapping[str, str]
    secret_files: tuple[str, ...]
    migrates: bool
    faults: tuple[str, ...]

    def seconds(self, service: str, setting: str) -> float:
        """Return the value of a setting that counts seconds; 0 where the service has none of the name."""
        return float(self.values.get(variable(service, setting), "0"))


def read_settings(contract: Contract) -> dict[str, Setting]:
    """Return the settings of a contract, by variable."""
    return {
        one["variable"]: Setting(
            variable=one["variable"],
            type=one["type"],
            required=one["required"],
            secret=one.get("secret", False),
            default=one.get("default"),
        )
        for one in contract.settings.get("settings", [])
    }


def configure(
    service: str,
    contract: Contract,
    environment: Environment,
    addresses: Mapping[str, str],
    version: int | None,
    issuer: str = "",
    *,
    exposed: bool = False,
) -> Configuration:
    """Return what `service` is told in `environment`.

    Args:
        service: Its name.
        contract: Its contract, which says what it asks for.
        environment: What differs there.
        addresses: Where each service that it calls is.
        version: The one API version that it serves here; None for all.
        issuer: Where the service is that issues tokens, for those inside the cluster; empty where none does.
        exposed: Whether the edge leads to it.
    """
    known = read_settings(contract)
    proxies = {PROXIES: ",".join((*OWN_MACHINE, *environment.proxies))} if exposed and environment.proxies else {}
    owned = _OWNED | {_MIGRATE: "False"} | {_url_setting(name): address for name, address in addresses.items()}
    if issuer:
        owned |= {"issuer": f"https://{environment.host}", "jwks_url": f"{issuer}{KEYS_PATH}"}
        owned |= {"token_url": f"{issuer}{TOKEN_PATH}", "client_id": service} if addresses else {}
    owned |= environment.issuer.settings if environment.issuer is not None else {}
    # Keys of the issuer are published; others beside them are refused by the service.
    published = bool(issuer or environment.issuer)
    owned |= {_TOLD_KEYS: ""} if published else {}
    needless = {variable(service, SHARED_KEY)} if published or _told_keys(service, environment) else set()
    if version is not None:
        owned["api_versions"] = str(version)
    ours = {variable(service, setting): text for setting, text in owned.items()}
    preferred = {variable(service, setting): text for setting, text in (_PREFERRED | proxies).items()}
    defaults = {one.variable: one.carried for one in known.values() if one.carried is not None}
    given = {name: text for name, text in environment.settings.items() if name in known}
    values = {
        name: text
        for name, text in (defaults | preferred | given | ours).items()
        if name in known and not known[name].secret
    }
    return Configuration(
        values=dict(sorted(values.items())),
        secret_files=tuple(sorted(name.lower() for name, one in known.items() if one.secret and name not in needless)),
        migrates=variable(service, _MIGRATE) in known,
        faults=tuple(_find_faults(environment.name, known, given, values, ours)),
    )


def _told_keys(service: str, environment: Environment) -> str:
    return environment.settings.get(variable(service, _TOLD_KEYS), "")


def _url_setting(service: str) -> str:
    return f"{package(service)}__url"


def _find_faults(
    environment: str,
    known: Mapping[str, Setting],
    given: Mapping[str, str],
    values: Mapping[str, str],
    ours: Mapping[str, str],
) -> Iterator[str]:
    thing = f"environment {environment!r}"
    for name, text in sorted(given.items()):
        if known[name].secret:
            yield f"{thing}: {name} is a secret: keep it out of `settings`; it belongs into the file {name.lower()}."
        elif name in ours:
            yield f"{thing}: {name} is decided by synthesis: remove it from `settings`."
        elif not known[name].accepts(text):
            yield f"{thing}: {name} is no {known[name].type}: correct it in `settings`."
    for name, one in sorted(known.items()):
        if one.required and not one.secret and name not in values:
            yield f"{thing}: {name} has no value: give it one in `settings`."

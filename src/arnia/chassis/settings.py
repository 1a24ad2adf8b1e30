"""Typed settings of a service, read once, at the start of its process.

Order, strongest first: environment variable, `.env` in the working folder, secret file, default. The secret files are
in the folder that `<SERVICE>_SECRETS_DIR` names, one file a setting, named like the variable in lower case.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from arnia.chassis.claims import PLACE
from arnia.chassis.keys import read_told_keys
from arnia.chassis.tokens import ALGORITHMS, TokenType
from arnia.conventions import LOOPBACK, OWN_MACHINE, environment_prefix, secret_file, variable
from arnia.errors import SettingsError

__all__ = ["DatabaseSettings", "ServiceSettings", "describe", "load", "service_settings"]

S = TypeVar("S", bound="ServiceSettings")

NESTED: Final = "__"
"""Between the name of a setting that is a model and the name of its field: `SCHEDULER_DRONE__URL`."""


def service_settings(service: str) -> SettingsConfigDict:
    """Return the `model_config` of a service's settings: its prefix, `.env`, and frozen values."""
    return SettingsConfigDict(
        env_prefix=environment_prefix(service),
        env_file=".env",
        env_file_encoding="utf-8",
        env_nested_delimiter=NESTED,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class ServiceSettings(BaseSettings):
    """What every service can be told. Subclass it with a `model_config = service_settings("name")`."""

    environment: Literal["local", "test", "production"] = "local"
    host: str = LOOPBACK
    port: int = Field(ge=0, le=65535, description="TCP port to listen on; 0 takes any free one.")
    api_versions: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(), description="Major versions to serve, comma-separated; none means all that the service has."
    )
    log_format: Literal["auto", "json", "text"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: float = Field(
        default=1.0, ge=0, le=300, description="How long to go on serving, not ready any more, after SIGTERM."
    )
    stop_seconds: int = Field(default=30, ge=1, le=600, description="How long requests in flight may take to finish.")
    max_body_bytes: int = Field(default=1_048_576, ge=1, description="Largest request body, in bytes.")
    request_timeout_ms: int = Field(default=30_000, ge=1, description="Ceiling on a request's time, in milliseconds.")
    require_if_match: bool = Field(default=False, description="Demand If-Match on every write, not only on PATCH.")
    issuer: str = Field(
        default="", description="URL of the OpenID issuer of access tokens; needed as soon as a route is not public."
    )
    audience: str = Field(default="", description="What tokens for this service name as `aud`; none means its name.")
    jwks_url: str = Field(default="", description="Where the issuer's keys are; none means that its metadata says so.")
    token_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("ES256", "Ed25519", "EdDSA"), description="How tokens may be signed, comma-separated."
    )
    token_keys: str = Field(
        default="", description="A JWK set of public keys that verify tokens, where their issuer publishes none."
    )
    token_type: TokenType = Field(
        default="at+jwt",
        description="What tokens say that they are; JWT or absent for an issuer that does not follow RFC 9068.",
    )
    roles_claim: str = Field(
        default="roles",
        min_length=1,
        pattern=PLACE,
        description="Where tokens list roles: a claim, or with dots a member, such as realm_access.roles.",
    )
    scopes_claim: str = Field(default="", pattern=PLACE, description="Where tokens list scopes; none means scope.")
    client_claim: str = Field(default="", pattern=PLACE, description="Where tokens say the client; none: client_id.")
    token_leeway_seconds: float = Field(default=5.0, ge=0, le=60, description="How far clocks may be apart.")
    key_refetch_seconds: float = Field(
        default=30.0, ge=0, le=3600, description="How often unknown key ids make the service ask the issuer at most."
    )
    shared_token_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        description="Verifies HS256 tokens, for an ecosystem of one service: whoever has it can issue tokens as well.",
    )
    revocation_url: SecretStr | None = Field(
        default=None, description="redis://user:password@host:port of the list of revoked tokens; none means no list."
    )
    revocation_lost: Literal["open", "closed"] = Field(
        default="open", description="While that list cannot be read: accept tokens, or answer 503."
    )

    otlp_endpoint: str = Field(
        default="", description="Base URL of an OpenTelemetry collector (OTLP over HTTP); none means that none is told."
    )
    trace_ratio: float = Field(
        default=0.1, ge=0, le=1, description="Share of the traces begun here that the collector is told of."
    )
    rate_limit: str = Field(
        default="",
        pattern=r"^([1-9]\d{0,8}/[1-9]\d{0,5}s)?$",
        description="Requests of one principal, such as 100/60s; none means no limit.",
    )
    rate_limit_lost: Literal["open", "closed"] = Field(
        default="open", description="While replicas cannot share the count: count alone, or answer 503."
    )
    cache_url: SecretStr | None = Field(
        default=None, description="redis://user:password@host:port by which replicas share rate limits."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=OWN_MACHINE,
        description="Networks whose X-Forwarded-For is believed, comma-separated.",
    )
    shed_overload: bool = Field(default=True, description="Answer 503 to what is too much, instead of queueing it.")
    sync_budget_ms: int = Field(
        default=1_000, ge=0, description="What takes longer should answer 202 at once; counted. 0 counts nothing."
    )

    @field_validator("api_versions", "token_algorithms", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if isinstance(given, str):
            return tuple(part.strip() for part in given.strip("[] ").split(",") if part.strip())
        return given

    @field_validator("issuer", "jwks_url", "otlp_endpoint")
    @classmethod
    def _is_url(cls, given: str) -> str:
        if given and not given.startswith(("https://", "http://")):
            message = "it must look like https://host/path"
            raise ValueError(message)
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for each in given:
            try:
                ip_network(each)
            except ValueError:
                message = "it must list networks such as 10.0.0.0/8"
                raise ValueError(message) from None
        return given

    @field_validator("token_algorithms")
    @classmethod
    def _are_asymmetric(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given or not set(given) <= set(ALGORITHMS):
            message = f"it must list some of {', '.join(ALGORITHMS)}"
            raise ValueError(message)
        return given

    @field_validator("token_keys")
    @classmethod
    def _are_public_keys(cls, given: str, info: ValidationInfo) -> str:
        if given and info.data.get("jwks_url"):
            message = "it must be the only place of keys: give no key URL beside it"
            raise ValueError(message)
        if given and "token_algorithms" in info.data:  # it is told of by itself otherwise
            read_told_keys(given, info.data["token_algorithms"])
        return given

    @field_validator("shared_token_key")
    @classmethod
    def _stands_alone(cls, given: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        algorithms = cls.model_fields["token_algorithms"].default
        others = info.data.get("jwks_url") or info.data.get("token_keys")
        if given is not None and (others or info.data.get("token_algorithms") != algorithms):
            message = "it must be the only way to verify tokens: give no keys, key URL or algorithms beside it"
            raise ValueError(message)
        return given


class DatabaseSettings(ServiceSettings):
    """What a service with a database of its own can be told besides."""

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/database")
    database_pool_size: int = Field(default=10, ge=1, le=1000, description="Most connections that a process holds.")
    database_statement_timeout_ms: int = Field(default=10_000, ge=1, description="Ceiling on one statement.")
    migrate_on_start: bool = Field(default=True, description="Bring the schema up to date before serving.")
    cursor_key: SecretStr = Field(
        min_length=16,
        description="Key of page cursors and of what is kept of keyed requests; all replicas share it.",
    )

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, given: SecretStr) -> SecretStr:
        if not given.get_secret_value().startswith(("postgresql://", "postgres://")):
            message = "it must look like postgresql://role:password@host:port/database"
            raise ValueError(message)
        return given


def load(settings: type[S], service: str, *, port: int | None = None) -> S:
    """Read and validate the settings of `service`; with a `port`, whatever they say about it.

    Raises:
        SettingsError: with one sentence per fault, each naming its variable and never a value.
    """
    folder = os.environ.get(variable(service, "secrets_dir"))
    if folder is not None and not Path(folder).is_dir():
        raise SettingsError([f"{variable(service, 'secrets_dir')} names {folder}, which is not a folder"])
    try:
        loaded = settings(_secrets_dir=folder) if port is None else settings(_secrets_dir=folder, port=port)
    except ValidationError as error:
        faults = [_sentence(settings, service, fault) for fault in error.errors()]
        raise SettingsError(list(dict.fromkeys(faults))) from None
    if loaded.environment == "production":
        _refuse_secrets_in_environment(settings, service)
    return loaded


def _sentence(settings: type[ServiceSettings], service: str, fault: ErrorDetails) -> str:
    names = [part for part in fault["loc"] if isinstance(part, str)] or ["settings"]
    if fault["type"] == "missing" and len(names) == 1:
        inner = _inner(settings.model_fields[names[0]])
        names.extend(next(([name] for name, field in inner.items() if field.is_required()), []))
    name = NESTED.join(names)
    where = variable(service, name)
    if fault["type"] == "missing" and len(names) > 1:
        return f"{where} is missing: set it in the environment or in .env"
    if fault["type"] == "missing":
        return (
            f"{where} is missing: set it in the environment, in .env, "
            f"or as file {secret_file(service, name)} in the folder {variable(service, 'secrets_dir')} names"
        )
    return f"{where} is not valid: {_demand(fault)}"


_DEMANDS: Final = {
    "int_parsing": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "float_parsing": "it must be a number",
    "bool_parsing": "it must be true or false",
    "literal_error": "it must be one of {expected}",
    "enum": "it must be one of {expected}",
}


def _demand(fault: ErrorDetails) -> str:
    """Return what the fault demands, in words of settings: what pydantic calls the items of a secret are characters."""
    context = fault.get("ctx", {})
    if fault["type"] in _DEMANDS:
        return _DEMANDS[fault["type"]].format_map(context)
    message = fault["msg"].removeprefix("Value error, ").replace("Input should", "it must")
    if context.get("field_type") == "Value":
        message = message.replace("Value should", "it must").partition(" after")[0].replace("item", "character")
    return message


def _refuse_secrets_in_environment(settings: type[ServiceSettings], service: str) -> None:
    exposed = [
        variable(service, name)
        for name, field in settings.model_fields.items()
        if _is_secret(field) and variable(service, name) in os.environ
    ]
    if exposed:
        raise SettingsError(
            [f"{name} is a secret: in production mount it as a file, not in the environment" for name in exposed]
        )


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


class SettingContract(BaseModel):
    """One setting as `contract/settings.json` shows it."""

    variable: str
    type: str
    required: bool
    secret: bool
    default: str | None
    description: str | None


def describe(settings: type[ServiceSettings], service: str) -> dict[str, list[dict[str, object]]]:
    """Return the settings of `service` as data: name, type, default, whether required, whether secret."""
    described: list[SettingContract] = []
    for name, field in sorted(settings.model_fields.items()):
        parts = {NESTED.join((name, part)): each for part, each in sorted(_inner(field).items())} or {name: field}
        described.extend(_describe_one(service, part, each) for part, each in parts.items())
    return {"settings": [one.model_dump() for one in described]}


def _inner(field: FieldInfo) -> dict[str, FieldInfo]:
    """Return the fields of a setting that is itself a model; none of any other."""
    kind = field.annotation
    return dict(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _describe_one(service: str, name: str, field: FieldInfo) -> SettingContract:
    return SettingContract(
        variable=variable(service, name),
        type=_type_name(field.annotation),
        required=field.is_required(),
        secret=_is_secret(field),
        default=None if field.default is PydanticUndefined else str(field.default),
        description=field.description,
    )


def _type_name(annotation: object) -> str:
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _type_name(parts[0])
    if get_origin(annotation) in {Union, UnionType}:
        return " | ".join(_type_name(part) for part in parts)
    if annotation is NoneType:
        return "None"
    return annotation.__name__ if isinstance(annotation, type) and not parts else str(annotation).replace("typing.", "")

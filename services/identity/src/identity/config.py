"""The settings of the identity service: everything comes from the environment, `.env` or secret files."""

from typing import Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from arnia.chassis.settings import DatabaseSettings, service_settings
from arnia.conventions import EDGE_KEYS_SECONDS
from identity.models.keys import LONGEST_TOKEN_SECONDS

EDGE_CACHE_SECONDS: Final = EDGE_KEYS_SECONDS + 5
"""How long an edge keeps a key set, of a laptop or a cluster, with what clocks may be apart."""
REFRESH_SECONDS: Final = 5
"""How often each replica reads the keys and the revocations."""


class Settings(DatabaseSettings):
    """Read from `IDENTITY_...`.

    `IDENTITY_ISSUER` is the public URL, the `iss` of every token; to `IDENTITY_CACHE_URL` revocations are pushed.
    """

    model_config = service_settings("identity")

    key_encryption_secret: SecretStr = Field(
        min_length=32, description="Encrypts the private keys in the database; random, and kept apart from it."
    )
    signing_algorithm: Literal["ES256", "Ed25519"] = Field(
        default="ES256", description="Of keys that are made from now on; Ed25519 signs as EdDSA."
    )
    token_seconds: int = Field(
        default=600, ge=10, le=LONGEST_TOKEN_SECONDS, description="How long an access token lives."
    )
    login_days: int = Field(default=30, ge=1, le=366, description="How long refresh tokens continue a login.")
    jwks_max_age_seconds: int = Field(default=60, ge=5, le=3600, description="How long the key set may be cached.")
    key_lead_seconds: int = Field(
        default=180, ge=5, le=86_400, description="How long a key is published before it signs: more than all caches."
    )
    key_rotation_days: int = Field(default=30, ge=1, le=366, description="How long a key signs.")
    password_grant: bool | None = Field(
        default=None, description="Whether first-party clients may send passwords to /token; none means only locally."
    )
    password_target_ms: int = Field(
        default=100, ge=1, le=2000, description="How long checking a password shall take at least, calibrated at start."
    )
    password_threads: int = Field(default=1, ge=1, le=8, description="How many passwords are checked at once.")
    password_queue: int = Field(default=16, ge=1, le=1000, description="How many wait for that before the next is 503.")
    shed_overload: bool = Field(
        default=False,
        description="Answer 503 to what is slow. Off: a password is slow on purpose, and has a queue of its own.",
    )
    declared_clients: SecretStr = Field(
        default=SecretStr("[]"), description="JSON: OAuth clients that are registered, or brought up to date, at start."
    )
    first_users: SecretStr = Field(
        default=SecretStr("[]"), description="JSON: users that are made at start; only locally and in tests."
    )

    @property
    def own_audience(self) -> str:
        """What tokens for identity itself name as `aud`."""
        return self.audience or "identity"

    @property
    def passwords_at_token(self) -> bool:
        """Whether `/token` takes passwords."""
        return self.environment == "local" if self.password_grant is None else self.password_grant

    @field_validator("key_lead_seconds")
    @classmethod
    def _outlasts_caches(cls, given: int, info: ValidationInfo) -> int:
        needed = int(info.data.get("jwks_max_age_seconds", 0)) + EDGE_CACHE_SECONDS + REFRESH_SECONDS
        if given <= needed:
            message = f"it must be more than {needed}: what the key set's caches keep it for, together"
            raise ValueError(message)
        return given

    @field_validator("first_users")
    @classmethod
    def _are_not_for_production(cls, given: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("environment") == "production" and given.get_secret_value().strip() not in ("", "[]"):
            message = "it must be empty in production, where no account exists that nobody made on purpose"
            raise ValueError(message)
        return given

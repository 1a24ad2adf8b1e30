"""The answers of the protocol, as its standards name their members."""

from pydantic import ConfigDict, Field, JsonValue

from arnia.chassis.schemas import View


class TokenAnswer(View):
    """Tokens (RFC 6749, 5.1; RFC 8693, 2.2.1; OpenID Connect Core, 3.1.3.3)."""

    access_token: str = Field(description="A JWT (RFC 9068).")
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int = Field(description="Seconds that it lives.")
    scope: str = Field(description="What was granted, which may be less than was asked for.")
    refresh_token: str | None = Field(default=None, description="Good once, for the next tokens.")
    id_token: str | None = Field(default=None, description="Who the user is, where `openid` was granted.")
    issued_token_type: str | None = None


class TokenRefusal(View):
    """A refusal (RFC 6749, 5.2)."""

    error: str
    error_description: str


class Introspection(View):
    """What a token says (RFC 7662, 2.2), to whom it is for; to others that it is not active."""

    model_config = ConfigDict(extra="allow")

    active: bool
    sub: str | None = None
    aud: str | list[str] | None = None
    client_id: str | None = None
    scope: str | None = None
    exp: int | None = None


class KeySet(View):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, JsonValue]]


class Metadata(View):
    """What this server can do, and where (RFC 8414; OpenID Connect Discovery)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    scopes_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...] = ("code",)
    response_modes_supported: tuple[str, ...] = ("query",)
    grant_types_supported: tuple[str, ...]
    subject_types_supported: tuple[str, ...] = ("public",)
    id_token_signing_alg_values_supported: tuple[str, ...]
    token_endpoint_auth_methods_supported: tuple[str, ...]
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...]
    revocation_endpoint_auth_methods_supported: tuple[str, ...]
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...]
    introspection_endpoint_auth_methods_supported: tuple[str, ...]
    introspection_endpoint_auth_signing_alg_values_supported: tuple[str, ...]
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    claims_supported: tuple[str, ...]
    authorization_response_iss_parameter_supported: bool = True
    request_parameter_supported: bool = False
    request_uri_parameter_supported: bool = False


class UserInfo(View):
    """What the scopes of a token let its holder know of the user (OpenID Connect Core, 5.3)."""

    sub: str
    preferred_username: str | None = None
    updated_at: int | None = None
    email: str | None = None
    email_verified: bool | None = None

"""What others must know to believe tokens and to ask for them: the key set, the metadata, and who a user is."""

from typing import Final
from uuid import UUID

from starlette.responses import Response

from arnia.chassis.routing import Router
from arnia.chassis.security import CurrentPrincipal, allow, anyone
from arnia.chassis.tokens import ALGORITHMS
from arnia.conventions import KEYS_PATH, TOKEN_PATH
from identity.api.dependencies import CurrentIssuer
from identity.api.protocol import OAUTH, answer
from identity.models.clients import Grant
from identity.models.errors import UserNotFound
from identity.models.values import OIDC_SCOPES, is_identity
from identity.schemas.tokens import KeySet, Metadata, UserInfo
from identity.services.tokens import describe

router = Router(protocol=OAUTH, tags=["discovery"], dependencies=[anyone])

PROOFS: Final = ("client_secret_basic", "client_secret_post", "private_key_jwt")
METADATA_SECONDS: Final = 300
CLAIMS: Final = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "preferred_username", "email")


@router.get(KEYS_PATH, response_model=KeySet)
async def read_keys(issuer: CurrentIssuer) -> Response:
    """Read the keys that tokens are verified with, the one that signs next among them."""
    age = issuer.settings.jwks_max_age_seconds
    return answer({"keys": issuer.keys.key_set()}, headers={"Cache-Control": f"public, max-age={age}"})


@router.get("/.well-known/openid-configuration", response_model=Metadata, operation_id="read_openid_configuration")
@router.get("/.well-known/oauth-authorization-server", response_model=Metadata)
async def read_metadata(issuer: CurrentIssuer) -> Response:
    """Read what this server can do, and where."""
    here = issuer.settings.issuer
    grants = [each for each in Grant if each is not Grant.PASSWORD or issuer.settings.passwords_at_token]
    told = Metadata(
        issuer=here,
        authorization_endpoint=f"{here}/authorize",
        token_endpoint=f"{here}{TOKEN_PATH}",
        jwks_uri=f"{here}{KEYS_PATH}",
        userinfo_endpoint=f"{here}/userinfo",
        revocation_endpoint=f"{here}/revoke",
        introspection_endpoint=f"{here}/introspect",
        scopes_supported=tuple(sorted(OIDC_SCOPES)),
        grant_types_supported=tuple(each.value for each in grants),
        id_token_signing_alg_values_supported=tuple(sorted({str(key["alg"]) for key in issuer.keys.key_set()})),
        token_endpoint_auth_methods_supported=(*PROOFS, "none"),
        token_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
        revocation_endpoint_auth_methods_supported=(*PROOFS, "none"),
        revocation_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
        introspection_endpoint_auth_methods_supported=PROOFS,
        introspection_endpoint_auth_signing_alg_values_supported=ALGORITHMS,
        claims_supported=CLAIMS,
    )
    return answer(told.model_dump(), headers={"Cache-Control": f"public, max-age={METADATA_SECONDS}"})


@router.get("/userinfo", response_model=UserInfo, dependencies=[allow("openid")])
@router.post("/userinfo", response_model=UserInfo, operation_id="post_userinfo", dependencies=[allow("openid")])
async def read_user(issuer: CurrentIssuer, principal: CurrentPrincipal) -> Response:
    """Read what the scopes of the access token tell of the user."""
    async with issuer.transactions() as store:
        user = await store.users.get(UUID(principal.subject)) if is_identity(principal.subject) else None
    if user is None or not user.profile.active:
        raise UserNotFound
    return answer(describe(user, principal.scopes))

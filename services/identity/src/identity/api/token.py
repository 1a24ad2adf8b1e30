"""`/token` (RFC 6749, 3.2): every grant comes in here; `/revoke` and `/introspect` look at what it gave."""

from typing import Annotated, Final

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from arnia.chassis.forms import Form
from arnia.chassis.routing import Router
from arnia.chassis.security import anyone
from arnia.conventions import TOKEN_PATH
from identity.api.credentials import ClientForm, Text, Token, prove
from identity.api.dependencies import CurrentIssuer, Source
from identity.api.issuer import Issuer
from identity.api.protocol import OAUTH, answer
from identity.models.clients import Grant, OAuthClient
from identity.models.errors import OAuthError, UnauthorizedClient, UnsupportedGrant
from identity.schemas.tokens import Introspection, TokenAnswer, TokenRefusal
from identity.services.exchange import Exchange
from identity.services.grants import Ask, Granted

router = Router(protocol=OAUTH, tags=["tokens"], dependencies=[anyone])

REFUSALS: Final[dict[int | str, dict[str, object]]] = {
    400: {"model": TokenRefusal, "description": "Refused; `error` says why (RFC 6749, 5.2)."},
    401: {"model": TokenRefusal, "description": "The OAuth client did not prove who it is."},
    429: {"model": TokenRefusal, "description": "Too many logins failed: come back after Retry-After."},
    503: {"model": TokenRefusal, "description": "Not now: come back after Retry-After."},
}


class TokenForm(ClientForm):
    """What any grant may bring; each takes what it needs."""

    grant_type: Text
    scope: Annotated[str, Field(max_length=4000)] | None = None
    audience: Annotated[list[Text], Field(max_length=20)] = Field(default_factory=list)
    resource: Annotated[list[Text], Field(max_length=20)] = Field(default_factory=list)
    username: Text | None = None
    password: Annotated[str, Field(max_length=4000)] | None = None
    code: Text | None = None
    redirect_uri: Text | None = None
    code_verifier: Text | None = None
    refresh_token: Text | None = None
    subject_token: Token | None = None
    subject_token_type: Text | None = None
    requested_token_type: Text | None = None
    actor_token: Token | None = None

    def ask(self) -> Ask:
        """Return for whom and to do what a token is wanted; `resource` (RFC 8707) is another word for `audience`."""
        return Ask(audiences=(*self.audience, *self.resource), scope=self.scope)


class TokenToJudge(ClientForm):
    """A token that is taken back, or asked about."""

    token: Token
    token_type_hint: Text | None = None


@router.post(TOKEN_PATH, response_model=TokenAnswer, responses=REFUSALS)
async def give_token(request: Request, form: Form[TokenForm], issuer: CurrentIssuer, source: Source) -> Response:
    """Give tokens for whatever `grant_type` says is presented."""
    if form.grant_type not in list(Grant):
        raise UnsupportedGrant
    client = await prove(request, form, issuer)
    return show(await _granted(issuer, client, form, source))


@router.post("/revoke", responses=REFUSALS)
async def revoke_token(request: Request, form: Form[TokenToJudge], issuer: CurrentIssuer) -> Response:
    """Take a token back (RFC 7009); one that is not known, or another's, is answered alike."""
    client = await prove(request, form, issuer)
    await issuer.revoking.revoke(client, form.token)
    return answer({})


@router.post("/introspect", response_model=Introspection, responses=REFUSALS)
async def introspect_token(request: Request, form: Form[TokenToJudge], issuer: CurrentIssuer) -> Response:
    """Tell whoever a token is for what it says (RFC 7662)."""
    client = await prove(request, form, issuer)
    if client.registration.public:
        raise UnauthorizedClient
    return answer(await issuer.revoking.introspect(client, form.token))


async def _granted(issuer: Issuer, client: OAuthClient, form: TokenForm, source: str) -> Granted:
    ask = form.ask()
    match Grant(form.grant_type):
        case Grant.CLIENT_CREDENTIALS:
            return await issuer.grants.for_client(client, ask)
        case Grant.PASSWORD:
            if not issuer.settings.passwords_at_token:
                raise UnsupportedGrant
            return await issuer.grants.for_password(client, form.username, form.password, source, ask)
        case Grant.AUTHORIZATION_CODE:
            if form.scope or ask.audiences:
                raise OAuthError("What a code gives was decided when it was asked for: send no scope and no audience.")
            return await issuer.grants.for_code(client, form.code, form.redirect_uri, form.code_verifier)
        case Grant.REFRESH_TOKEN:
            return await issuer.renewals.renew(client, form.refresh_token, ask)
        case Grant.TOKEN_EXCHANGE:
            given = Exchange(
                subject_token=form.subject_token,
                subject_token_type=form.subject_token_type,
                requested_token_type=form.requested_token_type,
                actor_token=form.actor_token,
            )
            return await issuer.exchanges.exchange(client, given, ask)


def show(granted: Granted) -> Response:
    """Return what was granted, as RFC 6749 (5.1) and RFC 8693 (2.2.1) say it."""
    told = TokenAnswer(
        access_token=granted.access.text,
        expires_in=granted.access.seconds,
        scope=" ".join(sorted(granted.access.scopes)),
        refresh_token=granted.refresh_token,
        id_token=granted.id_token,
        issued_token_type=granted.issued_token_type,
    )
    return answer(told.model_dump(exclude_none=True))

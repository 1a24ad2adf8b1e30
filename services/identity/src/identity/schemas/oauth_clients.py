"""OAuth clients as the API shows them: never a secret, nor what became of one."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, ValidationError, model_validator

from arnia.chassis.cursors import CollectionQuery
from arnia.chassis.links import Links, Resource
from arnia.chassis.schemas import Body
from identity.models.clients import Grant, OAuthClient, Registration
from identity.models.values import (
    MAX_REDIRECTS,
    MAX_ROLES,
    MAX_SCOPES,
    MIN_SECRET_CHARACTERS,
    Audience,
    ClientName,
    RedirectUri,
    Role,
    Scope,
)
from identity.repositories.clients import Filters, Sort

Coordinate = Annotated[str, Field(min_length=43, max_length=43, pattern=r"^[A-Za-z0-9_-]{43}$")]


class PublicKey(Body):
    """A public key (RFC 7517) on P-256, or of Ed25519."""

    kty: Literal["EC", "OKP"]
    crv: Literal["P-256", "Ed25519"]
    x: Coordinate
    y: Coordinate | None = None
    kid: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")] | None = None
    alg: Literal["ES256", "EdDSA", "Ed25519"] | None = None
    use: Literal["sig"] | None = None


class OAuthClientBody(Body):
    """What whoever manages OAuth clients decides about one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "reports",
                    "grants": ["client_credentials"],
                    "audiences": {"delivery": ["deliveries:read"]},
                }
            ]
        }
    )

    client_id: ClientName
    grants: Annotated[list[Grant], Field(min_length=1, max_length=len(Grant), description="Its ways to a token.")]
    audiences: dict[Audience, Annotated[list[Scope], Field(max_length=MAX_SCOPES)]] = Field(
        default_factory=dict, max_length=50, description="For whom it may get tokens and, of each, with which scopes."
    )
    reserved_scopes: dict[Scope, Annotated[list[Role], Field(min_length=1, max_length=MAX_ROLES)]] = Field(
        default_factory=dict,
        max_length=MAX_SCOPES,
        description="Scopes that only users with one of these roles are granted, as nobody else could use them.",
    )
    redirect_uris: list[RedirectUri] = Field(default_factory=list, max_length=MAX_REDIRECTS)
    public: bool = Field(default=False, description="It can keep no secret: an app on somebody's device.")
    first_party: bool = Field(default=False, description="It is ours: nobody is asked to agree.")
    jwks: list[PublicKey] = Field(default_factory=list, max_length=10, description="Prove who it is (RFC 7523).")

    @classmethod
    def of(cls, registration: Registration) -> Self:
        """Show a registration of the domain, as it could have been sent."""
        return cls(
            client_id=registration.client_id,
            grants=sorted(registration.grants),
            audiences={audience: sorted(scopes) for audience, scopes in sorted(registration.audiences.items())},
            reserved_scopes={scope: sorted(roles) for scope, roles in sorted(registration.reserved_scopes.items())},
            redirect_uris=[*registration.redirect_uris],
            public=registration.public,
            first_party=registration.first_party,
            jwks=[PublicKey.model_validate(key) for key in registration.jwks],
        )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        try:
            self.registration()
        except ValidationError as error:
            message = str(error.errors(include_input=False)[0]["msg"]).removeprefix("Value error, ")
            raise ValueError(message) from None
        return self

    def registration(self) -> Registration:
        """Return what this means in the domain."""
        keys = tuple(key.model_dump(exclude_none=True) for key in self.jwks)
        return Registration.model_validate({**self.model_dump(exclude={"id"}), "jwks": keys})


class OAuthClientReplacement(OAuthClientBody):
    """A whole OAuth client; it may repeat its identity, which then has to be that of the URL."""

    id: UUID | None = None


class OAuthClientView(Resource):
    """An OAuth client, and what can be done with it now."""

    id: UUID
    client_id: str
    grants: tuple[Grant, ...]
    audiences: dict[str, list[str]]
    reserved_scopes: dict[str, list[str]]
    redirect_uris: tuple[str, ...]
    public: bool
    first_party: bool
    jwks: tuple[PublicKey, ...]
    has_secret: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, client: OAuthClient, links: Links) -> Self:
        """Show an OAuth client of the domain."""
        return cls(
            id=client.id,
            **dict(OAuthClientBody.of(client.registration)),
            has_secret=client.secret_hash is not None,
            created_at=client.created_at,
            updated_at=client.updated_at,
            links=links,
        )


class OAuthClientPage(Resource):
    """Some OAuth clients, in order, and the way to the next ones."""

    items: tuple[OAuthClientView, ...]


class OAuthClientQuery(CollectionQuery):
    """Which OAuth clients to list, and in which order."""

    sort: Sort = Field(default=Sort.CREATED_AT, description="Order; a leading - means the last first.")
    client_id: ClientName | None = Field(default=None, description="The one that calls itself so.")
    first_party: bool | None = Field(default=None, description="Whether they are ours.")

    def filters(self) -> Filters:
        """Return what this means in the domain."""
        return Filters(client_id=self.client_id, first_party=self.first_party)


class SecretBody(Body):
    """A secret that the caller drew: random, as nothing makes guessing slow."""

    secret: Annotated[str, Field(min_length=MIN_SECRET_CHARACTERS, max_length=200, pattern=r"^[!-~]+$")]

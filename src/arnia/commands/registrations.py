"""The verb `oauth-clients`: which programs may ask the issuer of what runs here for tokens."""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import Field, JsonValue
from typing_extensions import override

from arnia.commands.actions import OPERATOR, OAuthClientAction
from arnia.commands.collection import Collection, Member
from arnia.commands.issuer import Document, Issuer, read_password
from arnia.commands.result import Result, count
from arnia.errors import UsageError

_SCOPE: Final = "clients:manage"
_SECRET_BYTES: Final = 32
_DESCRIBING: Final = (OAuthClientAction.CREATE, OAuthClientAction.UPDATE)
_PROTECTING: Final = (OAuthClientAction.CREATE, OAuthClientAction.ROTATE_SECRET)


class Registration(Member):
    """An OAuth client, as the issuer shows one: never its secret."""

    client_id: str
    grants: tuple[str, ...] = ()
    audiences: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    redirect_uris: tuple[str, ...] = ()
    public: bool = False
    first_party: bool = False
    has_secret: bool = False

    def line(self, width: int) -> str:
        """Return it in a line of a list."""
        kind = "public" if self.public else "has a secret" if self.has_secret else "has no secret"
        return f"{self.client_id:{width}}  {kind:13}  {', '.join(each.rpartition(':')[2] for each in self.grants)}"

    def lines(self) -> list[str]:
        """Return all of it, for a person."""
        audiences = [f"for {name}: {' '.join(scopes)}".rstrip(": ") for name, scopes in self.audiences.items()]
        ours = ["first-party: nobody is asked to agree"] if self.first_party else []
        return [self.line(0), *ours, *audiences, *(f"returns to {each}" for each in self.redirect_uris)]


class OAuthClientsResult(Result):
    """The OAuth clients that were listed, or the one that was shown or changed.

    Attributes:
        done: What was done; empty for what only looks.
        secret: The one that was drawn: nothing shows it again. Empty where none was, or where the caller has it.
        oauth_clients: Which ones.
    """

    done: str = ""
    secret: str = Field(default="", repr=False)
    shown: bool = Field(default=False, exclude=True)
    oauth_clients: tuple[Registration, ...]

    @override
    def text(self) -> str:
        if self.done:
            told = f"{self.done} {self.oauth_clients[0].client_id}."
            return f"{told}\nIts secret, which is not shown again: {self.secret}" if self.secret else told
        if self.shown:
            return "\n".join(self.oauth_clients[0].lines())
        width = max((len(one.client_id) for one in self.oauth_clients), default=0)
        lines = [one.line(width) for one in self.oauth_clients]
        return "\n".join([*lines, count(len(self.oauth_clients), "OAuth client")])


def oauth_clients(
    action: OAuthClientAction,
    client_id: str | None = None,
    *,
    grant: Sequence[str] = (),
    audience: Sequence[str] = (),
    redirect_uri: Sequence[str] = (),
    public: bool | None = None,
    first_party: bool | None = None,
    jwks_file: Path | None = None,
    secret_file: Path | None = None,
    user: str = OPERATOR,
    file: Path | None = None,
    data: Path | None = None,
) -> OAuthClientsResult:
    """List, show, create, update, delete OAuth clients of what runs here, or give one another secret.

    Args:
        action: What to do.
        client_id: Which one; all of them for a list.
        grant: Its ways to a token, as `grant_type` names them.
        audience: For whom it may get tokens and with which scopes: `delivery=deliveries:read deliveries:write`.
        redirect_uri: Where an authorization may end.
        public: Whether it can keep no secret.
        first_party: Whether it is ours, so that nobody is asked to agree.
        jwks_file: Holds the key set by which it proves itself instead of a secret (RFC 7523).
        secret_file: Holds the secret in its first line; `-` is stdin. Drawn, and told once, when None.
        user: Who does it, of those in the credentials file.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: None is named, or something is said that does not belong to the action.
        OutsideError: Nothing runs.
        ArniaError: The issuer says no.
    """
    described = _described(grant, audience, redirect_uri, public=public, first_party=first_party, jwks_file=jwks_file)
    _check(action, client_id, described, secret_file)
    given = read_password(secret_file)
    with Issuer.running(file, data) as issuer:
        issuer.act_as(user, _SCOPE)
        known = Collection(
            issuer,
            "/api/v1/oauth-clients",
            Registration,
            name="client_id",
            noun="OAuth client",
            listing="arnia oauth-clients list",
        )
        if client_id is None or action is OAuthClientAction.LIST:
            return OAuthClientsResult(oauth_clients=known.members(client_id))
        if action is OAuthClientAction.CREATE:
            return _create(known, {"client_id": client_id, **described}, given)
        return _act(known, action, client_id, described, given)


def _act(
    known: Collection[Registration], action: OAuthClientAction, client_id: str, described: Document, given: str | None
) -> OAuthClientsResult:
    """Do something with one that is there."""
    found, etag = known.find(client_id)
    if action is OAuthClientAction.ROTATE_SECRET:
        drawn = given or secrets.token_urlsafe(_SECRET_BYTES)
        known.protect(found, "secret", drawn)
        told = "" if given else drawn
        return OAuthClientsResult(done="Rotated the secret of", oauth_clients=(found,), secret=told)
    if action is OAuthClientAction.DELETE:
        known.remove(found, etag)
        return OAuthClientsResult(done="Deleted", oauth_clients=(found,))
    if action is OAuthClientAction.UPDATE:
        if isinstance(now := described.get("audiences"), dict):  # a merge would keep those that are not named
            described["audiences"] = {**dict.fromkeys(found.audiences), **now}
        return OAuthClientsResult(done="Updated", oauth_clients=(known.change(found, etag, described),))
    return OAuthClientsResult(oauth_clients=(found,), shown=True)


def _create(known: Collection[Registration], state: Document, given: str | None) -> OAuthClientsResult:
    needless = state.get("public") or state.get("jwks")
    drawn = "" if given or needless else secrets.token_urlsafe(_SECRET_BYTES)
    secret = given or drawn
    made = known.add(state, ("secret", secret) if secret else None)
    if secret:
        made = made.model_copy(update={"has_secret": True})
    return OAuthClientsResult(done="Created", oauth_clients=(made,), secret=drawn)


def _described(
    grant: Sequence[str],
    audience: Sequence[str],
    redirect_uri: Sequence[str],
    *,
    public: bool | None,
    first_party: bool | None,
    jwks_file: Path | None,
) -> Document:
    """Return what was said about an OAuth client, as the issuer reads it."""
    said: dict[str, JsonValue] = {"grants": [*grant], "redirect_uris": [*redirect_uri]}
    said["audiences"] = {name: [*scopes.split()] for name, _, scopes in (each.partition("=") for each in audience)}
    if jwks_file is not None:
        said["jwks"] = _keys(jwks_file)
    document = {name: value for name, value in said.items() if value}
    flags = {"public": public, "first_party": first_party}
    return {**document, **{name: flag for name, flag in flags.items() if flag is not None}}


def _keys(file: Path) -> list[JsonValue]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not keys:
        raise UsageError(f'{file}: it is no key set: {{"keys": [...]}} (RFC 7517).')
    return keys


def _check(action: OAuthClientAction, client_id: str | None, described: Document, secret_file: Path | None) -> None:
    if client_id is None and action is not OAuthClientAction.LIST:
        raise UsageError(f"Which one to {action}? Name the OAuth client: arnia oauth-clients {action} reports.")
    if described and action not in _DESCRIBING:
        raise UsageError(
            f"`arnia oauth-clients {action}` describes nothing: options that do belong to create and update."
        )
    if not described and action is OAuthClientAction.UPDATE:
        raise UsageError("What to update? Say it with an option: `arnia oauth-clients --help` shows them.")
    if "grants" not in described and action is OAuthClientAction.CREATE:
        raise UsageError("Name its ways to a token, each with --grant: client_credentials, authorization_code, ...")
    if secret_file is not None and action not in _PROTECTING:
        raise UsageError("--secret-file belongs to `arnia oauth-clients create` and `rotate-secret`.")
    if secret_file is not None and described.get("public"):
        raise UsageError("A public OAuth client keeps no secret: --public and --secret-file exclude each other.")

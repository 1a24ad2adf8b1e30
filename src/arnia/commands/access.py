"""The verb `token`: log in to what runs here, and print what opens its doors."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field
from typing_extensions import override

from arnia.commands.actions import DEMO
from arnia.commands.issuer import Issuer, read_password
from arnia.commands.place import folder_of
from arnia.commands.result import Result
from arnia.errors import UsageError
from arnia.local.state import State


class TokenResult(Result):
    """An access token.

    Attributes:
        subject: Who logged in: a user, or an OAuth client.
        access_token: What goes behind `Authorization: Bearer `.
        expires_in: Seconds for which it lives.
        scope: What it lets its holder do, separated by spaces.
    """

    subject: str
    access_token: str = Field(repr=False)
    expires_in: int
    scope: str

    @override
    def text(self) -> str:
        return self.access_token


def token(
    *,
    user: str | None = None,
    client: str | None = None,
    scope: str | None = None,
    audience: Sequence[str] = (),
    password_file: Path | None = None,
    file: Path | None = None,
    data: Path | None = None,
) -> TokenResult:
    """Return an access token of a user, or of an OAuth client, of what runs here.

    Args:
        user: Who logs in; `demo` when None, and no client is named.
        client: The OAuth client that asks of its own accord, instead of a user.
        scope: What the token shall allow, separated by spaces; all that is possible when None.
        audience: The services that it is for; all that are possible when empty.
        password_file: Holds the password, or the secret, in its first line; `-` is stdin. When None: what the run
            keeps in its own folder.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.

    Raises:
        UsageError: A user and a client were named, or the password is not known.
        OutsideError: Nothing runs.
        ArniaError: The issuer says no.
    """
    if user is not None and client is not None:
        raise UsageError("--user and --client exclude each other: a token is either somebody's or a program's own.")
    own = _own_token(user, client, scope, audience, file, data)
    if own is not None:
        return own
    given = read_password(password_file)
    with Issuer.running(file, data) as issuer:
        if client is not None:
            secret = given or _kept_secret(issuer, client)
            answer = issuer.log_in_client(client, secret, scope=scope or "", audiences=audience)
        else:
            answer = issuer.log_in(user or DEMO, given, scope=scope or "", audiences=audience)
    return TokenResult(
        subject=client or user or DEMO,
        access_token=str(answer["access_token"]),
        expires_in=int(str(answer.get("expires_in", 0))),
        scope=str(answer.get("scope", scope or "")),
    )


def _own_token(
    user: str | None,
    client: str | None,
    scope: str | None,
    audience: Sequence[str],
    file: Path | None,
    data: Path | None,
) -> TokenResult | None:
    """Return a token that the key pair of the laptop signs; None where an issuer is declared, or nothing runs."""
    folder = folder_of(file, data)
    state = State.read(folder.state)
    if state is None or not state.alive or state.issuer:
        return None
    if state.outside_issuer:
        raise UsageError(f"{state.ecosystem} believes the tokens of {state.outside_issuer}: get one there.")
    chosen = tuple(audience) or tuple(state.services)
    if client is not None or len(chosen) != 1:
        raise UsageError(
            f"{state.ecosystem} declares no issuer, so a token is a user's, and for one service: "
            f"name it with --audience ({', '.join(state.services)})."
        )
    from arnia.commands.laptop_tokens import sign

    answer = sign(folder, state, file, user=user or DEMO, scope=scope, audience=chosen[0])
    return TokenResult(
        subject=user or DEMO,
        access_token=answer["access_token"],
        expires_in=int(answer["expires_in"]),
        scope=answer["scope"],
    )


def _kept_secret(issuer: Issuer, client: str) -> str:
    path = issuer.folder.secrets / f"{client}.client-secret"
    if not path.is_file() or "/" in client:
        raise UsageError(f"The secret of {client!r} is not known here: give it with --password-file.")
    return path.read_text(encoding="utf-8")

"""The verbs about who may do what: token, users, oauth-clients, keys."""

from pathlib import Path
from typing import Annotated

import typer

from arnia import commands
from arnia.cli.output import finish
from arnia.commands.actions import OPERATOR, KeyAction, OAuthClientAction, UserAction

File = Annotated[Path | None, typer.Option(help="The ecosystem.py; the nearest one upward when absent.")]
Data = Annotated[
    Path | None, typer.Option(help="The folder that `up` was given; .arnia beside ecosystem.py if absent.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PasswordFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Its first line is the password (or secret); - is stdin.")
]
Operator = Annotated[str, typer.Option(metavar="NAME", help="Who does it, of those in credentials.json.")]


def register(program: typer.Typer) -> None:
    """Add the verbs to `program`."""
    program.command(epilog='Example: arnia token --user demo --scope "deliveries:read deliveries:write"')(token)
    program.command(epilog="Example: arnia users add maia --role customer --password-file -")(users)
    example = 'Example: arnia oauth-clients create reports --grant client_credentials --audience "drone=drones:read"'
    program.command(epilog=example)(oauth_clients)
    program.command(epilog="Example: arnia keys rotate")(keys)


def token(
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Who logs in; demo when absent.")] = None,
    client: Annotated[
        str | None, typer.Option(metavar="NAME", help="An OAuth client that asks of its own accord, instead.")
    ] = None,
    scope: Annotated[
        str | None, typer.Option(metavar="SCOPES", help="What it shall allow; all that is possible when absent.")
    ] = None,
    audience: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="Whom it is for; may be repeated. All when absent.")
    ] = None,
    password_file: PasswordFile = None,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Log in to what runs here, and print an access token.

    Without --password-file, with the password or the secret that the run keeps in its own folder.
    """
    finish(
        lambda: commands.token(
            user=user,
            client=client,
            scope=scope,
            audience=tuple(audience or ()),
            password_file=password_file,
            file=file,
            data=data,
        ),
        as_json=json,
    )


def users(
    action: Annotated[UserAction, typer.Argument(help="What to do.")],
    username: Annotated[str | None, typer.Argument(help="Whose account; everybody's for a list.")] = None,
    role: Annotated[
        list[str] | None, typer.Option(metavar="ROLE", help="Of somebody who is added; may be repeated.")
    ] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of somebody who is added.")] = None,
    password_file: PasswordFile = None,
    user: Operator = OPERATOR,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List, add, close, open or re-key accounts of what runs here.

    Closing an account and changing its password end every session.
    """
    finish(
        lambda: commands.users(
            action,
            username,
            role=tuple(role or ()),
            email=email,
            password_file=password_file,
            user=user,
            file=file,
            data=data,
        ),
        as_json=json,
    )


def oauth_clients(
    action: Annotated[OAuthClientAction, typer.Argument(help="What to do.")],
    client_id: Annotated[str | None, typer.Argument(help="Which one; all of them for a list.")] = None,
    grant: Annotated[
        list[str] | None, typer.Option(metavar="GRANT", help="A way to a token (a grant_type); may be repeated.")
    ] = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(metavar="SERVICE=SCOPES", help="For whom it gets tokens, to do what; may be repeated."),
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(metavar="URI", help="Where an authorization may end; may be repeated.")
    ] = None,
    public: Annotated[bool | None, typer.Option("--public/--confidential", help="Whether it keeps no secret.")] = None,
    first_party: Annotated[
        bool | None, typer.Option("--first-party/--third-party", help="Whether nobody is asked to agree.")
    ] = None,
    jwks_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key set by which it proves itself, instead of a secret.")
    ] = None,
    secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its first line is the secret; - is stdin. Drawn when absent.")
    ] = None,
    user: Operator = OPERATOR,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List, show, create, update, delete OAuth clients of what runs here, or give one another secret.

    A secret that is drawn is printed, and never again. An update replaces what it names and nothing else.
    """
    finish(
        lambda: commands.oauth_clients(
            action,
            client_id,
            grant=tuple(grant or ()),
            audience=tuple(audience or ()),
            redirect_uri=tuple(redirect_uri or ()),
            public=public,
            first_party=first_party,
            jwks_file=jwks_file,
            secret_file=secret_file,
            user=user,
            file=file,
            data=data,
        ),
        as_json=json,
    )


def keys(
    action: Annotated[KeyAction, typer.Argument(help="What to do.")],
    user: Operator = OPERATOR,
    file: File = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the signing keys of what runs here, or make another.

    A new one signs once every cache has it, so that no token is refused.
    """
    finish(lambda: commands.keys(action, user=user, file=file, data=data), as_json=json)

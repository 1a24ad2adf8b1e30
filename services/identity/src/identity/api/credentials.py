"""Which OAuth client sends a request, read from its Authorization field and its form."""

import binascii
from base64 import b64decode
from typing import Annotated, Final
from urllib.parse import unquote_plus

from pydantic import Field
from starlette.requests import Request

from arnia.chassis.forms import FormBody
from identity.api.issuer import Issuer
from identity.api.protocol import BASIC
from identity.models.clients import OAuthClient
from identity.models.errors import InvalidClient
from identity.services.client_proofs import Credentials

Text = Annotated[str, Field(max_length=1000)]
Token = Annotated[str, Field(max_length=8192)]
SCHEME: Final = "basic"


class ClientForm(FormBody):
    """The members with which an OAuth client says who it is."""

    client_id: Text | None = None
    client_secret: Text | None = None
    client_assertion_type: Text | None = None
    client_assertion: Token | None = None


async def prove(request: Request, form: ClientForm, issuer: Issuer) -> OAuthClient:
    """Return the OAuth client that sent `request`.

    Raises:
        OAuthError: it proves itself in more than one way.
        InvalidClient: it does not prove who it is.
    """
    return await issuer.proofs.identify(
        Credentials(
            basic=_basic(request),
            client_id=form.client_id,
            client_secret=form.client_secret,
            client_assertion_type=form.client_assertion_type,
            client_assertion=form.client_assertion,
        )
    )


def _basic(request: Request) -> tuple[str, str] | None:
    """Return name and secret of the Authorization field (RFC 6749, 2.3.1: each of them encoded as in a form)."""
    fields = request.headers.getlist("authorization")
    if not fields:
        return None
    scheme, _, encoded = fields[0].partition(" ")
    if len(fields) > 1 or scheme.lower() != SCHEME:
        raise _unreadable()
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        found = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _unreadable() from None
    if not colon or not all(part and "\0" not in part for part in found):
        raise _unreadable()
    return found


def _unreadable() -> InvalidClient:
    detail = "The Authorization field is not one of the scheme Basic with a name and a secret."
    return InvalidClient(detail, headers={"WWW-Authenticate": BASIC})

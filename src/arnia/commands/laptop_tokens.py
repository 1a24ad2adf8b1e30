"""Access tokens where a page declares no issuer: on the laptop each service believes a key of its own (HS256).

Whoever verifies such a token could make one as well, so no two services share a key, and only the laptop has any.
"""

import json
import secrets
import time
from pathlib import Path
from typing import Final

from joserfc import jws
from joserfc.jwk import OctKey

from arnia.commands.declaration import load
from arnia.commands.promises import committed
from arnia.errors import UsageError
from arnia.local.credentials import ROLES
from arnia.local.equipment import token_key
from arnia.local.folder import Folder
from arnia.local.oauth_clients import FIRST_PARTY, exposed_scopes, reserved_scopes
from arnia.local.state import State

SECONDS: Final = 3600


def sign(
    folder: Folder, state: State, file: Path | None, user: str, scope: str | None, audience: str
) -> dict[str, str]:
    """Return an access token of `user` for the service `audience`, and the scopes in it, as `/token` would answer.

    Raises:
        UsageError: There is no such service, or an issuer of its own choice is told to it.
    """
    declaration = load(file)
    service = declaration.ecosystem.service(audience)
    key = token_key(folder, service.name)
    if not key.is_file():
        raise UsageError(f"{audience} believes an issuer of its own settings: ask that one for a token.")
    contracts, roles = committed(declaration), ROLES.get(user, ROLES["demo"])
    reserved = reserved_scopes(declaration.ecosystem, contracts)
    asked = scope.split() if scope else exposed_scopes(service, contracts.get(service.name)) or ()
    granted = " ".join(each for each in asked if not {*reserved.get(each, roles)}.isdisjoint(roles))
    now = int(time.time())
    claims = {
        "iss": state.edge_url,
        "sub": user,
        "aud": service.name,
        "client_id": FIRST_PARTY,
        "scope": granted,
        "roles": roles,
        "iat": now,
        "exp": now + SECONDS,
        "jti": secrets.token_urlsafe(16),
    }
    header = {"alg": "HS256", "typ": "at+jwt"}
    signed = jws.serialize_compact(
        header, json.dumps(claims), OctKey.import_key(key.read_text(encoding="utf-8")), algorithms=["HS256"]
    )
    return {"access_token": signed, "expires_in": str(SECONDS), "scope": granted}

"""Access tokens where nothing names an issuer: `arnia token` signs them with the key pair of the laptop.

Services are told its public half alone: what verifies tokens makes none, for itself or for another.
"""

import json
import secrets
import time
from pathlib import Path
from typing import Final

from joserfc import jws

from arnia.commands.declaration import load
from arnia.commands.promises import committed
from arnia.errors import UsageError
from arnia.local.credentials import ROLES
from arnia.local.folder import Folder
from arnia.local.oauth_clients import FIRST_PARTY, exposed_scopes, reserved_scopes
from arnia.local.signing import ALGORITHM, signing_key
from arnia.local.state import State

SECONDS: Final = 3600


def sign(
    folder: Folder, state: State, file: Path | None, user: str, scope: str | None, audience: str
) -> dict[str, str]:
    """Return an access token of `user` for the service `audience`, and the scopes in it, as `/token` would answer.

    Raises:
        UsageError: There is no such service, or its own settings say whose tokens it believes.
    """
    declaration = load(file)
    service = declaration.ecosystem.service(audience)
    if service.name not in state.self_signed:
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
    key = signing_key(folder)
    header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
    signed = jws.serialize_compact(header, json.dumps(claims), key, algorithms=[ALGORITHM])
    return {"access_token": signed, "expires_in": str(SECONDS), "scope": granted}

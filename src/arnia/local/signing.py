"""Where a page declares no issuer: the one key pair of the laptop, and who is told its public half.

`arnia token` signs with the private half, which no service is told: a service that verifies tokens can make none.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from arnia.contracts import Contract
from arnia.conventions import SHARED_KEY, variable
from arnia.ecosystem import Ecosystem, Service
from arnia.errors import OutsideError, UsageError
from arnia.local.folder import Folder
from arnia.local.plan import Plan
from arnia.local.replica import is_told
from arnia.local.secret_files import read_or_draw

ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"
_FILE: Final = "token-signing-key"


def signing_key(folder: Folder) -> ECKey:
    """Return the key pair of the laptop, of which services were told; its id is its thumbprint (RFC 7638).

    Raises:
        OutsideError: The file that keeps it is gone, or holds something else.
    """
    path = folder.secrets / _FILE
    try:
        return _read(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        # Nobody would believe another one.
        message = f"{path} is gone: end what runs with `arnia down`; the next `arnia up` draws another key."
        raise OutsideError(message) from None


def public_keys(folder: Folder) -> str:
    """Return the JWK set that services are told; draws the key pair where there is none yet.

    Raises:
        OutsideError: The file that keeps it holds something else.
    """
    path = folder.secrets / _FILE
    key = _read(path, read_or_draw(path, _draw))
    return json.dumps({"keys": [key.as_dict(private=False, alg=ALGORITHM, use="sig")]})


def is_believed(plan: Plan, service: Service) -> bool:
    """Tell whether neither the page nor the service's own settings say whose tokens it believes."""
    if plan.ecosystem.issuer or plan.environment.issuer is not None:
        return False
    folder = plan.folder(service.name)
    named = ("issuer", "jwks_url", "token_keys", SHARED_KEY)
    return not any(is_told(variable(service.name, setting), folder) for setting in named)


def refuse_shared_keys(ecosystem: Ecosystem, services: Path, contracts: Mapping[str, Contract]) -> None:
    """Refuse a key that verifies tokens and makes them as well, unless one service alone takes tokens.

    Args:
        ecosystem: All that is declared, whatever of it runs.
        services: Where the services' folders are.
        contracts: Those that are committed; a service without one counts as one that takes tokens.

    Raises:
        UsageError: A service is told such a key beside another service.
    """
    guarded = [one.name for one in ecosystem.services if one.name not in contracts or contracts[one.name].is_guarded]
    told = [name for name in guarded if is_told(variable(name, SHARED_KEY), services / name)]
    if told and len(guarded) > 1:
        names = ", ".join(variable(name, SHARED_KEY) for name in told)
        message = (
            f"{ecosystem.name}: {len(guarded)} services take tokens, and {names} is set: a shared key (HS256) is for "
            "an ecosystem of one service, since whoever verifies with it can make tokens: take it out of the "
            "environment and of .env; where nothing names an issuer, `arnia up` tells services a public key."
        )
        raise UsageError(message)


def remove_shared_keys(folder: Folder) -> None:
    """Remove the keys that services shared with `arnia token` in older versions (HS256)."""
    for left in _shared_keys(folder):
        left.unlink(missing_ok=True)


def _shared_keys(folder: Folder) -> Iterator[Path]:
    yield from folder.secrets.glob("*.token-key")
    yield from folder.secrets.glob(f"*/*_{SHARED_KEY}")


def _draw() -> str:
    return json.dumps(ECKey.generate_key(_CURVE).as_dict(private=True))


def _read(path: Path, text: str) -> ECKey:
    try:
        key = ECKey.import_key(json.loads(text))
    except (JoseError, ValueError, KeyError, TypeError):
        key = None
    if key is None or not key.is_private or key.curve_name != _CURVE:
        message = f"{path} holds no key any more: remove it, and the next `arnia up` draws another."
        raise OutsideError(message)
    key.ensure_kid()
    return key

"""An authorization request: what it must be before anybody is asked for a password.

RFC 6749 (4.1), PKCE (RFC 7636), resource indicators (RFC 8707), OpenID Connect Core (3.1.2). Nothing is sent to an
address that the OAuth client did not register: the client and its address are looked at before anything else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from identity.models.clients import Grant, Registration
from identity.models.grants import is_challenge
from identity.models.values import Value

Members: TypeAlias = Mapping[str, Sequence[str]]
"""What was sent, by name; most names may come once."""

REPEATABLE: Final = frozenset({"audience", "resource"})
MAX_STATE: Final = 2048
MAX_NONCE: Final = 512
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?((?:/.*)?)")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})


class AuthorizationRequest(Value):
    """What an OAuth client asks a user for.

    Attributes:
        state: What the client wants back with the answer, to the letter.
        challenge: The S256 challenge of PKCE.
        scope: What it asks for, as it came.
        audiences: For whom; none means for all that are the client's.
        login_hint: The user name that the client expects.
    """

    client_id: str
    redirect_uri: str
    state: str | None
    challenge: str
    nonce: str | None
    scope: str | None
    audiences: tuple[str, ...]
    login_hint: str = ""


class Refusal(Value):
    """Why a request leads to no code, in words that the OAuth client reads (RFC 6749, 4.1.2.1)."""

    error: str
    description: str


def single(members: Members, name: str) -> str | None:
    """Return the one value of `name`; None where there is none, or more than one."""
    values = members.get(name, ())
    return values[0] if len(values) == 1 else None


def is_registered(redirect_uri: str, registration: Registration) -> bool:
    """Tell whether a code may go to `redirect_uri`: compared to the letter (RFC 9700, 2.1).

    An app on somebody's device listens on whichever port is free: of a loopback address that a public client
    registered, the port is not compared (RFC 8252, 7.3).
    """
    if redirect_uri in registration.redirect_uris:
        return True
    asked = _LOOPBACK.fullmatch(redirect_uri)
    if asked is None or not registration.public or not _listens(redirect_uri):
        return False
    known = (_LOOPBACK.fullmatch(uri) for uri in registration.redirect_uris)
    return any(each is not None and each.groups() == asked.groups() for each in known)


def _listens(redirect_uri: str) -> bool:
    port = re.match(r"http://[^/]*:([0-9]+)(?:/|$)", redirect_uri)
    return redirect_uri.isascii() and (port is None or 0 < int(port[1]) < 1 << 16)


def examine(members: Members, registration: Registration, redirect_uri: str) -> AuthorizationRequest | Refusal:
    """Return what `members` ask for, or why they may not; client and address are known to be good."""
    for rule in _RULES:
        refusal = rule(members, registration)
        if refusal is not None:
            return refusal
    return AuthorizationRequest(
        client_id=registration.client_id,
        redirect_uri=redirect_uri,
        state=single(members, "state"),
        challenge=single(members, "code_challenge") or "",
        nonce=single(members, "nonce"),
        scope=single(members, "scope"),
        audiences=(*members.get("audience", ()), *members.get("resource", ())),
        login_hint=(single(members, "login_hint") or "")[:64],
    )


def _each_once(members: Members, _: Registration) -> Refusal | None:
    repeated = sorted(name for name, values in members.items() if len(values) > 1 and name not in REPEATABLE)
    return _invalid("A parameter was sent more than once.") if repeated else None


def _no_objects(members: Members, _: Registration) -> Refusal | None:
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if name in members:
            return Refusal(error=error, description="Send the parameters themselves.")
    if "registration" in members:
        return Refusal(error="registration_not_supported", description="OAuth clients are registered beforehand.")
    return None


def _a_code(members: Members, registration: Registration) -> Refusal | None:
    kind = single(members, "response_type")
    if kind is None:
        return _invalid("response_type is missing.")
    if kind != "code":
        return Refusal(error="unsupported_response_type", description="The only response_type is code.")
    if single(members, "response_mode") not in (None, "query"):
        return _invalid("The only response_mode is query.")
    if Grant.AUTHORIZATION_CODE not in registration.grants:
        return Refusal(error="unauthorized_client", description="The OAuth client may not use this grant.")
    return None


def _proof_key(members: Members, _: Registration) -> Refusal | None:
    if single(members, "code_challenge_method") != "S256":
        return _invalid("PKCE is needed, with code_challenge_method=S256.")
    if not is_challenge(single(members, "code_challenge") or ""):
        return _invalid("code_challenge is no S256 challenge.")
    return None


def _bounds(members: Members, _: Registration) -> Refusal | None:
    if len(single(members, "state") or "") > MAX_STATE or len(single(members, "nonce") or "") > MAX_NONCE:
        return _invalid(f"state has at most {MAX_STATE} characters, nonce at most {MAX_NONCE}.")
    age = single(members, "max_age")
    # Everybody gives the password each time: whatever age is asked for, the login is younger.
    if age is not None and not re.fullmatch(r"[0-9]{1,9}", age):
        return _invalid("max_age is a whole number of seconds.")
    return None


def _prompt(members: Members, _: Registration) -> Refusal | None:
    prompts = frozenset((single(members, "prompt") or "").split(" ")) - {""}
    if not prompts <= _PROMPTS or ("none" in prompts and len(prompts) > 1):
        return _invalid("prompt has values that are not known, or that contradict each other.")
    if "none" in prompts:
        return Refusal(error="login_required", description="Nobody stays logged in here.")
    return None


def _invalid(description: str) -> Refusal:
    return Refusal(error="invalid_request", description=description)


_RULES: Final[Sequence[Callable[[Members, Registration], Refusal | None]]] = (
    _each_once,
    _no_objects,
    _a_code,
    _proof_key,
    _bounds,
    _prompt,
)

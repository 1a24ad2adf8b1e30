"""Who is let in: the same for every operation that is not public, whatever standard rules it."""

from itertools import islice
from typing import Final

from arnia.conventions import ROLES_EXTENSION
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.surface import Operation, filled
from arnia.testing.forgeries import forgeries
from arnia.testing.http import Answer, Call, call

__all__ = ["SecurityRules"]

NO_TOKEN: Final = ""
MOST_REQUESTS: Final = 2
"""To the issuer's metadata and to its keys: what an unknown key id may cause, once in half a minute."""
SHARES: Final = 4
LONGEST: Final = 30_000
"""A longer token is no token's concern: the header fields are too large with it."""


class SecurityRules:
    """RFC 6750, RFC 8725 and RFC 9068, as the chassis keeps them."""

    def test_every_operation_says_who_may_call_it(self, operation: Operation) -> None:
        """The document has the scopes of every operation and its 401 and 403, or says that it is public."""
        security = operation.description.get("security")
        require(security is not None, "security", "an operation says what its caller needs", operation)
        if security:
            told = {"401", "403"} <= operation.description["responses"].keys()
            require(told, "security", "a refusal is documented", operation, sorted(operation.description["responses"]))

    def test_no_token_is_401(self, service: RunningService, guarded: Operation) -> None:
        """Without a token, and with one in the query, the answer is 401 with a challenge that names no error."""
        path = filled(guarded.template)
        for target in (path, f"{path}?access_token={service.token}"):
            request = _call(guarded, target, NO_TOKEN)
            challenge = _refused(service.send(request), 401, request)
            named = challenge.startswith("Bearer") and "error=" not in challenge
            require(named, "security", "a request without a token is told of no error", request, challenge)

    def test_no_forged_token_is_believed(self, service: RunningService, guarded: Operation) -> None:
        """A forgery is 401 invalid_token, and none makes the service ask around.

        There are more than two hundred: every operation gets its share, every forgery comes to some of them.
        `arnia.testing.attacks` brings each to each.
        """
        issuer, (scopes, roles) = service.issuer, needs(guarded)
        service.send(_call(guarded, filled(guarded.template), f"Bearer {service.token}"))
        issuer.asked.clear()
        doors = [each for each in service.surface.served if each.description.get("security")]
        shares = min(SHARES, len(doors))
        made = forgeries(issuer, service.audience, scopes=scopes, roles=roles)
        for forgery in islice(made, doors.index(guarded) % shares, None, shares):
            if len(forgery.token) > LONGEST:
                continue
            value = f"Bearer {forgery.token.decode('latin-1')}"
            request = _call(guarded, filled(guarded.template), value)
            challenge = _refused(service.send(request), 401, forgery.name, guarded)
            sentence = f"{forgery.name}: the token is told to be invalid"
            require('error="invalid_token"' in challenge, "security", sentence, guarded, challenge)
        require(len(issuer.asked) <= MOST_REQUESTS, "security", "no token makes the service ask around", issuer.asked)

    def test_scopes_and_roles_are_needed(self, service: RunningService, guarded: Operation) -> None:
        """A good token with every scope but one, or every role but those needed, is 403 insufficient_scope."""
        scopes, roles = needs(guarded)
        every = service.surface.scopes | {"openid", "*"}
        lacking = [(every - {missing}, roles) for missing in scopes]
        lacking += [(every, tuple(service.surface.roles - {*roles} | {"nobody"}))] if roles else []
        for less, fewer in lacking:
            token = service.issuer.token(audience=service.audience, scopes=less, roles=fewer)
            request = _call(guarded, filled(guarded.template), f"Bearer {token}")
            challenge = _refused(service.send(request), 403, request)
            told = 'error="insufficient_scope"' in challenge
            require(told, "security", "a caller without the scope is told so", request, challenge)

    def test_what_is_asked_for_is_enough(self, service: RunningService, guarded: Operation) -> None:
        """A token with just the scopes and one role that an operation names is let in, whoever else is not."""
        scopes, roles = needs(guarded)
        token = service.issuer.token(audience=service.audience, scopes=scopes, roles=roles[:1])
        sent = _call(guarded, filled(guarded.template), f"Bearer {token}")
        answer = service.send(sent)
        require(answer.status not in (401, 403), "security", "what is asked for is enough", sent, answer)
        require(answer.status < 500, "security", "who is let in is answered", sent, answer)


def needs(operation: Operation) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the scopes and roles that an operation asks for."""
    scopes = [
        scope for option in operation.description.get("security", ()) for each in option.values() for scope in each
    ]
    return tuple(scopes), tuple(operation.description.get(ROLES_EXTENSION, ()))


def _call(operation: Operation, target: str, authorization: str) -> Call:
    return call(operation.method, target, headers={"authorization": authorization})


def _refused(answer: Answer, status: int, *evidence: object) -> str:
    require(answer.status == status, "security", f"this is a {status}", *evidence, answer)
    challenge = answer.header("www-authenticate")
    require(challenge, "security", "a refusal says with WWW-Authenticate what is needed", *evidence, answer)
    return challenge or ""

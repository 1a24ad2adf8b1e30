"""What identity refuses. The first are of its resources; the others are those of RFC 6749 and its relatives."""

from typing import ClassVar

from arnia.errors import Conflict, Forbidden, NotAuthenticated, NotFound, ServiceError, TooManyRequests, Unavailable


class UserNotFound(NotFound):
    """No user has this identity."""

    slug = "identity-user-not-found"
    title = "No such user"


class OAuthClientNotFound(NotFound):
    """No OAuth client has this identity."""

    slug = "identity-client-not-found"
    title = "No such OAuth client"


class NameTaken(Conflict):
    """Another user, or another OAuth client, has this name."""

    slug = "identity-name-taken"
    title = "The name is taken"


class NoSecretKept(Conflict):
    """The OAuth client is public: it could not keep a secret."""

    slug = "identity-no-secret-kept"
    title = "A public OAuth client has no secret"


class WrongPassword(Forbidden):
    """Whoever calls does not know the password that they want to change."""

    slug = "identity-wrong-password"
    title = "The present password is another"


class SigningKeyNotFound(NotFound):
    """No signing key has this id."""

    slug = "identity-signing-key-not-found"
    title = "No such signing key"


class OAuthError(ServiceError):
    """A refusal in the words of OAuth 2.0 (RFC 6749, 5.2).

    Attributes:
        error: The code that a program reads.
    """

    status = 400
    slug = "identity-invalid-request"
    title = "The request is not one of OAuth 2.0"
    error: ClassVar[str] = "invalid_request"


class InvalidClient(NotAuthenticated, OAuthError):
    """The OAuth client is not known, or did not prove who it is."""

    status = 401
    slug = "identity-invalid-client"
    title = "The OAuth client did not prove who it is"
    error = "invalid_client"


class InvalidGrant(OAuthError):
    """What was presented is wrong, used up, of another client, or has ended."""

    slug = "identity-invalid-grant"
    title = "What was presented gives nothing"
    error = "invalid_grant"


class UnauthorizedClient(OAuthError):
    """The OAuth client is known, and not registered for this grant."""

    slug = "identity-unauthorized-client"
    title = "The OAuth client may not use this grant"
    error = "unauthorized_client"


class UnsupportedGrant(OAuthError):
    """No such grant is served here."""

    slug = "identity-unsupported-grant"
    title = "This grant is not served"
    error = "unsupported_grant_type"


class InvalidScope(OAuthError):
    """None of the scopes that were asked for can be granted."""

    slug = "identity-invalid-scope"
    title = "None of these scopes can be granted"
    error = "invalid_scope"


class InvalidTarget(OAuthError):
    """The OAuth client gets no tokens for this audience (RFC 8707, RFC 8693)."""

    slug = "identity-invalid-target"
    title = "No token is given for this audience"
    error = "invalid_target"


class SlowDown(TooManyRequests, OAuthError):
    """Too many logins failed, of this account or from here; nobody looked at the password (RFC 8628, 3.5)."""

    status = 429
    slug = "identity-slow-down"
    title = "Too many failed logins: wait"
    error = "slow_down"


class LoginsBusy(Unavailable, OAuthError):
    """More passwords wait to be checked than the processors can do in time."""

    status = 503
    slug = "identity-logins-busy"
    title = "Too many logins at once"
    error = "temporarily_unavailable"


class KeysStale(Unavailable, OAuthError):
    """The signing keys were not read for so long that another may have taken over."""

    status = 503
    slug = "identity-keys-stale"
    title = "Tokens cannot be signed at the moment"
    error = "temporarily_unavailable"

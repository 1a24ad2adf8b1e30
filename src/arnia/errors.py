"""Everything that Arnia raises on purpose, in one tree.

```
ArniaError
├── DeclarationError            an ecosystem.py that does not add up; carries every fault
├── SettingsError               a setting is missing or ill-typed; carries every fault
├── UsageError                  a command was called in a way it does not understand
├── OutsideError                something outside the program is missing or down
├── UpstreamRefused             another service refused a call (4xx); not handled, it is an UpstreamFailed
└── ServiceError                an answer to a request that is not a success; has status, slug, title
    ├── MalformedRequest      400
    ├── UnknownParameter      400
    ├── NotAuthenticated      401
    ├── Forbidden             403
    ├── NotFound              404
    ├── MethodNotAllowed      405
    ├── NotAcceptable         406
    ├── Conflict              409
    ├── Gone                  410
    ├── PreconditionFailed    412
    ├── ContentTooLarge       413
    ├── UnsupportedMediaType  415
    ├── InvalidContent        422  (carries the violations)
    ├── PreconditionRequired  428
    ├── TooManyRequests       429  (carries retry_after)
    ├── HeadersTooLarge       431
    ├── InternalError         500
    ├── UpstreamFailed        502
    ├── Unavailable           503  (carries retry_after)
    └── DeadlineExceeded      504
```

A service raises the leaves (or leaves of its own); the chassis renders them as RFC 9457 problem details. The first
four end a command or a process, with the exit code that each of them names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from arnia.conventions import EXIT_NO, EXIT_OUTSIDE, EXIT_USAGE


class ArniaError(Exception):
    """The root: one sentence that says what is wrong, where, and what to do."""

    exit_code: ClassVar[int] = EXIT_NO


class FaultsError(ArniaError):
    """Several things are wrong at once; each fault is one sentence."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class DeclarationError(FaultsError):
    """An ecosystem's declaration does not add up."""

    exit_code = EXIT_USAGE


class SettingsError(FaultsError):
    """Settings are missing or ill-typed; each fault names its environment variable and never a value."""

    exit_code = EXIT_USAGE


class UsageError(ArniaError):
    """A command was called in a way that it does not understand."""

    exit_code = EXIT_USAGE


class OutsideError(ArniaError):
    """Something outside the program (a server, a file, a port, another process) is missing or down."""

    exit_code = EXIT_OUTSIDE


class UpstreamRefused(ArniaError):
    """Another service refused a call: its answer is a 4xx.

    Handle those that mean something here, such as its 404 or 409. Any other is a fault between the two services, and
    becomes an `UpstreamFailed`: a caller must not take another service's 404 for one of this.

    Attributes:
        service: Who refused.
        status: The status of its answer.
        slug: The last part of its problem's `type`; empty where it sent no problem.
        problem: Its problem details (RFC 9457), as they came.
    """

    def __init__(
        self, service: str, status: int, *, slug: str = "", problem: Mapping[str, object] | None = None
    ) -> None:
        self.service = service
        self.status = status
        self.slug = slug
        self.problem = dict(problem or {})
        super().__init__(f"{service} refused a call with {status} {slug}".rstrip())


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong in what a caller sent; never repeats the value.

    Attributes:
        detail: What is wrong, in one sentence.
        code: A stable, machine-readable name of the rule.
        pointer: JSON Pointer (RFC 6901) as a URI fragment into the body: `#/dropoff/latitude`.
        parameter: Name of the query, path or header parameter, where the fault is not in the body.
    """

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None


class ServiceError(ArniaError):
    """An answer that is not a success. Subclass a leaf to give a rule of your own its own `slug` and `title`.

    Attributes:
        keeps_effect: Whether what the request changed before this was raised is committed all the same: a failed login
            that must be counted, a family of tokens that is revoked because one was used twice. Otherwise an error
            undoes its request.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"
    keeps_effect: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        self.detail = detail or self.title
        self.headers = dict(headers or {})
        super().__init__(self.detail)


class MalformedRequest(ServiceError):
    """The request cannot be read: broken syntax, framing or encoding."""

    status = 400
    slug = "malformed-request"
    title = "Malformed request"


class UnknownParameter(ServiceError):
    """The query carries a parameter that the operation does not have."""

    status = 400
    slug = "unknown-parameter"
    title = "Unknown query parameter"


class NotAuthenticated(ServiceError):
    """Nobody vouches for the caller."""

    status = 401
    slug = "not-authenticated"
    title = "Not authenticated"


class Forbidden(ServiceError):
    """The caller is known and may not do this."""

    status = 403
    slug = "forbidden"
    title = "Forbidden"


class NotFound(ServiceError):
    """No such resource, as far as this caller may know."""

    status = 404
    slug = "not-found"
    title = "Not found"


class MethodNotAllowed(ServiceError):
    """The resource exists and does not have this method."""

    status = 405
    slug = "method-not-allowed"
    title = "Method not allowed"


class NotAcceptable(ServiceError):
    """The resource has no representation that the caller accepts."""

    status = 406
    slug = "not-acceptable"
    title = "Not acceptable"


class Conflict(ServiceError):
    """The state of the resource does not allow this now."""

    status = 409
    slug = "conflict"
    title = "Conflict with the current state"


class Gone(ServiceError):
    """This existed and has been taken away for good."""

    status = 410
    slug = "gone"
    title = "Gone"


class PreconditionFailed(ServiceError):
    """The resource is not in the version that the caller insists on."""

    status = 412
    slug = "precondition-failed"
    title = "Precondition failed"


class ContentTooLarge(ServiceError):
    """The body is larger than the operation accepts."""

    status = 413
    slug = "content-too-large"
    title = "Content too large"


class UnsupportedMediaType(ServiceError):
    """The body is of a media type that the operation does not read."""

    status = 415
    slug = "unsupported-media-type"
    title = "Unsupported media type"


class InvalidContent(ServiceError):
    """The request can be read and breaks a rule; `violations` says which, where."""

    status = 422
    slug = "invalid-content"
    title = "Invalid content"

    def __init__(self, detail: str | None = None, *, violations: Sequence[Violation] = ()) -> None:
        self.violations = tuple(violations)
        super().__init__(detail)


class PreconditionRequired(ServiceError):
    """The operation is only safe with a precondition, and the request has none."""

    status = 428
    slug = "precondition-required"
    title = "Precondition required"


class TooManyRequests(ServiceError):
    """The caller asks too often; it may come back after `retry_after` seconds."""

    status = 429
    slug = "too-many-requests"
    title = "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class HeadersTooLarge(ServiceError):
    """A header, or all of them together, exceed what is accepted."""

    status = 431
    slug = "headers-too-large"
    title = "Request header fields too large"


class InternalError(ServiceError):
    """A fault of the service's own; the detail stays in its log."""


class UpstreamFailed(ServiceError):
    """Another service that this one needs answered with something that it may not."""

    status = 502
    slug = "upstream-failed"
    title = "A service behind this one failed"


class Unavailable(ServiceError):
    """The service cannot answer now; the caller may come back after `retry_after` seconds."""

    status = 503
    slug = "unavailable"
    title = "Temporarily unavailable"

    def __init__(self, detail: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class DeadlineExceeded(ServiceError):
    """The caller's deadline passed before the work was done; nothing of it was kept."""

    status = 504
    slug = "deadline-exceeded"
    title = "Deadline exceeded"

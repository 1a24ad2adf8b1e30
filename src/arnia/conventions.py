"""Names that the two halves of Arnia must agree on.

The declaration (`arnia.ecosystem`) and a running service (`arnia.chassis`) never import each other. What both must
spell alike is spelled here: environment variables, secret files, ports, paths, headers and label keys.
"""

from typing import Final

LOOPBACK: Final = "127.0.0.1"
OWN_MACHINE: Final = ("127.0.0.0/8", "::1/128")
"""The networks of a machine, or of a pod, itself."""
EDGE_PORT: Final = 8080

STATE_DIRECTORY: Final = ".arnia"
STATE_FILE: Final = "state.json"
CREDENTIALS_FILE: Final = "credentials.json"
ECOSYSTEM_FILE: Final = "ecosystem.py"
CONTRACT_DIRECTORY: Final = "contract"

API_PREFIX: Final = "/api"
PROBLEM_PREFIX: Final = "/problems"
LIVE_PATH: Final = "/livez"
READY_PATH: Final = "/readyz"
STARTUP_PATH: Final = "/startupz"
METRICS_PATH: Final = "/metrics"
OPENAPI_PATH: Final = "/openapi.json"
DOCS_PATH: Final = "/docs"
REDOC_PATH: Final = "/redoc"
PLATFORM_PATHS: Final = (
    LIVE_PATH,
    READY_PATH,
    STARTUP_PATH,
    METRICS_PATH,
    OPENAPI_PATH,
    DOCS_PATH,
    REDOC_PATH,
    PROBLEM_PREFIX + "/{slug}",
)

REQUEST_ID_HEADER: Final = "X-Request-Id"
TRACE_HEADER: Final = "traceparent"
TRACE_STATE_HEADER: Final = "tracestate"
TIMEOUT_HEADER: Final = "Request-Timeout-Ms"
"""Milliseconds that the caller is still willing to wait. Relative, as in gRPC, so that clocks need not agree."""
SERVICE_VERSION_HEADER: Final = "X-Service-Version"
IDEMPOTENCY_KEY_HEADER: Final = "Idempotency-Key"
IDEMPOTENCY_REPLAYED_HEADER: Final = "Idempotency-Replayed"
IDEMPOTENCY_IN_PROGRESS: Final = "idempotency-in-progress"
"""The slug of the problem that a repetition is told while the first request with its key still runs."""
RETRY_HEADER: Final = "Arnia-Retry"
"""Who retries. One layer only: the outermost one that knows that a second time does no harm."""
RETRY_ABOVE: Final = "above"
"""In a request: whoever calls retries, so nobody further down does."""
RETRY_NEVER: Final = "never"
"""In an answer: to ask again now brings nothing but load, as when the breaker to something further down is open."""

IDENTITY_HEADERS: Final = (
    "forwarded",
    "remote-user",
    "x-access-token",
    "x-client-id",
    "x-id-token",
    "x-principal",
    "x-real-ip",
    "x-remote-user",
    "x-roles",
    "x-scopes",
    "x-subject",
)
IDENTITY_PREFIXES: Final = (
    "x-arnia-",
    "x-auth",
    "x-consumer-",
    "x-credential-",
    "x-envoy-",
    "x-forwarded-",
    "x-identity-",
    "x-jwt-",
    "x-user",
)
"""By which a client may pretend to be somebody, or somewhere else: the edge takes them out, here and in a cluster.

At most 16 of each, which is what the Gateway API takes of a list of names.
"""

KEYS_PATH: Final = "/.well-known/jwks.json"
TOKEN_PATH: Final = "/token"  # noqa: S105 - a path
"""Where the service that an ecosystem names as its issuer publishes its keys, and issues tokens."""
SHARED_KEY: Final = "shared_token_key"
"""The setting of a secret that verifies tokens, and makes them as well."""
EDGE_KEYS_SECONDS: Final = 30
"""How long an edge, of a laptop or a cluster, keeps that service's keys: a new key signs no sooner."""
EDGE_OUTSIDE_KEYS_SECONDS: Final = 60
"""How long it keeps the keys of an issuer that somebody else runs."""

NO_KEYS_YET: Final = "keys not fetched yet"
"""What a service that is ready says of its issuer, as long as it could verify no token."""

REVOCATION_LIST: Final = "arnia:revoked"
REVOCATION_CHANNEL: Final = "arnia:revocations"
"""Where the issuer of tokens tells, in Valkey, what it took back: as a sorted set, and as messages."""

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
FORM_MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
PROTOCOL_EXTENSION: Final = "x-protocol"
"""What names the standard of an operation in an OpenAPI document, where it is not Arnia's own rules."""
BUDGET_EXTENSION: Final = "x-budget-ms"
"""What says, in an OpenAPI document, how many milliseconds an operation may take."""
ROLES_EXTENSION: Final = "x-roles"
"""What names, in an OpenAPI document, the roles of which a caller needs one."""
OWNED_EXTENSION: Final = "x-owned"
"""What marks, in an OpenAPI document, an operation on what the caller owns, and names the roles that reach all."""
AGGREGATE_EXTENSION: Final = "x-aggregate-type"
"""What names, at a channel of an AsyncAPI document, the kind of thing that its events are about."""
MERGE_PATCH_MEDIA_TYPE: Final = "application/merge-patch+json"
NDJSON_MEDIA_TYPE: Final = "application/x-ndjson"
JSON_PATCH_MEDIA_TYPE: Final = "application/json-patch+json"

EXIT_DONE: Final = 0
EXIT_NO: Final = 1
EXIT_USAGE: Final = 2
EXIT_OUTSIDE: Final = 3
EXIT_INTERRUPTED: Final = 130
"""Ctrl-C, at any moment and whatever was going on: 128 + SIGINT, as shells have it."""


def environment_prefix(service: str) -> str:
    """Return the prefix of a service's environment variables: `order-intake` reads `ORDER_INTAKE_...`."""
    return service.replace("-", "_").upper() + "_"


def variable(service: str, setting: str) -> str:
    """Return the environment variable that carries `setting` of `service`."""
    return environment_prefix(service) + setting.upper()


def secret_file(service: str, setting: str) -> str:
    """Return the name of the file, inside the secrets folder, that carries `setting` of `service`."""
    return variable(service, setting).lower()


def package(service: str) -> str:
    """Return the Python package that implements `service`."""
    return service.replace("-", "_")


def version_prefix(major: int) -> str:
    """Return the path under which a service serves its API of version `major`."""
    return f"{API_PREFIX}/v{major}"

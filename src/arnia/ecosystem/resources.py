"""Resources: what services use and Arnia provides."""

from typing import Literal

from arnia.ecosystem.values import Declared


class Resource(Declared):
    """Something that a service `uses`, provided by the platform under this name (a DNS label)."""

    name: str


class Database(Resource):
    """A PostgreSQL database with a role of its own; exactly one service uses it."""

    kind: Literal["database"] = "database"


class Cache(Resource):
    """A Valkey server (the Redis protocol); what it holds may vanish at any time."""

    kind: Literal["cache"] = "cache"


class Broker(Resource):
    """A message broker, shared by the services that emit and hear events."""

    kind: Literal["broker"] = "broker"


class Secrets(Resource):
    """A store of secrets (the Vault API) that hands out short-lived credentials."""

    kind: Literal["secrets"] = "secrets"


AnyResource = Database | Cache | Broker | Secrets

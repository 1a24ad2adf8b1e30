"""What the verbs about trust can be asked to do, and by whom; apart from them, because they load much."""

from enum import StrEnum
from typing import Final

DEMO: Final = "demo"
OPERATOR: Final = "operator"
"""The people whom `arnia up` makes."""


class UserAction(StrEnum):
    """What `users` does."""

    LIST = "list"
    ADD = "add"
    DISABLE = "disable"
    ENABLE = "enable"
    PASSWORD = "password"  # noqa: S105 - the name of an action


class OAuthClientAction(StrEnum):
    """What `oauth-clients` does."""

    LIST = "list"
    SHOW = "show"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ROTATE_SECRET = "rotate-secret"  # noqa: S105 - the name of an action


class KeyAction(StrEnum):
    """What `keys` does."""

    LIST = "list"
    ROTATE = "rotate"


class Kind(StrEnum):
    """What `new` makes."""

    ECOSYSTEM = "ecosystem"
    SERVICE = "service"


FIRST_SERVICE: Final = "notes"
"""What the service of a new ecosystem is called when nothing is said."""


class Format(StrEnum):
    """How `graph` draws an ecosystem."""

    TEXT = "text"
    MERMAID = "mermaid"
    SVG = "svg"
    JSON = "json"


class EventAction(StrEnum):
    """What `events` does."""

    LIST = "list"
    SHOW = "show"
    DLQ = "dlq"
    REDRIVE = "redrive"

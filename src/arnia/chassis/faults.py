"""What PostgreSQL says when it does not say yes, in the words of `arnia.errors`."""

from typing import Final

from asyncpg import exceptions

from arnia.errors import Conflict, DeadlineExceeded, ServiceError, Unavailable

__all__ = ["FAULTS", "REFUSALS", "Duplicate", "Referenced", "translate", "unanswered"]

RETRY_SOON: Final = 1
"""Seconds after which a lost race or a restarted server is worth another try."""


class Duplicate(Conflict):
    """Another row has this key already; `constraint` is the name of the rule, for a repository that asks."""

    slug = "duplicate"
    title = "Exists already"

    def __init__(self, constraint: str | None) -> None:
        self.constraint = constraint
        super().__init__("another resource has this key already")


class Referenced(Conflict):
    """Another row depends on this one, or this one on a row that is not there."""

    slug = "referenced"
    title = "Referenced by another resource"

    def __init__(self, constraint: str | None) -> None:
        self.constraint = constraint
        super().__init__("another resource depends on this one, or this one on a resource that does not exist")


LOST_RACES: Final = (
    exceptions.SerializationError,
    exceptions.DeadlockDetectedError,
    exceptions.LockNotAvailableError,
    exceptions.InvalidCachedStatementError,
)
"""A migration in the middle of a roll is such a race too: the statement is prepared anew at the next try."""
LOST_CONNECTIONS: Final = (
    OSError,
    exceptions.PostgresConnectionError,
    exceptions.OperatorInterventionError,
    exceptions.TooManyConnectionsError,
    exceptions.InvalidAuthorizationSpecificationError,
    exceptions.InvalidCatalogNameError,
    exceptions.InternalClientError,
)
REFUSALS: Final = (
    exceptions.InvalidAuthorizationSpecificationError,
    exceptions.InvalidCatalogNameError,
    exceptions.InsufficientPrivilegeError,
)
"""Answers to a new connection that waiting does not change: wrong role, password, name, or no right to enter."""
FAULTS: Final = (exceptions.PostgresError, exceptions.InterfaceError, exceptions.InternalClientError, OSError)
"""All that a statement or a connection raises; `TimeoutError` is an `OSError`. asyncpg calls it an internal error when
the server's farewell and our next statement cross each other."""


def translate(error: Exception, *, lost: bool = False) -> ServiceError | None:
    """Return what a caller should be told of `error`, or None when it is a mistake in the program.

    Args:
        error: One of `FAULTS`.
        lost: Whether the connection is closed: then a protest of the client's about its state means no more than that.
    """
    match error:
        case exceptions.UniqueViolationError():
            return Duplicate(error.constraint_name)
        case exceptions.ForeignKeyViolationError():
            return Referenced(error.constraint_name)
        case TimeoutError() | exceptions.QueryCanceledError():
            return DeadlineExceeded("the database did not answer in time")
        case _ if isinstance(error, LOST_RACES):
            return Unavailable("another request changed the same data", retry_after=RETRY_SOON)
        case _ if lost or isinstance(error, LOST_CONNECTIONS):
            return Unavailable("the database cannot be reached", retry_after=RETRY_SOON)
        case _:
            return None


def unanswered(error: Exception, *, lost: bool = False) -> bool:
    """Tell whether the server may have done what was asked although it did not say so.

    Args:
        error: One of `FAULTS`.
        lost: Whether the connection is closed.
    """
    if isinstance(error, exceptions.QueryCanceledError):
        return False
    silent = (OSError, exceptions.PostgresConnectionError, exceptions.OperatorInterventionError)
    return lost or isinstance(error, (*silent, exceptions.InternalClientError))

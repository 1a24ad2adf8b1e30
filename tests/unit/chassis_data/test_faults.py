"""What PostgreSQL says, in the words of the error tree."""

import asyncpg
import pytest

from arnia.chassis.faults import Duplicate, Referenced, translate
from arnia.errors import DeadlineExceeded, ServiceError, Unavailable


@pytest.mark.parametrize(
    ("error", "answer", "status"),
    [
        (asyncpg.UniqueViolationError(""), Duplicate, 409),
        (asyncpg.ForeignKeyViolationError(""), Referenced, 409),
        (asyncpg.SerializationError(""), Unavailable, 503),
        (asyncpg.DeadlockDetectedError(""), Unavailable, 503),
        (asyncpg.LockNotAvailableError(""), Unavailable, 503),
        (asyncpg.exceptions.InvalidCachedStatementError(""), Unavailable, 503),
        (asyncpg.QueryCanceledError(""), DeadlineExceeded, 504),
        (TimeoutError(), DeadlineExceeded, 504),
        (ConnectionResetError(), Unavailable, 503),
        (asyncpg.ConnectionDoesNotExistError(""), Unavailable, 503),
        (asyncpg.AdminShutdownError(""), Unavailable, 503),
        (asyncpg.CannotConnectNowError(""), Unavailable, 503),
        (asyncpg.TooManyConnectionsError(""), Unavailable, 503),
        (asyncpg.InvalidPasswordError(""), Unavailable, 503),
    ],
)
def test_translation(error: Exception, answer: type[ServiceError], status: int) -> None:
    """Each fault has one answer, and the lost races and connections invite to come again."""
    translated = translate(error)
    assert type(translated) is answer
    assert translated.status == status
    assert ("Retry-After" in translated.headers) == (status == 503)


@pytest.mark.parametrize("error", [asyncpg.UndefinedTableError(""), asyncpg.InterfaceError(""), asyncpg.DataError("")])
def test_mistakes_stay_mistakes(error: Exception) -> None:
    """What is a mistake in the program is not disguised."""
    assert translate(error) is None


def test_protest_about_a_lost_connection() -> None:
    """The client's protest about a connection that is closed means no more than that."""
    assert isinstance(translate(asyncpg.InterfaceError("connection is closed"), lost=True), Unavailable)


def test_lost_is_no_excuse() -> None:
    """A conflict stays a conflict although the connection went away after it."""
    assert isinstance(translate(asyncpg.UniqueViolationError(""), lost=True), Duplicate)

"""The first answer to a request, kept for those who ask again with the same key.

`claim` before the effect and `store` after it, both in the session of the effect: the record then exists exactly when
the effect does, and a request that dies in between leaves neither.

A request with a key therefore holds a connection from its claim on, while its handler runs. A claim of its own,
committed before the effect, would free it for that time and leave records of requests that died, which somebody would
have to judge: finished or not? What it costs has a bound: `database_pool_size` such requests at a time, each no longer
than its deadline; who finds no connection is told 503 when its own patience ends. Let a handler with a key ask slow
others before, or in a task after, not meanwhile.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from arnia.chassis.session import Session
from arnia.chassis.statements import Statement
from arnia.conventions import IDEMPOTENCY_IN_PROGRESS
from arnia.errors import Conflict, InvalidContent

__all__ = [
    "IdempotencyInProgress",
    "IdempotencyPayloadDiffers",
    "StoredAnswer",
    "claim",
    "prune",
    "store",
]

RETENTION: Final = timedelta(hours=24)
RETRY_AFTER_SECONDS: Final = 1


class IdempotencyInProgress(Conflict):
    """The first request with this key is still running."""

    slug = IDEMPOTENCY_IN_PROGRESS
    title = "A request with this Idempotency-Key is still running"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class IdempotencyPayloadDiffers(InvalidContent):
    """This key was used for another request."""

    slug = "idempotency-payload-differs"
    title = "This Idempotency-Key was used with another payload"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The exact answer that the first request got."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


LOCK: Final = Statement(
    text("SELECT pg_try_advisory_xact_lock(hashtextextended(:scope || chr(31) || :key, 0)) AS mine")
)
FIND: Final = Statement(
    text(
        "SELECT fingerprint, status, headers, body FROM arnia_idempotency "
        "WHERE scope = :scope AND key = :key AND expires_at > clock_timestamp()"
    )
)
STORE: Final = Statement(
    text(
        "INSERT INTO arnia_idempotency AS kept (scope, key, fingerprint, status, headers, body, expires_at) "
        "VALUES (:scope, :key, :fingerprint, :status, :headers, :body, clock_timestamp() + :retention) "
        "ON CONFLICT (scope, key) DO UPDATE SET fingerprint = excluded.fingerprint, status = excluded.status, "
        "headers = excluded.headers, body = excluded.body, created_at = now(), expires_at = excluded.expires_at "
        "WHERE kept.expires_at <= clock_timestamp()"
    )
)
PRUNE: Final = Statement(
    text(
        "DELETE FROM arnia_idempotency WHERE ctid = ANY (ARRAY("
        "SELECT ctid FROM arnia_idempotency WHERE expires_at <= now() LIMIT :most FOR UPDATE SKIP LOCKED))"
    )
)


async def claim(session: Session, *, scope: str, key: str, fingerprint: bytes) -> StoredAnswer | None:
    """Take the right to answer this request, or return the answer that it got before.

    Args:
        session: The session of the effect; not a read-only one.
        scope: Whose key it is: principal and route.
        key: What the client sent.
        fingerprint: Digest of the request's content, equal for equal requests.

    Raises:
        IdempotencyInProgress: Another request holds the key now.
        IdempotencyPayloadDiffers: The key belongs to a request with another content.
    """
    session.require_transaction()
    lock = await session.fetch_one(LOCK, scope=scope, key=key)
    if lock is None or not lock["mine"]:
        raise IdempotencyInProgress
    # A second statement, on purpose: the first one's snapshot may be older than the lock it got, and miss a record
    # that was committed between the two.
    record = await session.fetch_one(FIND, scope=scope, key=key)
    if record is None:
        return None
    if record["fingerprint"] != fingerprint:
        raise IdempotencyPayloadDiffers
    headers = tuple((name, value) for name, value in record["headers"])
    return StoredAnswer(status=record["status"], headers=headers, body=record["body"])


async def store(
    session: Session,
    *,
    scope: str,
    key: str,
    fingerprint: bytes,
    answer: StoredAnswer,
    retention: timedelta = RETENTION,
) -> None:
    """Keep `answer` for `retention`; it becomes visible with the effect, when the session commits.

    Raises:
        IdempotencyInProgress: The key was not claimed in this session, and another request has answered meanwhile.
    """
    stored = await session.execute(
        STORE,
        scope=scope,
        key=key,
        fingerprint=fingerprint,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        retention=retention,
    )
    if stored != 1:
        raise IdempotencyInProgress


async def prune(session: Session, *, most: int = 1000) -> int:
    """Delete up to `most` expired records and return how many went."""
    return await session.execute(PRUNE, most=most)

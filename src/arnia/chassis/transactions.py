"""Transactions beside the request's own, for a handler that calls another service between two of them.

The session of a request is one transaction, and a transaction that waits for another service holds a connection and its
locks for as long as that one likes. So a handler that calls keeps what it intends, calls, and keeps what came of it:

```python
async with transactions() as session:
    await SqlAssignments(session).add(intended)
promise = await drones.reserve(intended.reservation_id, wish)
async with transactions() as session:
    await SqlAssignments(session).save(intended.grant(promise.drone_id))
```

What is kept first stays, whatever becomes of the request: it has to say by itself how to go on from there. Let it be a
PUT or a DELETE, repeated without a record: an `Idempotency-Key` is answered for in the request's own transaction,
which undoes none of these and would hold a connection while these wait for another. So a route that depends on
`CurrentTransactions` keeps no such record, and neither does one that declares itself `apart`.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, params
from starlette.requests import Request

from arnia.chassis.context import RequestContext, current
from arnia.chassis.session import Session
from arnia.errors import InternalError

__all__ = ["CurrentTransactions", "Transactions", "apart", "is_apart"]


class Transactions:
    """Opens sessions under the deadline and in the trace of one request; that of a GET only reads."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def __call__(self) -> Session:
        """Return a session of its own, committed when its `async with` block ends well.

        Raises:
            InternalError: the service has no database.
        """
        context = self._context
        database = context.runtime.database
        if database is None:
            detail = "This service has no database."
            raise InternalError(detail)
        return database.session(read_only=context.read_only, deadline=context.deadline, trace=context.trace)


async def _transactions(request: Request) -> Transactions:
    return Transactions(current(request))


async def _apart() -> None:
    """Mark a route, at its start; there is nothing to do with a request."""


def is_apart(dependency: Callable[..., object] | None) -> bool:
    """Tell whether what depends on `dependency` has effects outside the request's own transaction."""
    return dependency in {_transactions, _apart}


CurrentTransactions = Annotated[Transactions, Depends(_transactions)]
apart = params.Depends(_apart)
"""For `dependencies=[apart]` of a route that opens transactions in a way of its own, without `CurrentTransactions`."""

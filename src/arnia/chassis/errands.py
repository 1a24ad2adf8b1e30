"""Work that no request began, and no event: a loop in a service's `lifespan` that goes on with what is not done.

```python
errand = Errand(runtime, seconds=5)
async with errand.session() as session:
    due = await SqlAssignments(session).claim(...)
with errand.span("reserve a drone"):
    await errand.client(DroneClient).reserve(...)
```
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from arnia.chassis.calls import Origin
from arnia.chassis.client import Client
from arnia.chassis.context import Runtime
from arnia.chassis.session import Session
from arnia.chassis.traces import Trace, continue_trace
from arnia.errors import InternalError

__all__ = ["Errand"]

C = TypeVar("C", bound=Client)


class Errand:
    """One piece of work: transactions and clients with one deadline, in one trace, on behalf of the service itself.

    Attributes:
        trace: What its events and calls belong to.
    """

    def __init__(self, runtime: Runtime, *, seconds: float, trace: Trace | None = None) -> None:
        """Give the work so many seconds; where it is a part of other work, in the trace of that."""
        self._runtime = runtime
        self._deadline = time.monotonic() + seconds
        self.trace = trace or continue_trace(None, bound=runtime.trace_bound)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Record as the span of this work, where its trace is sampled, how long the block lasts; enter it once.

        Args:
            name: What is done, the same for all of its kind.
        """
        spans, started, failed = self._runtime.spans, time.perf_counter(), True
        try:
            yield
            failed = False
        finally:
            if spans is not None and self.trace.sampled:
                spans.worked(self.trace, name=name, failed=failed, seconds=time.perf_counter() - started)

    def session(self) -> Session:
        """Return a transaction of its own, committed when its `async with` block ends well.

        Raises:
            InternalError: The service has no database.
        """
        database = self._runtime.database
        if database is None:
            detail = "This service has no database."
            raise InternalError(detail)
        return database.session(read_only=False, deadline=self._deadline, trace=self.trace)

    def client(self, kind: type[C]) -> C:
        """Return a declared client.

        Raises:
            TypeError: The service does not declare it.
        """
        caller = self._runtime.callers.get(kind.service)
        if caller is None:
            message = f"{kind.__name__} is not declared: give it to create_app(clients=...)"
            raise TypeError(message)
        return kind(caller, Origin(deadline=self._deadline, trace=self.trace, spans=self._runtime.spans))

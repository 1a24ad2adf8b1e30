"""Telling others at once, without the outbox: for what comes in such numbers that a row for each would be too much.

```python
@router.post("", status_code=202)
async def record(positions: ..., ingest: CurrentIngest) -> Reply[...]:
    await ingest.publish([PositionsRecorded.of(positions)])
```

An event that is published this way belongs to no transaction: it is told even if the request fails afterwards, and
what the request changes in the database may be lost while the event is not. Use it where there is nothing to change.

It is told **at least once**. When `publish` returns, the broker has confirmed all of it; when it raises `Unavailable`
nobody knows, and the caller sends it again. With an `Idempotency-Key` the messages of a repetition have the same ids as
those of the first attempt, and whoever hears them deduplicates by id; without one they have new ids, so give the facts
in them a key of their own. The events have no sequence: nothing about them is in order, and no gap is waited for.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request

from arnia.chassis.context import RequestContext, current
from arnia.chassis.events import Event
from arnia.chassis.messages import Message
from arnia.chassis.outbox import event_headers
from arnia.chassis.outlet import Outlet
from arnia.chassis.uuids import uuid7
from arnia.conventions import IDEMPOTENCY_KEY_HEADER
from arnia.errors import Unavailable

__all__ = ["CurrentIngest", "Ingest"]

MARGIN: Final = 0.05
"""Seconds before the deadline of a request at which it stops waiting for the broker, so that it can say so."""


class Ingest:
    """What one request publishes without the outbox.

    Attributes:
        published: How many events of this request the broker has confirmed.
    """

    def __init__(self, outlet: Outlet, context: RequestContext, route: str, key: str | None) -> None:
        self._outlet = outlet
        self._context = context
        self._route = route
        self._key = key
        self._given = 0
        self.published = 0

    async def publish(self, events: Sequence[Event]) -> None:
        """Publish `events`, and return once the broker has confirmed each of them.

        Raises:
            ContentTooLarge: An event is larger than what every broker takes; none was published.
            DeadlineExceeded: The request's deadline has passed; none was published.
            Unavailable: The broker is away or did not confirm in time: it may have some of them.
        """
        messages = [self._message(event) for event in events]
        self._context.told = True
        await self._outlet.publish(messages, self._context.deadline - MARGIN)
        self.published += len(messages)

    def _message(self, event: Event) -> Message:
        self._given += 1
        return Message(
            id=self._identity(event),
            type=event.topic,
            version=event.version,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            sequence=0,
            source=self._context.runtime.service,
            time=datetime.now(UTC),
            payload=event.payload(),
            headers=event_headers(self._context.trace, self._context.deadline),
        )

    def _identity(self, event: Event) -> UUID:
        """Return an id that a repetition of the request gives again, if its content is the same in this place."""
        if self._key is None:
            return uuid7()
        principal, content = self._context.principal, event.model_dump_json(by_alias=True, exclude={"aggregate_id"})
        scope = f"{principal.client}\n{principal.subject}\n{self._route}\n{self._key}\n{self._given}\n{event.topic}"
        digest = hashlib.sha256(f"{scope}\n{content}".encode()).digest()
        # Version 8 of RFC 9562: made of something of one's own.
        return UUID(int=int.from_bytes(digest[:16]) & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62)


async def _ingest(request: Request) -> Ingest:
    context = current(request)
    outlet = context.runtime.outlet
    if outlet is None:
        detail = "No message broker is there yet, or none is named: nothing can be taken."
        raise Unavailable(detail)
    route = f"{request.method} {request.scope['path']}"
    return Ingest(outlet, context, route, request.headers.get(IDEMPOTENCY_KEY_HEADER))


CurrentIngest = Annotated[Ingest, Depends(_ingest)]

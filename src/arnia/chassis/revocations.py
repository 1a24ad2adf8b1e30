"""What the issuer took back before it ended: a local list, pushed through Valkey and polled as a backup.

The list in Valkey is a sorted set. A member is `jti:<id>`, `sid:<id>`, `sub:<id>:<second>` or `client:<id>:<second>`,
the last two of which take back what was issued to a subject, or to an OAuth client, before that second; the score is
the second from which it may be forgotten, as everything that it could concern has ended by then. The same members come
over a channel as they are added.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from valkey.asyncio import Valkey
from valkey.asyncio.client import PubSub
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ValkeyError

from arnia.chassis.principals import Principal
from arnia.conventions import REVOCATION_CHANNEL, REVOCATION_LIST
from arnia.errors import Unavailable

__all__ = ["RevocationFeed", "Revocations"]

POLL_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 1.5
LOST_SECONDS: Final = 5.0
"""A revocation is known everywhere within this time, or the list counts as lost."""
PROVISIONAL_SECONDS: Final = 3_600.0
"""How long a pushed member is kept until the list tells its true end."""

log: Final = logging.getLogger("arnia.revocations")


@dataclass(slots=True, kw_only=True)
class Revocations:
    """What was taken back, as this process knows it.

    Attributes:
        demanding: Whether tokens are refused while nobody can say what was taken back.
        clock: Seconds since 1970.
        refreshed_at: When the whole list was last read; None while it never was.
    """

    demanding: bool = False
    clock: Callable[[], float] = time.time
    refreshed_at: float | None = None
    _members: dict[str, float] = field(default_factory=dict)
    _parties: dict[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether nothing was taken back."""
        return not self._members and not self._parties

    @property
    def lost(self) -> bool:
        """Whether a revocation could have been missed."""
        return self.refreshed_at is None or self.clock() - self.refreshed_at > LOST_SECONDS

    def check_current(self) -> None:
        """Insist that the list is up to date.

        Raises:
            Unavailable: it is not.
        """
        if self.lost:
            detail = "It cannot be known which access tokens were revoked, and this service was told to refuse then."
            raise Unavailable(detail, retry_after=2)

    def holds(self, principal: Principal, issued: int) -> bool:
        """Tell whether the token of `principal`, issued in second `issued`, was taken back."""
        if f"jti:{principal.token_id}" in self._members:
            return True
        if principal.session and f"sid:{principal.session}" in self._members:
            return True
        parties = (f"sub:{principal.subject}", f"client:{principal.client}")
        return any(issued < self._parties.get(party, (0, 0.0))[0] for party in parties)

    def add(self, member: str, until: float) -> None:
        """Take note of `member` of the list, to be forgotten at `until`; what it does not know is left out."""
        kind, _, name = member.partition(":")
        if kind in ("sub", "client"):
            party, _, second = member.rpartition(":")
            if party not in ("", kind, f"{kind}:") and second.isdecimal() and second.isascii():
                before, kept = self._parties.get(party, (0, 0.0))
                self._parties[party] = (max(before, int(second)), max(kept, until))
        elif kind in ("jti", "sid") and name:
            self._members[member] = until

    def refresh(self, members: Iterable[tuple[str, float]]) -> None:
        """Take note of the whole list, and forget what has ended."""
        for member, until in members:
            self.add(member, until)
        now = self.refreshed_at = self.clock()
        for name in [name for name, until in self._members.items() if until <= now]:
            del self._members[name]
        for name in [name for name, (_, until) in self._parties.items() if until <= now]:
            del self._parties[name]


class RevocationFeed:
    """Keeps `revocations` up to date from the Valkey server at `url`, until it is closed."""

    def __init__(self, url: str, revocations: Revocations, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._revocations = revocations
        self._poll_seconds = poll_seconds
        self._client = Valkey.from_url(
            url,
            decode_responses=True,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
            lib_name=None,
            lib_version=None,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._failing = False

    async def open(self) -> None:
        """Read the list once, if it can be read, and go on following it."""
        await self._poll()
        self._tasks = [asyncio.create_task(self._keep_polling()), asyncio.create_task(self._keep_listening())]

    async def close(self) -> None:
        """Stop following."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._client.aclose()

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self._poll()

    async def _poll(self) -> None:
        try:
            listed = await self._client.zrangebyscore(
                REVOCATION_LIST, self._revocations.clock(), "+inf", withscores=True
            )
        except (ValkeyError, OSError, TimeoutError) as error:
            if not self._failing:
                log.warning("revoked tokens cannot be read, will try again: %s", type(error).__name__)
            self._failing = True
            return
        if self._failing:
            log.info("revoked tokens can be read again")
        self._failing = False
        self._revocations.refresh((str(entry[0]), float(entry[1])) for entry in listed)

    async def _keep_listening(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as channel:
                    await channel.subscribe(REVOCATION_CHANNEL)
                    await self._listen(channel)
            except (ValkeyError, OSError, TimeoutError):
                await asyncio.sleep(self._poll_seconds)

    async def _listen(self, channel: PubSub) -> None:
        while True:
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=self._poll_seconds)
            if message is not None and isinstance(message["data"], str):
                self._revocations.add(message["data"], self._revocations.clock() + PROVISIONAL_SECONDS)

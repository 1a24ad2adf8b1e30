"""Telling everybody what was taken back: this process at once, the others by a channel that may lose everything."""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from arnia.chassis.revocations import Revocations
from arnia.errors import ServiceError
from identity.models.revocations import Revocation
from identity.repositories.store import Transactions
from identity.services.keyring import Clock, utc_now

log: Final = logging.getLogger("arnia.identity")


class Channel(Protocol):
    """Where the other services hear of revocations."""

    async def members(self, now: float) -> frozenset[str]:
        """Return what it tells them now.

        Raises:
            Unavailable: it does not answer.
        """

    async def push(self, revocations: Sequence[Revocation], now: float) -> None:
        """Tell them more, and let go of what has ended.

        Raises:
            Unavailable: it does not answer.
        """

    async def close(self) -> None:
        """Let go of its connections."""


class Announcer:
    """Keeps the channel, and the list of this process, like the table; what the channel lost is told again."""

    def __init__(
        self, transactions: Transactions, local: Revocations, channel: Channel | None, now: Clock = utc_now
    ) -> None:
        self._transactions = transactions
        self._local = local
        self._channel = channel
        self._now = now
        self._failing = False

    async def announce(self) -> None:
        """Tell what is not known yet; a channel that does not answer is told later."""
        now = self._now()
        async with self._transactions() as store:
            live = await store.ledger.revocations(now)
        self._local.refresh((each.member, each.until.timestamp()) for each in live)
        if self._channel is None:
            return
        try:
            known = await self._channel.members(now.timestamp())
            missing = [each for each in live if each.member not in known]
            if missing:
                await self._channel.push(missing, now.timestamp())
        except ServiceError as error:
            if not self._failing:
                log.warning("revocations cannot be told to the other services, will try again: %s", error)
            self._failing = True
            return
        if self._failing:
            log.info("revocations are told to the other services again")
        self._failing = False

    async def close(self) -> None:
        """Let go of the channel."""
        if self._channel is not None:
            await self._channel.close()

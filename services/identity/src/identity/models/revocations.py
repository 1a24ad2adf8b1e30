"""What was taken back before it ended, and who has to wait before the next login."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from identity.models.keys import LONGEST_TOKEN_SECONDS, MARGIN_SECONDS

AFTERWARDS: Final = timedelta(seconds=LONGEST_TOKEN_SECONDS + MARGIN_SECONDS)
"""For how long a revocation concerns anything: no token lives longer, clocks may be apart, and services lenient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A token, a login, or everything that was issued to a subject or an OAuth client before a second.

    Attributes:
        member: As services read it: `jti:<id>`, `sid:<id>`, `sub:<id>:<second>` or `client:<id>:<second>`.
        until: When it may be forgotten, as everything that it concerns has ended.
    """

    member: str
    until: datetime

    @classmethod
    def of_token(cls, token_id: str, until: datetime) -> "Revocation":
        """Take one access token back."""
        return cls(member=f"jti:{token_id}", until=until)

    @classmethod
    def of_login(cls, login_id: UUID, until: datetime) -> "Revocation":
        """Take back every access token of a login."""
        return cls(member=f"sid:{login_id}", until=until)

    @classmethod
    def of_subject(cls, subject: str, now: datetime, until: datetime) -> "Revocation":
        """Take back what was issued to a subject until now; what is issued later in this second is taken back, too."""
        return cls(member=f"sub:{subject}:{int(now.timestamp()) + 1}", until=until)

    @classmethod
    def of_client(cls, client_id: str, now: datetime) -> "Revocation":
        """Take back whatever an OAuth client was issued, for users or for itself, until this is known everywhere.

        That is a second more than until now: it asks on while its end is being written down.
        """
        return cls(member=f"client:{client_id}:{int(now.timestamp()) + 2}", until=now + AFTERWARDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayRule:
    """How long to wait after failures: nothing for the first `free` ones, then twice as long each time.

    Nothing locks for good: the longest delay is half a minute, whoever caused it.
    """

    free: int
    longest_seconds: float = 30.0

    def seconds(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        beyond = failures - self.free
        return 0.0 if beyond <= 0 else min(2.0 ** min(beyond - 1, 10), self.longest_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Failed logins in a row, of an account or from a source."""

    failures: int
    last_at: datetime
    wait_until: datetime

    def next(self, rule: DelayRule, now: datetime) -> "Attempts":
        """Return the record with one more attempt, which counts as failed until it succeeds."""
        failures = 1 if now - self.last_at > FORGET else self.failures + 1
        return Attempts(failures=failures, last_at=now, wait_until=now + timedelta(seconds=rule.seconds(failures)))


FORGET: Final = timedelta(minutes=15)
"""After so long without an attempt, failures are forgotten."""
OF_ACCOUNT: Final = DelayRule(free=5)
OF_SOURCE: Final = DelayRule(free=20)
"""More: many people share an address."""

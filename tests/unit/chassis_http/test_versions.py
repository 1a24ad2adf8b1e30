"""Versions of an API and their end."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from arnia.chassis.versions import ApiVersion, Lifecycle
from arnia.errors import Gone

DEPRECATED = datetime(2026, 1, 1, tzinfo=UTC)
SUNSET = DEPRECATED + timedelta(days=365)
OLD = ApiVersion(major=1, deprecated=DEPRECATED, sunset=SUNSET, successor=2)


def test_headers_announce_the_end() -> None:
    """Deprecation is a structured date, Sunset an HTTP date, and the successor a link."""
    told = dict(OLD.headers())
    assert told[b"deprecation"] == b"@%d" % int(DEPRECATED.timestamp())
    assert parsedate_to_datetime(told[b"sunset"].decode()) == SUNSET
    assert told[b"link"] == b'</api/v2>; rel="successor-version"'


def test_current_version_announces_nothing() -> None:
    """No header on a version that goes on."""
    assert ApiVersion(major=2).headers() == []


def test_ended_version_is_gone_from_its_sunset_on() -> None:
    """Up to the sunset it answers; from then on it says where to go."""
    life = Lifecycle(OLD)
    life.check(SUNSET.timestamp() - 0.001)
    with pytest.raises(Gone, match="/api/v2"):
        life.check(SUNSET.timestamp())
    Lifecycle(ApiVersion(major=2)).check(SUNSET.timestamp() * 2)


@pytest.mark.parametrize(
    ("deprecated", "sunset"),
    [
        (None, SUNSET),
        (SUNSET, DEPRECATED),
        (DEPRECATED.replace(tzinfo=None), None),
        (DEPRECATED, SUNSET.replace(tzinfo=None)),
    ],
)
def test_life_that_makes_no_sense_is_refused(deprecated: datetime | None, sunset: datetime | None) -> None:
    """A sunset needs an earlier deprecation, and both a time zone."""
    with pytest.raises(ValueError, match="API version 1"):
        ApiVersion(major=1, deprecated=deprecated, sunset=sunset)

"""Which time a question is about."""

from datetime import UTC, datetime, timedelta
from typing import Final

from arnia.errors import InvalidContent, Violation
from telemetry.models.positions import Area, Period

__all__ = ["DAY", "LONGEST", "area", "period"]

DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=31)


def period(since: datetime | None, until: datetime | None, *, longest: timedelta | None = LONGEST) -> Period:
    """Return the time from `since` to `until`: what is not said is now, and a day before that.

    Raises:
        InvalidContent: It ends before it begins, or is longer than `longest`.
    """
    try:
        until = until or (since + DAY if since else datetime.now(UTC))
        since = since or until - DAY
    except OverflowError:
        name = "until" if since is None else "since"
        raise _refused("It is at the end of time.", "out-of-range", name) from None
    if since >= until:
        raise _refused("The time ends before it begins.", "order", "until")
    if longest is not None and until - since > longest:
        raise _refused(f"The time is longer than {longest.days} days.", "too-long", "until")
    return Period(since, until)


def area(south: float, west: float, north: float, east: float) -> Area:
    """Return the box between these.

    Raises:
        InvalidContent: Its north lies south of its south, or its east west of its west.
    """
    if north < south:
        raise _refused("The north of the area lies south of its south.", "order", "north")
    if east < west:
        raise _refused("The east of the area lies west of its west.", "order", "east")
    return Area(south, west, north, east)


def _refused(detail: str, code: str, parameter: str) -> InvalidContent:
    return InvalidContent(detail, violations=[Violation(detail=detail, code=code, parameter=parameter)])

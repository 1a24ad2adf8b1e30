"""The major versions of the API, and when the old one ends."""

from datetime import UTC, datetime
from typing import Final

from arnia.chassis.versions import ApiVersion

V1: Final = ApiVersion(
    major=1, deprecated=datetime(2026, 6, 1, tzinfo=UTC), sunset=datetime(2028, 6, 1, tzinfo=UTC), successor=2
)
V2: Final = ApiVersion(major=2)
VERSIONS: Final = (V1, V2)

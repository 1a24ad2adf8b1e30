"""Positions as lines: of JSON, or of values with commas between them. Each writes many at a time."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import orjson

from arnia.conventions import NDJSON_MEDIA_TYPE
from telemetry.models.positions import Position

CSV_MEDIA_TYPE: Final = "text/csv"
_NDJSON: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def as_ndjson(positions: Sequence[Position]) -> bytes:
    """Return a line of JSON for each position."""
    lines = bytearray()  # to gather them first would keep what orjson reserves for each
    for position in positions:
        lines += orjson.dumps(position._asdict(), str, _NDJSON)
    return bytes(lines)


def as_csv(positions: Sequence[Position]) -> bytes:
    """Return a line of comma-separated values (RFC 4180) for each position; what was not measured is empty."""
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows((drone_id, _moment(at), *rest) for drone_id, at, *rest in positions)
    return lines.getvalue().encode()


def _moment(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


WRITERS: Final[Mapping[str, tuple[bytes, Callable[[Sequence[Position]], bytes]]]] = {
    NDJSON_MEDIA_TYPE: (b"", as_ndjson),
    CSV_MEDIA_TYPE: (",".join(Position._fields).encode() + b"\r\n", as_csv),
}
"""By media type: what comes first, and how positions are written."""

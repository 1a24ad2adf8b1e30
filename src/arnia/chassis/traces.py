"""W3C Trace Context: continue a caller's trace, or start one."""

import random
import re
from typing import Final

__all__ = ["new_span_id", "new_trace_id", "trace_id_of"]

_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_id_of(traceparent: bytes) -> str | None:
    """Return the trace id that a `traceparent` header carries; None where it is not valid and the trace restarts."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found.group(2) is not None and traceparent.startswith(b"00-")):
        return None
    return found.group(1).decode()


def new_trace_id() -> str:
    """Return a new trace id."""
    return f"{random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """Return a new span id."""
    return f"{random.getrandbits(64) or 1:016x}"

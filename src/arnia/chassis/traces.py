"""W3C Trace Context: continue a caller's trace, or start one; and say it onward.

Level 1 (Recommendation, 2021) and Level 2 (Candidate Recommendation, 2024) differ in two places. Level 2 adds the flag
`random`, which is read, set for our own ids and passed on. It also widens the grammar of tracestate's keys: a digit may
come first, and `@` may stand anywhere. Whoever still follows Level 1 would drop the whole list for such a key, so the
grammar here is that of Level 1, which both accept.
"""

import random
import re
from contextvars import ContextVar
from functools import lru_cache
from typing import Final

__all__ = ["CURRENT", "OWN_DIGITS", "Trace", "continue_trace", "new_span_id", "new_trace_id", "ratio_bound"]

SAMPLED: Final = 0x01
RANDOM: Final = 0x02
OWN_DIGITS: Final = 12
"""How many digits of a span id are the request's; the last four count the calls that it makes."""
MOST_CALLS: Final = 0xFFFF
LOW_DIGITS: Final = 16
"""Hexadecimal digits of a trace id that Level 2 calls random, and that OpenTelemetry samples by."""
MOST_MEMBERS: Final = 32
MOST_CHARACTERS: Final = 512
"""How much of a list is passed on: what everybody has to accept."""
LONG_MEMBER: Final = 128
"""Members above this go first, when the list is too long (3.3.1.5 of Level 1)."""

_TRACEPARENT: Final = re.compile(
    rb"[ \t]*(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})(?P<parent>[0-9a-f]{16})-"
    rb"(?P<flags>[0-9a-f]{2})(?P<future>-.*)?[ \t]*",
    re.DOTALL,
)
_MEMBER: Final = re.compile(
    r"(?P<key>[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


class Trace:
    """A request's place in a trace.

    Attributes:
        trace_id: The whole trace: 32 hexadecimal digits.
        span_id: This request, new here: 16 hexadecimal digits, the last four of them 0.
        parent_id: Whoever called, as it named itself; empty where the trace starts here.
        flags: The flags `sampled` and `random`.
    """

    __slots__ = ("_calls", "_state", "flags", "parent_id", "span_id", "trace_id")

    def __init__(self, trace_id: str, *, parent_id: str = "", flags: int = RANDOM, state: bytes = b"") -> None:
        self.trace_id = trace_id
        self.span_id = new_span_id()
        self.parent_id = parent_id
        self.flags = flags
        self._state = state
        self._calls = 0

    @property
    def sampled(self) -> bool:
        """Whether spans of this trace are recorded."""
        return bool(self.flags & SAMPLED)

    @property
    def traceparent(self) -> str:
        """What is told to whoever goes on from here: this request is its parent."""
        return self.parent_of(self.span_id)

    def parent_of(self, span_id: str) -> str:
        """Return the `traceparent` that names the span `span_id` of this trace."""
        return f"00-{self.trace_id}-{span_id}-{self.flags:02x}"

    def new_call(self) -> str:
        """Return the id of a new span for one call that this request makes.

        It begins as the request's own does, so that logs tell who called, though no line is written for a call.
        """
        self._calls += 1
        return f"{self.span_id[:OWN_DIGITS]}{self._calls:04x}" if self._calls <= MOST_CALLS else new_span_id()

    @property
    def tracestate(self) -> str:
        """What the vendors on the way here have noted, to be passed on; empty for nothing."""
        return tracestate_of(self._state) if self._state else ""


CURRENT: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
"""The trace of the request that runs, for log lines."""


def continue_trace(traceparent: bytes | None, tracestate: bytes | None = None, *, bound: int = 0) -> Trace:
    """Return the place in the caller's trace; where it says none, or nothing valid, that of a new one.

    Args:
        traceparent: The header field; several of them, joined by whatever, are not valid.
        tracestate: The header field, several of them joined by commas; it goes with a `traceparent` only.
        bound: Whether a new trace is sampled, as `ratio_bound` gives it; a continued one is what its caller says.
    """
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found["future"] is not None and found["version"] == b"00"):
        trace_id = new_trace_id()
        # The lower half is what OpenTelemetry's TraceIdRatioBased looks at, so that all of a system agree.
        sampled = bound > 0 and int(trace_id[-LOW_DIGITS:], 16) < bound
        return Trace(trace_id, flags=RANDOM | sampled)
    # Flags that a later version may have mean nothing here, and are not passed on as a version that we speak.
    flags = int(found["flags"], 16) & (SAMPLED | RANDOM)
    return Trace(found["trace"].decode(), parent_id=found["parent"].decode(), flags=flags, state=tracestate or b"")


def ratio_bound(ratio: float) -> int:
    """Return below what the lower half of a new trace's id has to be, for `ratio` of all to be sampled."""
    return round(ratio * (1 << 64))


@lru_cache(maxsize=256)
def tracestate_of(given: bytes) -> str:
    """Return the list `given` as it is passed on; nothing of it where any part breaks the grammar.

    More than 32 members, and two with one key, break it too. Of a list that has more than 512 characters the long
    members go, and then the last ones.
    """
    members: dict[str, str] = {}
    for part in given.decode("latin-1").split(","):
        member = part.strip(" \t")
        if not member:
            continue
        found = _MEMBER.fullmatch(member)
        if found is None or found["key"] in members:
            return ""
        members[found["key"]] = member
    kept = list(members.values())
    if len(kept) > MOST_MEMBERS:
        return ""
    if len(",".join(kept)) > MOST_CHARACTERS:
        kept = [member for member in kept if len(member) <= LONG_MEMBER]
    while len(",".join(kept)) > MOST_CHARACTERS:
        kept.pop()
    return ",".join(kept)


def new_trace_id() -> str:
    """Return a new trace id."""
    return f"{random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """Return a new span id; its last four digits are 0."""
    return f"{random.getrandbits(48) or 1:012x}0000"

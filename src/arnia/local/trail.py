"""One request's way through the services, put together from what they have written."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue

from arnia.local.journal import LogLine
from arnia.local.lines import readable

__all__ = ["Span", "find_trace", "follow"]

CALL_DIGITS: Final = 4
"""The last digits of a span id count the calls of a request; the request itself has zeros there."""
SHORTEST: Final = 8
"""Digits of a trace id that are enough to mean it: what a terminal shows of it."""
_IDS: Final = ("trace_id", "span_id", "parent_span_id", "request_id")
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Span(BaseModel):
    """One request, as one process has seen it.

    Attributes:
        process: Who served it, such as `delivery-1`.
        span_id: Its own id.
        request: Method and path; empty where its line is missing, as of a process that was killed.
        status: How it was answered; None where nobody knows.
        started: When it began.
        duration_ms: How long it took.
        lines: What was logged meanwhile.
        called: The requests that it made, in the order in which they began.
    """

    model_config = ConfigDict(frozen=True)

    process: str
    span_id: str
    request: str
    status: int | None
    started: datetime | None
    duration_ms: float | None
    lines: tuple[str, ...]
    called: tuple["Span", ...] = ()

    def every(self) -> Iterator["Span"]:
        """Yield this span, and all below it."""
        yield self
        for span in self.called:
            yield from span.every()


def find_trace(lines: Iterable[LogLine], wanted: str) -> str | None:
    """Return the trace that `wanted` means: its id, eight digits that it begins with, or the id of a request in it."""
    for line in lines:
        if wanted in line.text and (fields := _fields(line)) is not None:
            trace_id = str(fields.get("trace_id"))
            begins = len(wanted) >= SHORTEST and trace_id.startswith(wanted)
            if begins or fields.get("request_id") == wanted:
                return trace_id
    return None


def follow(lines: Iterable[LogLine], trace_id: str) -> tuple[Span, ...]:
    """Return the requests of a trace that nobody here has made, each with those that it made."""
    told: dict[str, tuple[LogLine, Mapping[str, JsonValue]]] = {}
    said: dict[str, list[LogLine]] = {}
    for line in lines:
        if trace_id not in line.text or (fields := _fields(line)) is None or fields.get("trace_id") != trace_id:
            continue
        span_id = str(fields.get("span_id", ""))
        if fields.get("message") == "request" and "duration_ms" in fields:
            told[span_id] = (line, fields)
        else:
            said.setdefault(span_id, []).append(line)
    spans = {span_id: _span(span_id, *told[span_id], said.pop(span_id, [])) for span_id in told}
    spans |= {span_id: _unfinished(span_id, written) for span_id, written in said.items()}
    callers = {span_id: _caller(told[span_id][1], spans) if span_id in told else "" for span_id in spans}
    return _below("", spans, callers)


def _below(caller: str, spans: Mapping[str, Span], callers: Mapping[str, str]) -> tuple[Span, ...]:
    found = [spans[span_id] for span_id, above in callers.items() if above == caller]
    ordered = sorted(found, key=lambda span: span.started or _NEVER)
    return tuple(
        span.model_copy(update={"called": _below(span.span_id, spans, callers) if span.span_id else ()})
        for span in ordered
    )


def _caller(fields: Mapping[str, JsonValue], spans: Mapping[str, Span]) -> str:
    parent = str(fields.get("parent_span_id") or "")
    own = parent[:-CALL_DIGITS] + "0" * CALL_DIGITS
    for each in (parent, own):
        if each in spans and each != fields.get("span_id"):
            return each
    return ""


def _span(span_id: str, line: LogLine, fields: Mapping[str, JsonValue], said: Iterable[LogLine]) -> Span:
    duration, status = fields.get("duration_ms"), fields.get("status")
    milliseconds = float(duration) if isinstance(duration, int | float) else 0.0
    return Span(
        process=line.process,
        span_id=span_id,
        request=f"{fields.get('method')} {fields.get('path')}",
        status=status if isinstance(status, int) else None,
        started=None if line.time is None else line.time - timedelta(milliseconds=milliseconds),
        duration_ms=milliseconds,
        lines=tuple(text for each in said for text in _said(each)),
    )


def _unfinished(span_id: str, said: list[LogLine]) -> Span:
    return Span(
        process=said[0].process,
        span_id=span_id,
        request="",
        status=None,
        started=said[0].time,
        duration_ms=None,
        lines=tuple(text for each in said for text in _said(each)),
    )


def _said(line: LogLine) -> tuple[str, ...]:
    """Return what was said, without the ids, which are known by now."""
    fields = _fields(line) or {}
    return readable(json.dumps({name: value for name, value in fields.items() if name not in _IDS}))


def _fields(line: LogLine) -> Mapping[str, JsonValue] | None:
    if not line.text.startswith("{"):
        return None
    try:
        found = json.loads(line.text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

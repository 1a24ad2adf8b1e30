"""The lines that processes write: when each was written, and how a person reads it."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue

_STAMP: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)|(\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d\.\d{3})"
)
"""PostgreSQL's and Envoy's, or Valkey's; all are told to write UTC."""
_STAMP_WITHIN: Final = 48
"""Characters at the beginning of a line where a time says when it was written; later it is part of what is said."""
_SPOKEN: Final = ("time", "level", "message", "exception", "service", "version", "instance")
"""Members that have a place of their own, or are said by the name of the process already."""


def moment(line: str) -> datetime | None:
    """Return when a line says that it was written; None when it does not say."""
    fields = _fields(line)
    said = str(fields.get("time", "")) if fields is not None else line[:_STAMP_WITHIN]
    found = _STAMP.search(said)
    if found is None:
        return None
    try:
        if found[3] is not None:
            return datetime.strptime(found[3], "%d %b %Y %H:%M:%S.%f").replace(tzinfo=UTC)
        return datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None


def readable(line: str) -> tuple[str, ...]:
    """Return a line as a person reads it on a terminal: several, where JSON carries a traceback.

    Nothing that a caller has sent, and a service has logged, commands the terminal.
    """
    fields = _fields(line)
    if fields is None:
        return (_harmless(line),)
    when = moment(line)
    spoken = [f"{when:%H:%M:%S}.{when.microsecond // 1000:03}" if when is not None else ""]
    spoken += [str(fields.get("level", "")).ljust(7).rstrip(), str(fields.get("message", ""))]
    if fields.get("request_id") == fields.get("trace_id"):
        fields = {name: value for name, value in fields.items() if name != "request_id"}
    rest = [f"{name}={_short(value)}" for name, value in fields.items() if name not in _SPOKEN and value is not None]
    first = _harmless(" ".join(word for word in (*spoken, *rest) if word))
    return (first, *(_harmless(one) for one in str(fields.get("exception", "")).splitlines()))


def _fields(line: str) -> Mapping[str, JsonValue] | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _short(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _harmless(text: str) -> str:
    return "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in text)

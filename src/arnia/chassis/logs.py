"""Logs on stdout: one JSON object a line, or plain text where a person watches a terminal."""

import asyncio
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson
from typing_extensions import override

from arnia.chassis.origin import new_instance
from arnia.chassis.traces import CURRENT, Trace

__all__ = ["AccessLog", "configure"]

BUFFERED_LINES: Final = 64
BUFFERED_SECONDS: Final = 0.05


class JsonFormatter(logging.Formatter):
    """Formats the records of the standard library's logging as JSON objects."""

    def __init__(self, service: str, version: str, instance: str = "") -> None:
        super().__init__()
        self._fixed = {"service": service, "version": version, **({"instance": instance} if instance else {})}

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, object] = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            **self._fixed,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (trace := CURRENT.get()) is not None:
            line["trace_id"], line["span_id"] = trace.trace_id, trace.span_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = "".join(traceback.format_exception(*record.exc_info))
        return orjson.dumps(line, default=str).decode()


class AccessLog:
    """One line a request, written in batches: at 64 lines or after 50 ms, whichever comes first.

    Attributes:
        instance: Which process of the service writes; its metrics and spans say the same.
    """

    def __init__(self, stream: TextIO, service: str, version: str, *, as_json: bool, instance: str = "") -> None:
        self.instance = instance or new_instance()
        self._stream = stream
        self._fixed = {"service": service, "version": version, "instance": self.instance}
        self._as_json = as_json
        self._lines: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def write(self, method: str, path: str, status: int, seconds: float, *, trace: Trace, request_id: str) -> None:
        """Note one finished request. The path is logged without its query, which may hold what nobody should read."""
        now = datetime.now(UTC)
        if self._as_json:
            line = {
                "time": now,
                "level": "error" if status >= 500 else "info",
                **self._fixed,
                "message": "request",
                "method": method,
                "path": path,
                "status": status,
                "duration_ms": round(seconds * 1000, 3),
                "trace_id": trace.trace_id,
                "span_id": trace.span_id,
                "parent_span_id": trace.parent_id or None,
                "request_id": request_id,
            }
            self._lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z, default=str))
        else:
            # A decoded path may hold ends of lines and a terminal's commands: a caller writes no lines here.
            shown = path if path.isprintable() else ascii(path)
            text = f"{now:%H:%M:%S} {method:6} {status} {seconds * 1000:8.2f} ms {shown}  {trace.trace_id[:8]}\n"
            self._lines.append(text.encode("utf-8", "replace"))
        if len(self._lines) >= BUFFERED_LINES:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BUFFERED_SECONDS, self.flush)

    def flush(self) -> None:
        """Write out what is buffered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            text = b"".join(self._lines).decode("utf-8", "replace")
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()


def configure(service: str, version: str, level: str, log_format: str) -> AccessLog:
    """Send this process's logging to stdout and return the log of its requests."""
    as_json = log_format == "json" or (log_format == "auto" and not sys.stdout.isatty())
    handler, instance = logging.StreamHandler(sys.stdout), new_instance()
    handler.setFormatter(
        JsonFormatter(service, version, instance)
        if as_json
        else logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    return AccessLog(sys.stdout, service, version, as_json=as_json, instance=instance)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

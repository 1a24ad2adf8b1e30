"""The verb `trace`: one request's way through the services."""

import sys
from pathlib import Path
from typing import Final

from typing_extensions import override

from arnia.commands.place import folder_of
from arnia.commands.result import Result, count
from arnia.local.journal import Journal
from arnia.local.trail import Span, find_trace, follow

_HEAD: Final = f"{'at ms':>9}  {'took ms':>9}  status"


class TraceResult(Result):
    """A trace, as the logs of this machine tell it; `ok` where they tell anything.

    Attributes:
        trace_id: Which; empty where nothing was found.
        requests: Those that nobody here has made, each with those that it made.
    """

    trace_id: str
    requests: tuple[Span, ...]

    @override
    def text(self) -> str:
        if not self.ok:
            return "No log line of a service has this id: it is of an earlier run, or of what the edge refused."
        every = [span for root in self.requests for span in root.every()]
        processes = {span.process for span in every}
        where = ", ".join(sorted(processes))
        title = f"trace {self.trace_id}: {count(len(every), 'request')}, served by {where}"
        return "\n".join([title, "", _HEAD, *self._rows(self.requests, "")])

    def _rows(self, spans: tuple[Span, ...], indent: str) -> list[str]:
        rows = []
        for span in spans:
            request = span.request or "(its line is missing)"
            took = "" if span.duration_ms is None else f"{span.duration_ms:.1f}"
            rows.append(f"{self._at(span):>9}  {took:>9}  {span.status or '-':>6}  {indent}{span.process}  {request}")
            rows += [f"{'':30}{indent}  | {line}" for line in span.lines]
            rows += self._rows(span.called, indent + "    ")
        return rows

    def _at(self, span: Span) -> str:
        begun = min((each.started for each in self.requests if each.started is not None), default=None)
        if begun is None or span.started is None:
            return ""
        return f"+{(span.started - begun).total_seconds() * 1000:.1f}"


def trace(id: str, *, file: Path | None = None, data: Path | None = None) -> TraceResult:  # noqa: A002 - the argument
    """Show one request's way through the services, by what they have logged in this run and the one before.

    Args:
        id: The trace id of a problem or a log line, its first eight digits or more, or an X-Request-Id.
        file: The `ecosystem.py`; the nearest one upward when None.
        data: The folder that `up` was given.
    """
    journal = Journal(folder_of(file, data).logs, lambda _: True)
    lines = journal.last(sys.maxsize, earlier=True, unfinished=True)
    found = find_trace(lines, id.strip())
    requests = () if found is None else follow(lines, found)
    return TraceResult(ok=bool(requests), trace_id=found or "", requests=requests)

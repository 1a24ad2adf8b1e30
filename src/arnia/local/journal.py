"""What all processes of an ecosystem have written, in one order, and what they go on to write."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, field_serializer

from arnia.local.lines import moment

LOG: Final = ".log"
SET_ASIDE: Final = ".log.1"
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class LogLine(BaseModel):
    """One line of one process.

    Attributes:
        process: Who wrote it: `postgres`, or a replica such as `delivery-1`.
        time: When, as far as it, or a line before it in the same log, says so.
        text: The line, as it was written.
    """

    model_config = ConfigDict(frozen=True)

    process: str
    time: datetime | None
    text: str

    @field_serializer("time", when_used="json-unless-none")
    def _of_one_width(self, time: datetime) -> str:
        # A whole second has its six zeros too, so that a script may sort the lines as text.
        return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Journal:
    """The logs of a folder, read once and then further on; a log may begin anew, or appear, at any time."""

    def __init__(self, folder: Path, wanted: Callable[[str], bool]) -> None:
        """Read what the processes in `folder` write whose names are `wanted`."""
        self._folder = folder
        self._wanted = wanted
        self._readers: dict[str, _Reader] = {}

    def last(self, count: int, *, earlier: bool, unfinished: bool) -> tuple[LogLine, ...]:
        """Return the last `count` lines of each process, in the order of their times.

        Args:
            count: How many of each.
            earlier: Also of the run before, and what was set aside because it had become too long.
            unfinished: Also a last line without an end; `fresh` would give it otherwise.
        """
        found: dict[str, list[str]] = {}
        if earlier:
            for name, log in self._logs(SET_ASIDE):
                found[name] = log.read_text(errors="replace").splitlines()
        for name, lines in self._read(unfinished=unfinished):
            found.setdefault(name, []).extend(lines)
        return _merged(line for name, lines in found.items() for line in self._dated(name, lines)[-count:])

    def fresh(self) -> tuple[LogLine, ...]:
        """Return what has been written since the last reading."""
        return _merged(line for name, lines in self._read(unfinished=False) for line in self._dated(name, lines))

    def _logs(self, ending: str) -> list[tuple[str, Path]]:
        every = ((log.name.removesuffix(ending), log) for log in sorted(self._folder.glob(f"*{ending}")))
        return [(name, log) for name, log in every if self._wanted(name)]

    def _read(self, *, unfinished: bool) -> list[tuple[str, list[str]]]:
        for name, log in self._logs(LOG):
            self._readers.setdefault(name, _Reader(log))
        return [(name, reader.read(unfinished=unfinished)) for name, reader in self._readers.items()]

    def _dated(self, name: str, lines: Sequence[str]) -> list[LogLine]:
        """Give a line that does not say when, such as one of a traceback, the time of the line before it."""
        reader = self._readers.setdefault(name, _Reader(self._folder / f"{name}{LOG}"))
        dated = []
        for line in lines:
            reader.latest = moment(line) or reader.latest
            dated.append(LogLine(process=name, time=reader.latest, text=line))
        return dated


class _Reader:
    """Where in a log somebody is who reads on."""

    def __init__(self, log: Path) -> None:
        self.latest: datetime | None = None
        self._log = log
        self._inode = 0
        self._position = 0

    def read(self, *, unfinished: bool) -> list[str]:
        try:
            with self._log.open("rb") as stream:
                status = self._log.stat()
                if status.st_ino != self._inode or status.st_size < self._position:
                    self._inode, self._position = status.st_ino, 0
                stream.seek(self._position)
                text = stream.read()
        except FileNotFoundError:
            return []
        if not unfinished:
            text = text[: text.rfind(b"\n") + 1]
        self._position += len(text)
        return text.decode(errors="replace").splitlines()


def _merged(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    return tuple(sorted(lines, key=lambda line: line.time or _BEGINNING))

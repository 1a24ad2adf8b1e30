"""The folder `.arnia`: where a running ecosystem keeps its data, logs, secrets and state."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from arnia.conventions import CREDENTIALS_FILE, STATE_DIRECTORY, STATE_FILE
from arnia.local.servers import account

_SOCKET_LIMIT: Final = 100
"""Bytes that the path of a unix socket may have on every system."""
_PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Folder:
    """One ecosystem's folder.

    Attributes:
        root: The folder itself, absolute.
        temporary: Whether it goes when the ecosystem ends.
    """

    root: Path
    temporary: bool = False

    @classmethod
    def beside(cls, ecosystem_file: Path, data: Path | None) -> "Folder":
        """Return the folder `data`, or the one that belongs to `ecosystem_file`."""
        return cls((data or ecosystem_file.parent / STATE_DIRECTORY).absolute())

    @classmethod
    def ephemeral(cls) -> "Folder":
        """Return a new folder that goes when the ecosystem ends."""
        return cls(Path(tempfile.mkdtemp(prefix="arnia-")), temporary=True)

    def create(self) -> None:
        """Make the folder and what is private in it."""
        account.passable_folder(self.root)
        if os.geteuid() != 0:
            self.root.chmod(_PRIVATE)
        for private in (self.logs, self.secrets, self.endpoints):
            private.mkdir(exist_ok=True, mode=_PRIVATE)

    @property
    def state(self) -> Path:
        """What runs, for scripts."""
        return self.root / STATE_FILE

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        """One folder per service."""
        return self.root / "secrets"

    @property
    def credentials(self) -> Path:
        """Who can log in, and with which password; for the owner alone."""
        return self.root / CREDENTIALS_FILE

    @property
    def endpoints(self) -> Path:
        """One file per cluster of the edge."""
        return self.root / "endpoints"

    @property
    def socket(self) -> Path:
        """Where the supervisor takes orders."""
        return self._socket("socket")

    @property
    def edge_socket(self) -> Path:
        """Where the edge says what it knows."""
        return self._socket("edge-socket")

    def _socket(self, name: str) -> Path:
        path = self.root / name
        if len(os.fsencode(path)) <= _SOCKET_LIMIT:
            return path
        return Path(tempfile.gettempdir()) / f"arnia-{os.geteuid()}-{self.root.stat().st_ino}" / name

    def log(self, name: str) -> Path:
        """Return the log of the process called `name`."""
        return self.logs / f"{name}.log"

    def server(self, name: str) -> Path:
        """Return where the server called `name` keeps its data."""
        return self.root / name

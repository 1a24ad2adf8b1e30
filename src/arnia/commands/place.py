"""Where a running ecosystem keeps its data, logs and state."""

from pathlib import Path

from arnia.commands.declaration import find
from arnia.local.folder import Folder


def folder_of(file: Path | None, data: Path | None) -> Folder:
    """Return the folder `data`, or the one beside the declaration that `file` names.

    Raises:
        UsageError: Neither is given, and there is no declaration here.
    """
    return Folder(data.absolute()) if data is not None else Folder.beside(find(file), None)

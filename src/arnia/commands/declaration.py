"""Finding `ecosystem.py`, and what lies beside it."""

import importlib.util
import traceback
from dataclasses import dataclass
from pathlib import Path

from arnia.conventions import CONTRACT_DIRECTORY, ECOSYSTEM_FILE, STATE_DIRECTORY
from arnia.ecosystem import Ecosystem
from arnia.ecosystem.collection import collecting, tell
from arnia.errors import ArniaError, DeclarationError, UsageError

SERVICES_DIRECTORY = "services"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An ecosystem, and the file that declares it.

    Attributes:
        file: Absolute path of the file.
        ecosystem: What it declares.
    """

    file: Path
    ecosystem: Ecosystem

    @property
    def root(self) -> Path:
        """The folder of the file; services, contracts and state lie below it."""
        return self.file.parent

    @property
    def state(self) -> Path:
        """The folder of everything that running the ecosystem leaves behind."""
        return self.root / STATE_DIRECTORY

    def service_folder(self, service: str) -> Path:
        """Return the folder of `service`."""
        return self.root / SERVICES_DIRECTORY / service

    def contract_folder(self, service: str) -> Path:
        """Return the folder of the committed contract of `service`."""
        return self.service_folder(service) / CONTRACT_DIRECTORY


def find(file: Path | None = None) -> Path:
    """Return the absolute path of the declaration: `file` (or the one in that folder), else the nearest one upward.

    Raises:
        UsageError: There is none.
    """
    if file is not None:
        found = (file / ECOSYSTEM_FILE if file.is_dir() else file).resolve()
        if not found.is_file():
            raise UsageError(f"{file}: there is no such file: name the `{ECOSYSTEM_FILE}` to read.")
        return found
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / ECOSYSTEM_FILE).is_file():
            return folder / ECOSYSTEM_FILE
    raise UsageError(f"no `{ECOSYSTEM_FILE}` in {here} or above it: go where it is, or name it with --file.")


def load(file: Path | None = None) -> Declaration:
    """Read the declaration that `find` finds.

    Raises:
        UsageError: There is none.
        DeclarationError: It cannot be read, declares no ecosystem, or one that does not add up; every fault at once.
    """
    path = find(file)
    with collecting() as collection:
        names = _execute(path)
    if collection.faults:
        raise DeclarationError(list(dict.fromkeys(collection.faults)))
    found = names.get("ecosystem")
    if not isinstance(found, Ecosystem):
        raise DeclarationError([f"{path.name}: it declares no ecosystem: end it with `ecosystem = Ecosystem(...)`."])
    return Declaration(file=path, ecosystem=found)


def _execute(path: Path) -> dict[str, object]:
    """Return the names of the page; where it breaks off that is one more fault of the collection."""
    spec = importlib.util.spec_from_file_location("ecosystem", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: this is no Python file: name the `{ECOSYSTEM_FILE}` to read.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except ArniaError as error:
        tell([str(error)])
    except SyntaxError as error:
        tell([f"{path.name}: line {error.lineno}: {error.msg}."])
    except (ImportError, NameError, AttributeError, TypeError, ValueError, LookupError, OSError) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"line {lines[-1]}: " if lines else ""
        tell([f"{path.name}: {where}{type(error).__name__}: {error}."])
    return vars(module)

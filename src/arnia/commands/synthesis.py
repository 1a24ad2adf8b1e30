"""The verb `synth`: the files that a cluster reads, made from the declaration."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from typing_extensions import override

from arnia.commands.agreement import Drift
from arnia.commands.declaration import Declaration, load
from arnia.commands.promises import committed
from arnia.commands.result import Result
from arnia.ecosystem.environments import LOCAL
from arnia.errors import OutsideError, UsageError

DEPLOY_DIRECTORY = "deploy"


class SynthResult(Result):
    """What `synth` did, or with `check` would have to do.

    Attributes:
        checked: Whether nothing was written.
        folder: Where the artefacts are.
        environments: The environments that were synthesised.
        artefacts: How many files they have.
        drift: The files that differed, by path below `folder`.
    """

    checked: bool
    folder: str
    environments: tuple[str, ...]
    artefacts: int
    drift: dict[str, Drift]

    @override
    def text(self) -> str:
        if not self.environments:
            return f"No environment but {LOCAL!r} is declared, and the laptop reads no artefacts: nothing to do."
        verb = "is" if self.checked else "was"
        lines = [f"{self.folder}/{path} {verb} {drift}." for path, drift in self.drift.items()]
        if not self.drift:
            lines.append(f"{self.artefacts} files are as the declaration makes them.")
        elif self.checked:
            lines.append(f"{len(self.drift)} files differ from the declaration: write them with `arnia synth`.")
        else:
            lines.append(f"{len(self.drift)} files brought up to date; there are {self.artefacts}.")
        return "\n".join(lines)


def synth(
    *, file: Path | None = None, env: str | None = None, out: Path | None = None, check: bool = False
) -> SynthResult:
    """Write the artefacts of each environment into the folder of its name, or check that they are there.

    Files that Arnia made and makes no more are removed; files that it did not make are left alone.

    Args:
        file: The `ecosystem.py`; the nearest one upward when None.
        env: One environment; all but `local` when None.
        out: The folder of the environments' folders; `deploy` beside the declaration when None.
        check: Write nothing; the result is not `ok` when a file differs from what the declaration makes.

    Raises:
        UsageError: There is no such environment, or a file that Arnia did not make stands where it would write.
        DeclarationError: The declaration does not add up, or an environment lacks something.
        OutsideError: The extra `synth` is not installed.
    """
    declaration = load(file)
    names = _choose(declaration, env)
    folder = out if out is not None else declaration.root / DEPLOY_DIRECTORY
    wanted = _make(declaration, names) if names else {}
    drift = dict(sorted(_find_drift(folder, wanted, names, everywhere=env is None)))
    if not check:
        _write(folder, wanted, drift)
    shown = folder.relative_to(declaration.root) if folder.is_relative_to(declaration.root) else folder
    return SynthResult(
        ok=not (check and drift),
        checked=check,
        folder=shown.as_posix(),
        environments=names,
        artefacts=len(wanted),
        drift=drift,
    )


def _choose(declaration: Declaration, env: str | None) -> tuple[str, ...]:
    if env == LOCAL:
        raise UsageError(f"{LOCAL!r} is the laptop, which reads no artefacts: run it with `arnia up`.")
    if env is not None:
        return (declaration.ecosystem.environment(env).name,)
    return tuple(one.name for one in declaration.ecosystem.environments if one.name != LOCAL)


def _make(declaration: Declaration, environments: tuple[str, ...]) -> dict[str, bytes]:
    try:
        from arnia.synth.artefacts import synth as synthesise
    except ModuleNotFoundError as absent:
        library = (absent.name or "").partition(".")[0]
        if library not in {"lightkube", "msgspec"}:
            raise
        raise OutsideError(f"{library} is not installed: run `pip install 'arnia[synth]'`.") from None
    contracts = committed(declaration)
    texts: dict[str, str] = {}
    for name in environments:
        texts |= synthesise(declaration.ecosystem, declaration.ecosystem.environment(name), contracts)
    return {path: text.encode() for path, text in texts.items()}


def _find_drift(
    folder: Path, wanted: Mapping[str, bytes], environments: tuple[str, ...], *, everywhere: bool
) -> Iterator[tuple[str, Drift]]:
    for path, content in wanted.items():
        file = folder / path
        if not file.is_file():
            yield path, Drift.MISSING
        elif file.read_bytes() != content:
            yield path, Drift.STALE
    for place in sorted(folder.glob("*")):
        # Whatever else is in the folder: only what begins with our list of artefacts was an environment of ours.
        ours = place.name in environments or (everywhere and _is_made(place / "kustomization.yaml"))
        for file in place.rglob("*.yaml") if ours else ():
            path = file.relative_to(folder).as_posix()
            if path not in wanted and _is_made(file):
                yield path, Drift.SUPERFLUOUS


def _is_made(file: Path) -> bool:
    """Tell whether Arnia made this file; every text that it makes says so in its first line."""
    return file.is_file() and not file.is_symlink() and file.read_bytes().startswith(b"# Made by `arnia synth`")


def _write(folder: Path, wanted: Mapping[str, bytes], drift: Mapping[str, Drift]) -> None:
    for path, kind in drift.items():
        if kind is Drift.STALE and not _is_made(folder / path):
            raise UsageError(f"{folder / path} was not made by Arnia, and would be overwritten: move it away.")
    for path, kind in drift.items():
        file = folder / path
        if kind is Drift.SUPERFLUOUS:
            file.unlink()
            _remove_empty(file.parent, folder)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(wanted[path])


def _remove_empty(folder: Path, top: Path) -> None:
    while folder != top and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent

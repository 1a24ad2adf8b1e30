"""A domain of a service becomes a service of its own: `arnia new service queens --from hive`.

Both services are made in a folder aside first, and their code is asked for their contracts there. Only when both
answer is anything written, and only then does the domain leave the service that it was in.
"""

import ast
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from arnia.commands.declaration import SERVICES_DIRECTORY, Declaration, load
from arnia.commands.promises import ask, ask_tables
from arnia.commands.scaffold import artefacts, ground
from arnia.commands.scaffold.pruning import prune
from arnia.commands.scaffold.renaming import Move, rename, slugs, uses
from arnia.commands.scaffold.words import Words, check_label, singular_of
from arnia.contracts import Contract
from arnia.conventions import CONTRACT_DIRECTORY, ECOSYSTEM_FILE, environment_prefix, package, secret_file
from arnia.ecosystem import Database, Resource, Route, Service
from arnia.errors import UsageError

LAYERS: Final = ("api", "models", "repositories", "schemas", "services")
FIRST: Final = "migrations/versions/0001_tables.py"
MOVE: Final = "migrations/move_rows.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What became of a domain.

    Attributes:
        root: The folder of `ecosystem.py`.
        files: What was written, relative to it.
        removed: The folders that moved, as they were called, relative to it.
        declare: What to add to the end of `ecosystem.py`.
        notes: What is left to know, a sentence each.
    """

    root: Path
    files: tuple[str, ...]
    removed: tuple[str, ...]
    declare: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain, and the service that it is still in.

    Attributes:
        name: The service that it becomes.
        service: The service that it leaves, as it is declared.
        folder: The folder of that service.
        others: The packages of the domains that stay.
        move: The way of its modules.
    """

    name: str
    service: Service
    folder: Path
    others: tuple[str, ...]
    move: Move

    @property
    def code(self) -> Path:
        """The package that it leaves."""
        return self.folder / "src" / self.move.source

    @property
    def tests(self) -> Path:
        """Where its own tests are; the tests of the whole service lie around it."""
        return self.folder / "tests" / self.move.domain

    def rename(self, file: Path, text: str | None = None) -> str:
        """Return what `file` says, or `text` in its place, as the new service has it."""
        said = _read(file) if text is None else text
        shared = file.parent in {self.code, self.folder / "tests"}
        words = {**self.move.words, self.service.name: self.name}
        move = replace(self.move, words=words) if shared else self.move
        where = file.relative_to(self.folder.parents[1]).as_posix()
        return rename(said, move, where=where, package=self.package(file)) if file.suffix == ".py" else said

    def package(self, file: Path) -> str:
        """Return the dotted package that `file` is in; empty for a test."""
        inside = file.is_relative_to(self.code)
        return ".".join(file.relative_to(self.code.parent).parts[:-1]) if inside else ""


def extract(name: str, source: str, directory: Path | None = None) -> Extraction:
    """Make a service of the domain `name` of the service `source`.

    Args:
        name: The domain, and the service that it becomes: a DNS label.
        source: The service that has the domain.
        directory: The folder that holds `ecosystem.py`; the nearest one upward when None.

    Raises:
        UsageError: There is no such service or domain, there is such a service already, or the domain and the rest
            use each other.
        OutsideError: One of the two services would not start.
    """
    declaration = load(directory)
    domain = _find(declaration, name, source)
    _refuse_ties(domain)
    texts = _texts(domain)
    with tempfile.TemporaryDirectory() as aside:
        new, old = Path(aside) / "new", Path(aside) / "old"
        ground.write(new, texts)
        contract, (tables, migration) = ask(name, new), ask_tables(name, new)
        service = _declared(declaration, domain, contract, tables)
        main = _main_without(domain, tables)
        _rehearse(domain, old / "src" / domain.move.source, main)
        remaining, _ = ask(source, old), ask_tables(source, old)
    rows = {MOVE: artefacts.moving(source, name, tables)} if tables else {}
    texts |= {FIRST: migration, **rows} if migration else {"migrations/versions/.gitkeep": ""}
    texts |= artefacts.of_extracted(_words(name), ", ".join(f"`{router.prefix}`" for router in contract.routers))
    texts |= {f"{CONTRACT_DIRECTORY}/{file}": text for file, text in contract.files().items()}
    ground.write(declaration.service_folder(name), texts)
    removed = _leave(domain, main, remaining)
    ground.polish(declaration.root, [declaration.service_folder(name), domain.code / "main.py"])
    database: list[Resource] = [Database(name=f"{name}-db")] if tables else []
    known = artefacts.known_names(_read(declaration.file))
    return Extraction(
        root=declaration.root,
        files=tuple(f"{SERVICES_DIRECTORY}/{name}/{path}" for path in sorted(texts)),
        removed=removed,
        declare=artefacts.splitting(source, service, database, known),
        notes=tuple(_notes(domain, tables)),
    )


def _find(declaration: Declaration, name: str, source: str) -> Domain:
    check_label("service", name)
    service = declaration.ecosystem.service(source)
    ground.require_free(name, declaration.service_folder(name))
    folder = declaration.service_folder(source)
    packages = {layer.parent for one in LAYERS for layer in (folder / "src" / package(source)).glob(f"*/{one}")}
    domains = {found.name: found for found in sorted(packages) if found.name not in LAYERS}
    if package(name) not in domains:
        known = f"its domains are {', '.join(domains)}" if domains else "it has no domain packages"
        raise UsageError(f"service {source!r} has no domain {package(name)!r}: {known}.")
    others = tuple(sorted(domains.keys() - {package(name)}))
    if not others:
        raise UsageError(f"service {source!r} has no other domain than {package(name)!r}: there is nothing to split.")
    _require_python(folder)
    prefix = f"{source}-"
    own = (slug for file in _modules(domains[package(name)]) for slug in slugs(_read(file), prefix))
    words = {slug: f"{name}-{slug.removeprefix(prefix)}" for slug in own}
    words[environment_prefix(source)] = environment_prefix(name)
    move = Move(source=package(source), domain=package(name), words=words)
    return Domain(name=name, service=service, folder=folder, others=others, move=move)


def _require_python(folder: Path) -> None:
    for file in _modules(folder):
        try:
            ast.parse(_read(file))
        except SyntaxError as error:
            where = file.relative_to(folder.parents[1]).as_posix()
            raise UsageError(f"{where}:{error.lineno} is no Python ({error.msg}): mend it first.") from None


def _refuse_ties(domain: Domain) -> None:
    """Raise when something that stays imports the domain; `main.py` is told apart later."""
    for file in (*_modules(domain.code), *_modules(domain.folder / "tests")):
        leaves = file.is_relative_to(domain.code / domain.move.domain) or file.is_relative_to(domain.tests)
        if leaves or file == domain.code / "main.py":
            continue
        for line, used in uses(_read(file), domain.move.inside, domain.package(file)):
            raise UsageError(
                f"{file.relative_to(domain.folder.parents[1]).as_posix()}:{line} uses {used}, and stays: "
                f"let it call the API of {domain.name}, or do without, and extract {domain.name} then."
            )


def _texts(domain: Domain) -> dict[str, str]:
    """Return what the domain brings along, as the new service has it, by path."""
    place = f"src/{domain.move.domain}"
    texts = {
        f"{place}/{file.relative_to(domain.code / domain.move.domain).as_posix()}": domain.rename(file)
        for file in _files(domain.code / domain.move.domain)
    }
    main = domain.code / "main.py"
    alone = prune(_read(main), domain.move.source, domain.others, where=domain.package(main) + "/main.py")
    texts[f"{place}/main.py"] = domain.rename(main, alone)
    texts[f"{place}/config.py"] = domain.rename(domain.code / "config.py")
    around = domain.folder / "tests" / "conftest.py"
    if around.is_file():
        texts["tests/conftest.py"] = domain.rename(around)
    for file in _files(domain.tests):
        path = f"tests/{file.relative_to(domain.tests).as_posix()}"
        if path in texts:
            raise UsageError(
                f"{domain.folder.name}/tests has a conftest.py and so has {domain.move.domain} in it, which would lie "
                "in one folder: move the domain's fixtures into the folders of its tests."
            )
        texts[path] = domain.rename(file)
    return texts


def _main_without(domain: Domain, tables: Sequence[str]) -> str:
    main = domain.code / "main.py"
    where = f"{domain.move.source}/main.py"
    return prune(_read(main), domain.move.source, {domain.move.domain}, where=where, left=tables)


def _declared(declaration: Declaration, domain: Domain, contract: Contract, tables: Sequence[str]) -> Service:
    """Return the new service as `ecosystem.py` should declare it.

    Raises:
        UsageError: A route of the old service leads to the domain and to more, or its database's name is taken.
    """
    own = [Route(path=router.prefix) for router in contract.routers]
    exposes = tuple(route for route in domain.service.exposes if any(one.covers(route.path) for one in own))
    for route in domain.service.exposes:
        if route not in exposes and any(route.covers(one.path) for one in own):
            raise UsageError(
                f"service {domain.service.name!r} exposes {route.path}, which leads to {domain.name} and to more: "
                f"expose the paths of each domain by themselves in {ECOSYSTEM_FILE}."
            )
    resources = {resource.name: resource for resource in declaration.ecosystem.resources}
    if tables and f"{domain.name}-db" in resources:
        raise UsageError(f"there is a resource {domain.name}-db already, which the new service would need: rename it.")
    shared = tuple(name for name in domain.service.uses if not isinstance(resources[name], Database))
    return Service(
        name=domain.name,
        owner=domain.service.owner,
        uses=(*([f"{domain.name}-db"] if tables else []), *shared),
        emits=tuple(event for event in contract.emits if event in domain.service.emits),
        exposes=exposes,
    )


def _rehearse(domain: Domain, package_aside: Path, main: str) -> None:
    """Write the code of the old service, as it will be, to a folder aside."""
    shutil.copytree(domain.code, package_aside, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.rmtree(package_aside / domain.move.domain)
    (package_aside / "main.py").write_text(main, encoding="utf-8")


def _leave(domain: Domain, main: str, remaining: Contract) -> tuple[str, ...]:
    """Take the domain out of the service that it was in; return the folders that it had."""
    folders = [folder for folder in (domain.code / domain.move.domain, domain.tests) if folder.is_dir()]
    for folder in folders:
        shutil.rmtree(folder)
    (domain.code / "main.py").write_text(main, encoding="utf-8")
    contract, documents = domain.folder / CONTRACT_DIRECTORY, remaining.files()
    contract.mkdir(exist_ok=True)
    for file in contract.glob("*.json"):
        file.unlink()
    for name, text in documents.items():
        (contract / name).write_text(text, encoding="utf-8")
    return tuple(folder.relative_to(domain.folder.parents[1]).as_posix() for folder in folders)


def _notes(domain: Domain, tables: Sequence[str]) -> Iterator[str]:
    old, new = domain.service, domain.name
    if tables:
        yield (
            f"The rows of {', '.join(tables)} stay in the database of {old.name}, and nothing drops them. Once "
            f"{new} runs, this copies them: `{_moving_command(old.name, new)}`"
        )
    renamed = {before: after for before, after in domain.move.words.items() if before.startswith(f"{old.name}-")}
    for before, after in renamed.items():
        yield f"Its problem {before} is {after} from now on: clients that look for the old name need the new one."
    for edge in ("calls", "hears"):
        if named := getattr(old, edge):
            yield f"{old.name} {edge} {', '.join(named)}: where {new} does so, say it in {ECOSYSTEM_FILE}."
    project = domain.folder / "pyproject.toml"
    wanted = tomllib.loads(_read(project))["project"].get("dependencies", []) if project.is_file() else []
    if more := [one for one in wanted if not one.startswith("arnia")]:
        yield f"{old.name} depends on {', '.join(more)}: where {new} does so, add it to its pyproject.toml."


def _moving_command(old: str, new: str) -> str:
    """Return how rows are moved on the laptop; elsewhere the files with the URLs have other places."""
    urls = " ".join(f".arnia/secrets/{one}/{secret_file(one, 'database_url')}" for one in (old, new))
    return f"python {SERVICES_DIRECTORY}/{new}/{MOVE} {urls}"


def _words(name: str) -> Words:
    return Words(service=name, singular=singular_of(name))


def _modules(folder: Path) -> list[Path]:
    return [file for file in _files(folder) if file.suffix == ".py"]


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")

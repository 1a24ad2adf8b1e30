"""Templates become artefacts: a path and a text each. Pure; what is written where is decided elsewhere.

A template is a file of the folder `templates`, with `.txt` after its name so that no tool takes it for the real thing.
`<<word>>` stands for a word, in capitals in a path (`PACKAGE`, `RESOURCES`).
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from arnia.commands.scaffold.words import Words
from arnia.ecosystem import Resource, Service
from arnia.errors import UsageError

PLACEHOLDER: Final = re.compile(r"<<(\w+)>>")
SUFFIX: Final = ".txt"
NEUTRAL: Final = Words(service="qqqservice", singular="qqqthing")


def of_service(words: Words) -> dict[str, str]:
    """Return the files of a new service, below its own folder; its contract is left to its code.

    Raises:
        UsageError: The resource's name already means something in the code of every service.
    """
    if taken := words.forms() & reserved():
        raise UsageError(
            f"resource {words.singular!r}: {min(taken)} already means something in the code of every service: "
            "choose another with --resource."
        )
    return render("service", {**words.values(), "paths": f"`/api/v1/{words.plural}`"})


def of_extracted(words: Words, paths: str) -> dict[str, str]:
    """Return those files of a service that a domain does not bring along; it answers at `paths`."""
    package = words.values()["package"]
    made = render("service", {**words.values(), "paths": paths})
    return {
        path: made[path]
        for path in ("README.md", "pyproject.toml", "tests/test_conformance.py", f"src/{package}/py.typed")
    }


def moving(source: str, service: str, tables: Sequence[str]) -> str:
    """Return the program that copies the rows of `tables` from the database of `source` to that of `service`."""
    values = {
        "source": source,
        "service": service,
        "tables": ", ".join(tables),
        "names": " ".join(f'"{one}",' for one in tables),
    }
    return fill(_template("move_rows.py" + SUFFIX).read_text(encoding="utf-8"), values)


def of_ecosystem(name: str, first: Words) -> dict[str, str]:
    """Return the files of a new repository without its services, wheels and requirements."""
    return render("ecosystem", {**first.values(), "ecosystem": name})


def statement(words: Words, known: frozenset[str] = frozenset()) -> str:
    """Return what declares the service in an `ecosystem.py` that has already imported the names in `known`."""
    imported = _importing({"Database", "Route", "Service"} - known)
    return imported + fill(_template("statement.py" + SUFFIX).read_text(encoding="utf-8"), words.values()).rstrip()


def splitting(source: str, service: Service, resources: Sequence[Resource], known: frozenset[str] = frozenset()) -> str:
    """Return what takes `service` out of `source` in an `ecosystem.py` that has already imported `known`."""
    fields: dict[str, str | tuple[str, ...]] = {
        "name": service.name,
        "owner": service.owner,
        "uses": service.uses,
        "emits": service.emits,
    }
    lines = [f"{name}={_spell(value)}," for name, value in fields.items() if value]
    routes = ", ".join(
        f'Route(path="{route.path}"{", public=True" if route.public else ""})' for route in service.exposes
    )
    lines += [f"exposes=({routes},),"] if routes else []
    inside = "\n".join(f"        {line}" for line in lines)
    made = "".join(f'    {type(one).__name__}(name="{one.name}"),\n' for one in resources)
    needed = {"Service", *(type(one).__name__ for one in resources), *(["Route"] if routes else [])}
    statement = f'ecosystem = ecosystem.splitting(\n    "{source}",\n{made}    Service(\n{inside}\n    ),\n)'
    return _importing(needed - known) + statement


def known_names(declaration: str) -> frozenset[str]:
    """Return the names that the text of an `ecosystem.py` imports from `arnia.ecosystem`."""
    try:
        body = ast.parse(declaration).body
    except SyntaxError:
        return frozenset()
    froms = (node for node in body if isinstance(node, ast.ImportFrom) and node.module == "arnia.ecosystem")
    return frozenset(alias.name for node in froms for alias in node.names)


def reserved() -> frozenset[str]:
    """Return the names that the templates of a service use in their code."""
    texts = render("service", {**NEUTRAL.values(), "paths": ""})
    return frozenset(name for path, text in texts.items() if path.endswith(".py") for name in _bound(path, text))


def render(folder: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return every template below `folder`, filled in; paths are relative to it, with slashes."""
    found = dict(_walk(_template(folder), PurePosixPath()))
    return {_named(path, values): fill(text, values) for path, text in sorted(found.items())}


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with every placeholder replaced."""
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _importing(names: set[str] | frozenset[str]) -> str:
    return f"from arnia.ecosystem import {', '.join(sorted(names))}\n\n" if names else ""


def _spell(value: str | tuple[str, ...]) -> str:
    return f'"{value}"' if isinstance(value, str) else f"({', '.join(map(_spell, value))},)"


def _named(path: str, values: Mapping[str, str]) -> str:
    named = path.removesuffix(SUFFIX)
    for word in ("PACKAGE", "RESOURCES"):
        named = named.replace(word, values[word.lower()])
    return named


def _template(name: str) -> Traversable:
    return files("arnia.commands.scaffold") / "templates" / name


def _walk(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, at / entry.name)
        elif entry.name.endswith(SUFFIX):
            yield str(at / entry.name), entry.read_text(encoding="utf-8")


def _bound(path: str, text: str) -> Iterator[str]:
    """Yield the names that mean something in a module: its own, what it imports and what it gives a name."""
    yield PurePosixPath(path).stem
    tree = ast.parse(text)
    fields = {
        part.target for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in _annotated(node.body)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node not in fields:
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def _annotated(body: list[ast.stmt]) -> Iterator[ast.AnnAssign]:
    return (node for node in body if isinstance(node, ast.AnnAssign))

"""Check the directions of imports: the platform's contracts in pyproject.toml, and one set of contracts per service.

Every service has the same anatomy, so its contracts are written once, here, for whatever lies in `services/`.
"""

import configparser
import contextlib
import importlib.util
import io
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from importlinter import cli

Contract = dict[str, str | bool | list[str]]

PRIVATE: Final = ["ecosystem", "contracts", "synth", "gitops", "local", "testing", "commands", "cli"]
FRAMEWORK: Final = ["fastapi", "starlette", "uvicorn"]
STORE: Final = ["alembic", "asyncpg", "sqlalchemy"]
LAYERS: Final = ["api", "services", "repositories", "models"]


def services(root: Path) -> list[str]:
    """Return the packages of the services below `root`."""
    return sorted(path.parent.name for path in root.glob("services/*/src/*/__init__.py"))


def present(root: Path, package: str, parts: list[str]) -> list[str]:
    """Return those modules of `package` that exist; import-linter refuses to speak of others."""
    source = next(root.glob(f"services/*/src/{package.replace('.', '/')}"))
    return [f"{package}.{part}" for part in parts if (source / part).is_dir() or (source / f"{part}.py").is_file()]


def domains(root: Path, package: str) -> list[str]:
    """Return the domains of a service that has several: its packages that hold layers."""
    source = next(root.glob(f"services/*/src/{package}"))
    held = {layer.parent.name for name in LAYERS for layer in source.glob(f"*/{name}") if layer.is_dir()}
    return sorted(held - set(LAYERS))


def existing(root: Path, modules: list[str]) -> list[str]:
    """Return `modules` without those of the platform that are not there: import-linter refuses to speak of them."""
    layers = ([name for name in layer.split(" | ") if _is_there(root, name)] for layer in modules)
    return [" | ".join(layer) for layer in layers if layer]


def _is_there(root: Path, module: str) -> bool:
    module = module.partition(".*")[0]
    if not module.startswith("arnia"):
        return True
    if not (root / "src/arnia").is_dir():  # a repository that has the platform as a wheel
        return importlib.util.find_spec(module) is not None
    path = root / "src" / module.replace(".", "/")
    return (path / "__init__.py").is_file() or path.with_suffix(".py").is_file()


def of_service(root: Path, package: str, others: list[str]) -> Iterator[Contract]:
    """Yield the contracts of one service."""
    inside = [f"{package}.{domain}" for domain in domains(root, package)]
    for part in inside or [package]:
        yield from _layers(root, package, part)
    for domain in inside:
        yield {
            "name": f"{domain}: other domains know its face only",
            "type": "protected",
            "protected_modules": present(root, domain, [*LAYERS, "schemas"]),
            "allowed_importers": [domain, *present(root, package, ["main"])],
        }
    yield {
        "name": f"{package}: no other service, and nothing of the platform but the chassis",
        "type": "forbidden",
        "source_modules": [package],
        "forbidden_modules": others + existing(root, [f"arnia.{part}" for part in PRIVATE]),
    }


def _layers(root: Path, package: str, part: str) -> Iterator[Contract]:
    """Yield what holds inside the five layers of `part`: a service, or a domain of it."""
    yield {
        "name": f"{part}: main, api, services, repositories, models",
        "type": "layers",
        "layers": [*present(root, package, ["main"]), *present(root, part, LAYERS)],
    }
    yield {
        "name": f"{part}: schemas belong to api and services",
        "type": "forbidden",
        "source_modules": present(root, part, ["repositories", "models"]),
        "forbidden_modules": present(root, part, ["schemas"]),
    }
    yield from _externals(root, part)


def _externals(root: Path, package: str) -> Iterator[Contract]:
    for parts, forbidden, name in (
        (["api", "schemas"], STORE, "HTTP knows no database"),
        (["services"], FRAMEWORK + STORE, "business logic knows neither HTTP nor database"),
        (["repositories", "models"], FRAMEWORK, "persistence knows no HTTP"),
    ):
        yield {
            "name": f"{package}: {name}",
            "type": "forbidden",
            "source_modules": present(root, package, parts),
            "forbidden_modules": forbidden,
            "allow_indirect_imports": True,
        }


def configuration(root: Path) -> str:
    """Return one import-linter configuration for the platform and every service below `root`."""
    platform = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    packages = services(root)
    contracts: list[Contract] = [
        {key: existing(root, value) if isinstance(value, list) else value for key, value in contract.items()}
        for contract in platform["contracts"]
    ]
    contracts.append(
        {
            "name": "Commands reach a service through its process",
            "type": "forbidden",
            "source_modules": ["arnia"],
            "forbidden_modules": packages,
        }
    )
    for package in packages:
        contracts += of_service(root, package, [other for other in packages if other != package])
    parser = configparser.ConfigParser(interpolation=None)
    parser["importlinter"] = {
        "root_packages": _spell([*platform["root_packages"], *packages]),
        "include_external_packages": "True",
    }
    for number, contract in enumerate(contracts):
        if [] in contract.values():
            continue  # a tree without services, a service without that layer
        parser[f"importlinter:contract:{number}"] = {key: _spell(value) for key, value in contract.items()}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _spell(value: str | bool | list[str]) -> str:  # noqa: FBT001 - a value of a TOML file
    return "\n" + "\n".join(value) if isinstance(value, list) else str(value)


def check(root: Path) -> tuple[int, str]:
    """Check every contract below `root`; return an exit code and import-linter's report."""
    for source in (root / "src", *root.glob("services/*/src")):
        sys.path.insert(0, str(source))
    report = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(report):
        file = Path(folder) / "contracts.ini"
        file.write_text(configuration(root), encoding="utf-8")
        code = cli.lint_imports(config_filename=str(file), no_cache=True)
    return code, report.getvalue()


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    outcome, text = check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    if outcome:
        sys.stderr.write(text)
    sys.exit(outcome)

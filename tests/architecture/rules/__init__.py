"""The rules of the tree: each takes a root folder and returns one sentence per breach."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from tests.architecture.rules import (
    anatomy,
    contributing,
    documents,
    doors,
    externals,
    failures,
    ignores,
    inertness,
    names,
    persistence,
    proofs,
    sizes,
    texts,
    waiting,
)

Rule: TypeAlias = Callable[[Path], list[str]]

MODULES: Final = (
    anatomy,
    contributing,
    documents,
    doors,
    externals,
    failures,
    ignores,
    inertness,
    names,
    persistence,
    proofs,
    sizes,
    texts,
    waiting,
)
RULES: Final[dict[str, Rule]] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
}

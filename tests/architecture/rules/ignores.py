"""Honest ignores: each with its code and its reason, and few."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.architecture.rules.sources import EVERYTHING, PLATFORM, Source, read

__all__ = ["any_types", "counted", "explained"]

IGNORE: Final = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover)")
ANY: Final = re.compile(r"\bAny\b")
EXPLAINED: Final = re.compile(
    r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* - \w.+"
    r"|# type: ignore\[[a-z-]+(, ?[a-z-]+)*\]\s+(#|-) \w.+"
    r"|# pragma: no cover - \w.+"
)
PER_THOUSAND_IGNORES: Final = 2
PER_THOUSAND_ANY: Final = 5


def explained(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} ignores without a code and a reason: `# noqa: X1 - why`."
        for source in read(root, EVERYTHING)
        if any(not EXPLAINED.match(line, mark.start()) for line in source.lines for mark in IGNORE.finditer(line))
        for line, comment in _ignores(source)
        if not EXPLAINED.search(comment)
    ]


def counted(root: Path) -> list[str]:
    sources = read(root, PLATFORM)
    found = sum(1 for source in sources for _ in _ignores(source))
    return _over("ignores", found, sources, PER_THOUSAND_IGNORES)


def any_types(root: Path) -> list[str]:
    sources = read(root, PLATFORM)
    found = sum(
        1
        for source in sources
        for token in _tokens(source, ANY)
        if (token.type, token.string) == (tokenize.NAME, "Any")
    )
    imports = sum(1 for source in sources for _, name in source.imported() if name == "typing.Any")
    return _over("uses of Any", found - imports, sources, PER_THOUSAND_ANY)


def _over(what: str, found: int, sources: list[Source], most: int) -> list[str]:
    # A tree of a few lines may hold as many as one of a thousand.
    allowed = most * max(sum(len(source.lines) for source in sources), 1000) / 1000
    return (
        [f"The platform has {found} {what}; {allowed:.0f} would be the most for its size."] if found > allowed else []
    )


def _ignores(source: Source) -> Iterator[tuple[int, str]]:
    for token in _tokens(source, IGNORE):
        if token.type == tokenize.COMMENT and IGNORE.search(token.string):
            yield token.start[0], token.string


def _tokens(source: Source, wanted: re.Pattern[str]) -> Iterator[tokenize.TokenInfo]:
    """Yield the tokens of a file that says `wanted` somewhere: most do not, and to take one apart takes long."""
    text = "\n".join(source.lines) + "\n"
    return tokenize.generate_tokens(io.StringIO(text).readline) if wanted.search(text) else iter(())

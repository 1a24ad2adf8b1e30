"""YAML that every reader understands alike.

YAML 1.1 and 1.2 disagree on what a bare word is: `1e3`, `0o17`, `y`, `on`, `12:30` are numbers, booleans or strings,
depending on the reader, and Kubernetes' own (Go) agrees with none of the Python ones. So whatever is not plainly a
word is quoted, in the escapes that both versions share (YAML 1.2.2, section 5.7).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

Node: TypeAlias = "str | bool | int | Sequence[Node] | Mapping[str, Node]"

_WORD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?::[A-Za-z0-9_./-]+)*")
_RESERVED: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What some reader takes for a boolean or for nothing, in lower case."""


def to_yaml(document: Mapping[str, Node]) -> str:
    """Return `document` as block-style YAML with sorted keys and a newline at the end.

    Raises:
        ValueError: A text holds half of a surrogate pair, which no encoding can write.
    """
    return "".join(f"{line}\n" for line in (_mapping(document) if document else ["{}"]))


def scalar(text: str) -> str:
    """Return `text` bare where every reader takes it for this string, and double-quoted otherwise.

    Raises:
        ValueError: As `to_yaml`.
    """
    if _WORD.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return "\\n"
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    if 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"U+{code:04X} is half of a surrogate pair and no character.")
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _mapping(nodes: Mapping[str, Node]) -> Iterator[str]:
    for key in sorted(nodes):
        node = nodes[key]
        inline = _inline(node)
        if inline is not None:
            yield f"{scalar(key)}: {inline}"
            continue
        yield f"{scalar(key)}:"
        yield from (f"  {line}" for line in _block(node))


def _sequence(nodes: Sequence[Node]) -> Iterator[str]:
    for node in nodes:
        inline = _inline(node)
        lines = [inline] if inline is not None else _block(node)
        for number, line in enumerate(lines):
            yield f"{'  ' if number else '- '}{line}"


def _block(node: Node) -> Iterator[str]:
    if isinstance(node, Mapping):
        return _mapping(node)
    if isinstance(node, Sequence) and not isinstance(node, str):
        return _sequence(node)
    raise TypeError(f"{type(node).__name__} is nothing that a manifest holds.")


def _inline(node: Node) -> str | None:
    """Return what fits behind a key or a dash, None where a block has to follow."""
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, int):
        return str(node)
    if isinstance(node, str):
        return scalar(node)
    if node:
        return None
    return "{}" if isinstance(node, Mapping) else "[]"

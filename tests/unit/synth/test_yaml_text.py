"""What the emitter writes, every reader reads back as it was."""

import shutil
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from arnia.synth.yaml_text import Node, scalar, to_yaml

TRAPS: Final = (
    *("1e3", "1234e56", "0o17", "017", "0x1F", "0b1", "1_000", "12:30:45", "190:20:30", "1.5", ".5", "+1", "-1", "-"),
    *(".inf", "-.INF", ".nan", "2026-11-22", "2026-11-22T05:00:00Z", "y", "N", "yes", "No", "on", "OFF", "true"),
    *(
        "False",
        "null",
        "Null",
        "~",
        "",
        " ",
        "a: b",
        "a #b",
        "#a",
        "a:",
        ":a",
        "- a",
        "? a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
    ),
    *(
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "a,b",
        "'a'",
        '"a"',
        "\\",
        "a\nb",
        "a\tb",
        "\r",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *("é", "🐝", "<<", "=", "a.b", "a/b", "a:b", "http://drone-v1:80", "postgresql://", "...", "---", "()", "1234567"),
)
TEXTS: Final = st.one_of(
    st.sampled_from(TRAPS),
    st.text(max_size=30),
    st.text("0123456789abcdefxo_:.+-eETZ~ynYNosfOFrulN", max_size=8),
)
NODES: Final[st.SearchStrategy[Node]] = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def read_with_ruamel(version: tuple[int, int]) -> Callable[[str], object]:
    def read(text: str) -> object:
        reader = YAML(typ="safe", pure=True)
        reader.version = version
        return reader.load(StringIO(text))

    return read


READERS: Final[dict[str, Callable[[str], object]]] = {
    "PyYAML, YAML 1.1": yaml.safe_load,
    "libyaml, YAML 1.1": lambda text: yaml.load(text, Loader=yaml.CSafeLoader),
    "ruamel, YAML 1.1": read_with_ruamel((1, 1)),
    "ruamel, YAML 1.2": read_with_ruamel((1, 2)),
}


@given(document=st.dictionaries(TEXTS, NODES, max_size=4))
@settings(max_examples=150, deadline=None)
def test_every_reader_reads_back_what_was_written(document: dict[str, Node]) -> None:
    """Whatever a manifest may hold comes back the same, by the rules of YAML 1.1 and of 1.2."""
    text = to_yaml(document)
    assert {name: read(text) for name, read in READERS.items()} == dict.fromkeys(READERS, document)


@pytest.mark.parametrize("text", TRAPS)
def test_what_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    """A text is bare only when it begins like a word and is none that means something."""
    bare = scalar(text) == text
    assert bare == (text in {"a.b", "a/b", "a:b", "http://drone-v1:80", "postgresql://"})


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl, which brings Kubernetes' own reader")
def test_the_reader_of_kubernetes_reads_back_what_was_written(tmp_path: Path) -> None:
    """Kubectl's reader, written in Go, sees the same texts; every value of a ConfigMap must be a string to it."""
    # What its own writer makes of these three no Python reader accepts.
    data = {f"k{number}": text for number, text in enumerate(TRAPS) if text not in {"<<", "=", "\x85"}}
    manifest: dict[str, Node] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "traps"}, "data": data}
    (tmp_path / "traps.yaml").write_text(to_yaml(manifest), encoding="utf-8")
    (tmp_path / "kustomization.yaml").write_text(to_yaml({"resources": ["traps.yaml"]}), encoding="utf-8")
    done = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert read_with_ruamel((1, 2))(done.stdout) == manifest


def test_keys_are_sorted_and_empty_collections_are_visible() -> None:
    """The same document is the same text in whatever order it was built, and emptiness is said, not left out."""
    assert to_yaml({"b": [], "a": {"d": {}, "c": [{"f": 1, "e": ["x"]}]}}) == (
        "a:\n  c:\n    - e:\n        - x\n      f: 1\n  d: {}\nb: []\n"
    )
    assert to_yaml({}) == "{}\n"


def test_half_a_character_is_refused() -> None:
    """A lone surrogate has no bytes, so it is an error here and not in the cluster."""
    with pytest.raises(ValueError, match="U\\+D83D is half"):
        scalar("\ud83d")


def test_what_no_manifest_holds_is_refused() -> None:
    """A number with a fraction has as many spellings as readers; it is refused before it is written."""
    with pytest.raises(TypeError, match="float"):
        to_yaml({"a": 0.5})  # type: ignore[dict-item]  # this is what the test is about

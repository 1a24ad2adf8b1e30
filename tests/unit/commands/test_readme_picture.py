"""The picture that the README shows."""

from pathlib import Path

from arnia import commands

ROOT = Path(__file__).parents[3]


def test_picture_of_the_readme_is_the_ecosystem_as_declared() -> None:
    """`docs/ecosystem.svg` is what `arnia graph --format svg` prints now."""
    drawn = commands.graph(file=ROOT / "ecosystem.py", format="svg").text()
    assert (ROOT / "docs" / "ecosystem.svg").read_text() == drawn.rstrip("\n") + "\n", (
        "run: .venv/bin/arnia graph --format svg > docs/ecosystem.svg"
    )

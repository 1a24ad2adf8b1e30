"""What the suite does not try on the services of this repository: each rule by name, with its reason, and no other."""

import ast
import importlib.util
import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import honest.main
import kettle.main
import pytest

from arnia.testing import conformance
from arnia.testing.conformance import ServiceConformance
from arnia.testing.conformance.suite import FACETS, ServiceSuite, surface_of

ROOT: Final = Path(__file__).parents[2]
SKIPPED: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    Path(__file__).with_name("skips.json").read_text(encoding="utf-8")
)
"""Of each service the rules that its suite does not try, and why: what joins them has to be looked at."""


class Honest(ServiceConformance):
    """Never collected: it only tells what it would skip."""

    application = staticmethod(honest.main.create)


class Kettle(ServiceConformance):
    """As `Honest`."""

    application = staticmethod(kettle.main.create)


def _suite(name: str) -> type[ServiceSuite]:
    """Return the suite of a sample, or that in the test file of a service."""
    samples = {"honest": Honest, "kettle": Kettle}
    if name in samples:
        return samples[name]
    path = ROOT / "services" / name / "tests" / "test_conformance.py"
    spec = importlib.util.spec_from_file_location(f"conformance_of_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    suite: type[ServiceSuite] = module.TestConformance
    return suite


@pytest.mark.parametrize("name", sorted(SKIPPED))
def test_nothing_else_is_skipped(name: str) -> None:
    """A service's suite skips exactly the rules that are listed here, each for the reason that is listed."""
    suite = _suite(name)
    surface = surface_of(suite)
    skipped = dict(suite.untried)
    for rule in (each for each in dir(suite) if each.startswith("test_")):
        for facet in inspect.signature(getattr(suite, rule)).parameters:
            if facet in FACETS and not FACETS[facet][0](surface):
                skipped[rule] = FACETS[facet][1]
    assert skipped == SKIPPED[name]


def test_every_service_is_listed() -> None:
    """No service of the repository is left out of the list."""
    assert {path.parents[1].name for path in ROOT.glob("services/*/tests/test_conformance.py")} <= set(SKIPPED)


def test_only_an_excuse_skips() -> None:
    """Nothing in the suite skips a test on its own: it gives up, which fails unless the service's file excuses it."""
    skips = [
        path.name
        for path in Path(str(conformance.__file__)).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "xfail", "importorskip")
    ]
    assert sorted(skips) == ["service.py", "suite.py"]

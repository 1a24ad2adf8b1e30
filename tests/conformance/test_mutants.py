"""The suite itself is tested: break one rule of a service that keeps all, and it goes red and names the rule."""

import copy
import inspect
from collections.abc import Iterator

import pytest
from breaches import BROKEN, Broken
from honest.main import create
from mutants import Mutant

from arnia.testing.conformance import Nonconformance, ServiceConformance
from arnia.testing.conformance.process import ProcessRules
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import FACETS, ServiceSuite
from arnia.testing.conformance.surface import Surface


class TestTheSuite(ServiceSuite):
    """What the suite says of a broken service."""

    application = staticmethod(create)

    @pytest.mark.parametrize("name", sorted(BROKEN))
    def test_a_broken_rule_is_found_and_named(self, request: pytest.FixtureRequest, name: str) -> None:
        """A service that breaks one rule fails the test of that rule, with its number in the message."""
        broken = BROKEN[name]
        service = request.getfixturevalue(_wanted(broken.test)[0] or "service")
        others: list[str] = []
        for finding in _findings(_suspect(service, broken), broken.test):
            if finding.rule == broken.rule:
                assert f"rule {broken.rule}: " in str(finding)
                return
            others.append(str(finding))
        pytest.fail(f"{broken.test} did not notice {name}, but found {others}")


def test_every_rule_is_broken_once() -> None:
    """Each test of the suite that one process can pass has a mutant that fails it; test_flaws.py has the others."""
    rules = {name for name in dir(ServiceConformance) if name.startswith("test_")} - set(vars(ProcessRules))
    assert {broken.test for broken in BROKEN.values()} == rules


def _suspect(service: RunningService, broken: Broken) -> RunningService:
    surface = service.surface
    if broken.document is not None:
        document = copy.deepcopy(surface.document)
        broken.document(document)
        surface = Surface(document, surface.versions)
    mutant = Mutant(service.app, broken.ask, broken.tell)
    return RunningService(mutant, surface, {}, service.runner, service.log, service.issuer)


def _wanted(test: str) -> tuple[str | None, str | None]:
    """Return which running service `test` asks for, and which places of it."""
    asked = list(inspect.signature(getattr(ServiceConformance, test)).parameters)[1:]
    services = [name for name in asked if name in ("service", "probed", "ended")]
    places = [name for name in asked if name in FACETS]
    return next(iter(services), None), next(iter(places), None)


def _findings(service: RunningService, test: str) -> Iterator[Nonconformance]:
    """Yield what `test` of the suite finds, place by place."""
    judge = getattr(ServiceConformance(), test)
    served, facet = _wanted(test)
    given: dict[str, object] = {} if served is None else {served: service}
    for place in [None] if facet is None else FACETS[facet][0](service.surface):
        try:
            judge(**given, **({} if facet is None else {facet: place}))
        except Nonconformance as finding:
            yield finding

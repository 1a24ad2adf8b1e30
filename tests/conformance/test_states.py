"""The suite finds its way through the states of a service by itself, and what it cannot try it does not pass."""

from typing import ClassVar, Final

import pytest
from kettle.main import create

from arnia.testing.conformance.findings import Untried
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.states import enter, reach, situations, ways
from arnia.testing.conformance.suite import ServiceSuite

MEMBER: Final = "/api/v1/brews/{brew_id}"


class TestStates(ServiceSuite):
    """A service whose third step comes after the second, and that after the first."""

    application = staticmethod(create)

    def test_the_ways_lead_to_every_state(self, service: RunningService) -> None:
        """Following links from a new resource finds each state once, by a shortest way."""
        assert ways(service, MEMBER) == [("proceed",) * steps for steps in range(4)]

    def test_a_part_behind_steps_is_reached(self, service: RunningService) -> None:
        """A part that comes to be after three steps can be read after them."""
        assert service.get(reach(service, f"{MEMBER}/tasting")).status == 200

    def test_a_step_is_legal_before_and_after_it_is_taken(self, service: RunningService) -> None:
        """A step is tried where it makes something, and where it says the same again."""
        step = service.surface.find("PUT", f"{MEMBER}/pouring")
        assert step is not None
        found = situations(service, step)
        assert [(each.way, each.present) for each in found] == [(("proceed",), False), (("proceed",) * 2, True)]
        assert [service.send(enter(service, step, each)).status for each in found] == [201, 204]

    def test_what_cannot_be_tried_is_a_failure(self, service: RunningService) -> None:
        """A rule that finds no state to be tried in fails."""
        with pytest.raises(Untried, match=r"rule untried: .*nobody comes here"):
            service.give_up("nobody comes here")


class TestExcuses(ServiceSuite):
    """What a service's file excuses."""

    application = staticmethod(create)
    untried: ClassVar[dict[str, str]] = {"test_an_excuse_skips": "nothing is there"}

    def test_an_excuse_skips(self, service: RunningService) -> None:
        """A test that the file names is skipped, with its reason."""
        with pytest.raises(pytest.skip.Exception, match=r"nothing is there .because"):
            service.give_up("because")

    def test_others_are_not_excused(self, service: RunningService) -> None:
        """An excuse is for the test that it names, and no other."""
        with pytest.raises(Untried):
            service.give_up("because")

"""The attack suite itself is tested: a service that falls for one attack turns it red."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from gullible import GULLIBLE, Gullible, confused
from honest.main import create
from mutants import Mutant

from arnia.testing.attacks import CREDENTIALS, MEMBERS, PLACES, PRIVILEGES, AttackedService
from arnia.testing.attacks.trap import Trap
from arnia.testing.conformance import Nonconformance
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import FACETS
from arnia.testing.issuer import TestIssuer
from arnia.testing.sockets import exchange

SOCKETS = "test_no_connection_is_confused"


class TestHonest(AttackedService):
    """A service that keeps every rule falls for nothing; one that is gullible is found out."""

    application = staticmethod(create)

    @pytest.mark.parametrize("name", sorted(GULLIBLE))
    def test_a_gullible_service_is_found_out(
        self, service: RunningService, unknown_issuer: TestIssuer, name: str
    ) -> None:
        """A service that falls for one attack fails the test that tries it."""
        gullible = GULLIBLE[name]
        mutant = Mutant(service.app, gullible.ask, gullible.tell)
        suspect = RunningService(mutant, service.surface, {}, service.runner, service.log, service.issuer)
        with Trap() as trap:
            given = {"service": suspect, "trap": trap, "unknown_issuer": unknown_issuer}
            found = next(_findings(suspect, gullible, given), None)
        assert found is not None, f"{gullible.test} did not notice {name}"
        assert found.rule == "attack", str(found)

    def test_a_confused_connection_is_found_out(self, service: RunningService, tmp_path: Path) -> None:
        """A server that takes the token of one request for the next one's fails the test over sockets."""
        with (
            confused(tmp_path, service.token) as process,
            pytest.raises(Nonconformance, match="a token of the request before opens nothing"),
        ):
            self.test_no_connection_is_confused(process, service)


def test_every_attack_has_a_gullible_service() -> None:
    """No test of the suite is without a service that fails it."""
    tests = {name for name in dir(AttackedService) if name.startswith("test_")}
    assert {gullible.test for gullible in GULLIBLE.values()} == tests - {SOCKETS}


def test_the_list_is_long() -> None:
    """There are more attacks than anybody would write for one operation by hand, each under its own name."""
    assert len({*CREDENTIALS, *PLACES, *PRIVILEGES, *MEMBERS}) > 250


def test_a_trap_notices_whoever_comes() -> None:
    """Whoever connects to a trap is caught, with the first line of what it asks."""
    with Trap() as trap:
        port = int(trap.url.rpartition(":")[2])
        exchange(port, b"GET /keys.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert trap.caught == ["GET /keys.json HTTP/1.1"]


def _findings(service: RunningService, gullible: Gullible, given: dict[str, object]) -> Iterator[Nonconformance]:
    """Yield what the suite finds, place by place."""
    judge = getattr(AttackedService(), gullible.test)
    asked = list(inspect.signature(judge).parameters)
    facet = next((name for name in asked if name in FACETS), None)
    for place in [None] if facet is None else FACETS[facet][0](service.surface):
        try:
            judge(**{name: place if name == facet else given[name] for name in asked})
        except Nonconformance as finding:
            yield finding

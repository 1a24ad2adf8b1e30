"""The hostile corpus is large, and its suite notices a service that it harms."""

import inspect

import pytest
from honest.main import create
from mutants import Change, Mutant, Told, instead_of

from arnia.testing.conformance import Nonconformance
from arnia.testing.conformance.service import RunningService
from arnia.testing.conformance.suite import FACETS, ServiceSuite
from arnia.testing.hostile import BODIES, FRAMES, HEADERS, QUERIES, SEGMENTS, TARGETS, VALUES, HostileService


def _plain(told: Told) -> None:
    if told.status >= 400:
        told.headers["content-type"] = "text/html"


def _echo(told: Told) -> None:
    document = told.document
    if told.status >= 400 and isinstance(document, dict):
        told.tell({**document, "detail": str(told.scope["headers"]) + str(told.scope["query_string"])})


def test_the_corpus_is_large() -> None:
    """There are more than 200 hostile things in it, each with a name of its own."""
    parts = (BODIES, VALUES, HEADERS, QUERIES, SEGMENTS, TARGETS, FRAMES)
    assert sum(len(part) for part in parts) > 400


class TestTheHostileSuite(ServiceSuite):
    """What the hostile suite says of a service that can be harmed."""

    application = staticmethod(create)

    @pytest.mark.parametrize(
        ("test", "harm"),
        [
            ("test_hostile_bodies", instead_of(400, 500)),
            ("test_hostile_bodies", _plain),
            ("test_hostile_values", instead_of(422, 500)),
            ("test_hostile_headers", _echo),
            ("test_hostile_queries", _echo),
            ("test_hostile_queries", _plain),
            ("test_hostile_identities", instead_of(422, 500)),
            ("test_hostile_paths", _plain),
        ],
    )
    def test_harm_is_noticed(self, service: RunningService, test: str, harm: Change) -> None:
        """A 5xx, an error that is no problem document and an echo each turn the suite red."""
        suspect = RunningService(
            Mutant(service.app, None, harm), service.surface, {}, service.runner, service.log, service.issuer
        )
        method = getattr(HostileService(), test)
        facets = [name for name in inspect.signature(method).parameters if name != "service"]
        places = [place for facet in facets for place in FACETS[facet][0](service.surface)]

        def send_all() -> None:
            for place in places:
                if test != "test_hostile_identities" or "{" in place.template:
                    method(suspect, place)
            if not facets:
                method(suspect)

        with pytest.raises(Nonconformance, match="rule hostile"):
            send_all()

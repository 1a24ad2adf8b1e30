"""No attack on the identity service succeeds."""

import pytest
from services.identity.tests import test_conformance as conformance
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.testing.attacks import AttackedService
from arnia.testing.issuer import TestIssuer
from identity.main import create

issuer = conformance.issuer
known = conformance.known


class TestAttacked(AttackedService):
    """Attacks every operation of the service."""

    application = staticmethod(create)
    settings = conformance.TestConformance.settings
    examples = conformance.TestConformance.examples

    @classmethod
    @override
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        suite: TestIssuer = request.getfixturevalue("issuer")
        return {**super().given(application, request), "jwks_url": suite.jwks_url}

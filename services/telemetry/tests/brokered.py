"""The suites over this service run it with a broker: without one it takes nothing."""

import pytest
from typing_extensions import override

from arnia.chassis.application import Application
from arnia.local.servers.nats import Nats
from arnia.testing.conformance.suite import ServiceSuite
from telemetry.main import create


class BrokeredSuite(ServiceSuite):
    """A suite over the service and the broker of the test's module."""

    application = staticmethod(create)

    @classmethod
    @override
    def given(cls, application: Application, request: pytest.FixtureRequest) -> dict[str, object]:
        nats: Nats = request.getfixturevalue("nats")
        return {**super().given(application, request), "broker_url": nats.url_of("telemetry"), "role": "all"}

"""Every rule of an HTTP API, proven over this service and a real PostgreSQL."""

from arnia.testing.conformance import ServiceConformance
from telemetry.main import create


class TestConformance(ServiceConformance):
    """The suite finds out from the service's own OpenAPI document what there is to prove."""

    application = staticmethod(create)

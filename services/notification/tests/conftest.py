"""What every test of this service may ask for."""

from pathlib import Path

import pytest

from arnia.testing.plugin import ServiceSchema
from notification.models.tables import Base


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give test databases the tables of this service."""
    return ServiceSchema(Base.metadata, Path(__file__).parents[1] / "migrations")

"""What every test of the scheduler may ask for."""

from pathlib import Path

import pytest

from arnia.testing.issuer import TestIssuer
from arnia.testing.plugin import ServiceSchema
from scheduler.models.tables import Base


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give test databases the tables of this service."""
    return ServiceSchema(Base.metadata, Path(__file__).parents[1] / "migrations")


@pytest.fixture(scope="session")
def bearer(issuer: TestIssuer) -> dict[str, str]:
    """Return the header of an operator who may do everything."""
    scopes = ["assignments:read", "assignments:write"]
    token = issuer.token(audience="scheduler", scopes=scopes, roles=["operator"], seconds=86_400)
    return {"Authorization": f"Bearer {token}"}

"""Gives the tests of the data half a database with the tables of the smallest service."""

from pathlib import Path

import pytest

from arnia.testing.parcels import ParcelModel
from arnia.testing.plugin import ServiceSchema


@pytest.fixture(scope="session")
def service_schema() -> ServiceSchema:
    """Give the schema of the smallest service."""
    return ServiceSchema(ParcelModel.metadata, Path(__file__).parent / "migrations")

"""What every test of the drone service may ask for."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which the service runs on."""
    return "asyncio"

"""A florist in this process, whose nursery is a scripted upstream on a real socket."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from tests.client import garden
from tests.client.scripted import Scripted, scripted

from arnia.testing.http import AsgiClient, Lifespan

Florist = Callable[..., Awaitable[AsgiClient]]


@pytest.fixture
async def nursery() -> AsyncIterator[Scripted]:
    """Give the upstream."""
    async with scripted() as running:
        yield running


@pytest.fixture
async def florist(nursery: Scripted) -> AsyncIterator[Florist]:
    """Give what starts a florist; arguments are settings of its nursery."""
    async with AsyncExitStack() as stack:

        async def start(url: str = "", **settings: object) -> AsgiClient:
            app = garden.create().asgi(garden.settings(url or nursery.url, **settings))
            await stack.enter_async_context(Lifespan(app))
            return AsgiClient(app)

        yield start

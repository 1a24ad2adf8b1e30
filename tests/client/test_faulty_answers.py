"""What a declared client says of an answer that is not what its view needs, and what it keeps beside it."""

import time
from collections.abc import AsyncIterator

import pytest
from tests.client.garden import Plant
from tests.client.scripted import Say, Scripted

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.calls import Caller
from arnia.chassis.client import Client, Origin, get
from arnia.chassis.dependency import Dependency
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import TransportOptions
from arnia.errors import UpstreamFailed


class Planted(Plant):
    """A plant among others."""

    sister: "Planted | None" = None


class Taker(Client, service="nursery"):
    """Counts what there is, and looks at one plant in two ways."""

    @get("/stock")
    async def count(self) -> dict[str, dict[str, int]]: ...

    @get("/beds")
    async def look_around(self) -> dict[str, Planted]: ...

    @get("/plants/rose", cached=True)
    async def remember(self) -> Plant: ...

    @get("/plants/rose")
    async def look(self) -> Plant: ...


@pytest.fixture
async def taker(nursery: Scripted) -> AsyncIterator[Taker]:
    """Give the client of one request."""
    transport = PyreqwestTransport(TransportOptions(url=nursery.url))
    caller = Caller(Dependency("nursery", CallPolicy()), transport, None, AnswerCache())
    yield Taker(caller, Origin(deadline=time.monotonic() + 30))
    await caller.close()


async def test_a_name_that_the_other_side_made_up_is_not_repeated(taker: Taker, nursery: Scripted) -> None:
    """A fault says where it is by the names of its view's fields; the key of a map is a question mark."""
    nursery.always = Say(document={"bob": {"<b>4111 1111</b>\r\n": "hunter2"}, "x" * 300: {"red": None}})
    with pytest.raises(UpstreamFailed) as caught:
        await taker.count()
    assert caught.value.detail.endswith("something else: ?.? (int_parsing), ?.? (int_type).")
    nursery.always = Say(document={"roses": {"name": 7, "height": "hunter2", "sister": {"name": 8}}})
    with pytest.raises(UpstreamFailed) as caught:
        await taker.look_around()
    told = "?.name (string_type), ?.height (float_parsing), ?.sister.name (string_type)"
    assert caught.value.detail.endswith(f"something else: {told}.")


async def test_a_read_forgets_nothing(taker: Taker, nursery: Scripted) -> None:
    """A read of the same that may not be kept leaves what is kept: only a write makes it worthless."""
    nursery.always = Say(headers={"cache-control": "max-age=600"})
    await taker.remember()
    await taker.look()
    await taker.remember()
    assert len(nursery) == 2

"""Declared calls that insist on a version of what they change, and learn the version of what they read."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from tests.client.garden import Plant, Wish
from tests.client.scripted import Say, Scripted

from arnia.chassis.answer_cache import AnswerCache
from arnia.chassis.call_policy import CallPolicy
from arnia.chassis.calls import Caller
from arnia.chassis.client import Client, Origin, Versioned, delete, get, patch, put
from arnia.chassis.dependency import Dependency
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import TransportOptions
from arnia.errors import Unavailable, UpstreamFailed, UpstreamRefused

ROSE = UUID(int=1)


class Gardener(Client, service="nursery"):
    """Changes plants as it has seen them, and no others."""

    @get("/plants/{plant_id}", cached=True)
    async def read(self, plant_id: UUID) -> Versioned[Plant]: ...

    @put("/plants/{plant_id}")
    async def replace(self, plant_id: UUID, body: Wish, if_match: str | None = None) -> Versioned[None]: ...

    @put("/plants/{plant_id}/place", keyed=True)
    async def move(self, plant_id: UUID, body: Wish, *, idempotency_key: str) -> None: ...

    @patch("/plants/{plant_id}")
    async def change(self, plant_id: UUID, body: Wish, if_match: str) -> Versioned[Plant]: ...

    @delete("/plants/{plant_id}")
    async def fell(self, plant_id: UUID, *, if_match: str) -> None: ...


@pytest.fixture
async def gardener(nursery: Scripted) -> AsyncIterator[Gardener]:
    """Give the client of one request."""
    transport = PyreqwestTransport(TransportOptions(url=nursery.url))
    caller = Caller(Dependency("nursery", CallPolicy()), transport, None, AnswerCache())
    yield Gardener(caller, Origin(deadline=time.monotonic() + 30))
    await caller.close()


async def test_a_version_goes_there_and_back(gardener: Gardener, nursery: Scripted) -> None:
    """What is read brings its ETag; a change sends it as If-Match, not in the query, and brings the new one."""
    nursery.script.append(Say(headers={"etag": '"1-a"'}))
    nursery.script.append(Say(headers={"etag": '"2-a"'}))
    nursery.script.append(Say(204, headers={"etag": '"3-a"'}))
    nursery.script.append(Say(204))
    read = await gardener.read(ROSE)
    assert (read.value.name, read.etag) == ("rose", '"1-a"')
    changed = await gardener.change(ROSE, Wish(stems=1), read.etag)
    replaced = await gardener.replace(ROSE, Wish(stems=2), if_match=changed.etag)
    assert replaced == Versioned(None, '"3-a"')
    await gardener.fell(ROSE, if_match=replaced.etag)
    assert [seen.headers.get("if-match") for seen in nursery.seen] == [None, '"1-a"', '"2-a"', '"3-a"']
    assert {seen.target for seen in nursery.seen} == {f"/api/v1/plants/{ROSE}"}


async def test_what_may_come_twice_comes_with_one_key(gardener: Gardener, nursery: Scripted) -> None:
    """A retried write that insists on a version has one key for all attempts; one that cannot be repeated has none."""
    for _ in range(2):
        nursery.script.extend([Say(503), Say(204, headers={"etag": '"2-a"'})])
    await gardener.replace(ROSE, Wish(stems=2), if_match='"1-a"')
    await gardener.fell(ROSE, if_match='"2-a"')
    keys = [seen.headers.get("idempotency-key", "") for seen in nursery.seen]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert "" != keys[0] != keys[2] != ""
    nursery.always = Say(headers={"etag": '"3-a"'})
    await gardener.replace(ROSE, Wish(stems=2))
    await gardener.change(ROSE, Wish(stems=1), '"3-a"')
    assert ["idempotency-key" in seen.headers for seen in nursery.seen[4:]] == [False, False]


async def test_an_attempt_that_still_runs_is_waited_for(gardener: Gardener, nursery: Scripted) -> None:
    """A 409 because the first attempt still runs is no refusal: it is asked again, and in the end nobody knows."""
    running = Say(409, {"type": "/problems/idempotency-in-progress"}, {"content-type": "application/problem+json"})
    nursery.script.extend([running, Say(204)])
    await gardener.fell(ROSE, if_match='"1-a"')
    assert len(nursery) == 2
    nursery.always = running
    with pytest.raises(Unavailable, match="nobody knows yet"):
        await gardener.fell(ROSE, if_match='"1-a"')
    assert len(nursery) == 5


@pytest.mark.parametrize(("retries", "retried_above"), [(0, False), (1, True)])
async def test_what_comes_once_has_no_key(nursery: Scripted, retries: int, *, retried_above: bool) -> None:
    """A write that this client will not repeat costs its provider no record."""
    nursery.always = Say(204)
    dependency = Dependency("nursery", CallPolicy(retries=retries))
    caller = Caller(dependency, PyreqwestTransport(TransportOptions(url=nursery.url)), None, AnswerCache())
    gardener = Gardener(caller, Origin(deadline=time.monotonic() + 30, retried_above=retried_above))
    await gardener.fell(ROSE, if_match='"1-a"')
    await caller.close()
    assert "idempotency-key" not in nursery.seen[0].headers


async def test_a_key_of_the_callers_own(gardener: Gardener, nursery: Scripted) -> None:
    """A keyed PUT sends the key that it is given, so that the same intent is known again after a crash."""
    nursery.always = Say(204)
    await gardener.move(ROSE, Wish(stems=1), idempotency_key="intent-7")
    assert nursery.seen[0].headers["idempotency-key"] == "intent-7"


async def test_none_insists_on_nothing(gardener: Gardener, nursery: Scripted) -> None:
    """A write that may go without a version sends none where none is given."""
    nursery.always = Say(204, headers={"etag": '"1-a"'})
    await gardener.replace(ROSE, Wish(stems=2))
    assert "if-match" not in nursery.seen[0].headers


async def test_a_version_that_is_gone_is_a_refusal(gardener: Gardener, nursery: Scripted) -> None:
    """A 412 is the caller's to handle: somebody else was faster."""
    nursery.always = Say(412)
    with pytest.raises(UpstreamRefused) as caught:
        await gardener.change(ROSE, Wish(stems=1), '"1-a"')
    assert caught.value.status == 412


async def test_a_kept_answer_knows_its_version(gardener: Gardener, nursery: Scripted) -> None:
    """Where a cached read is answered by a 304, its ETag is told as after the first."""
    nursery.script.append(Say(headers={"etag": '"1-a"', "cache-control": "no-cache"}))
    nursery.script.append(Say(304, headers={"etag": '"1-a"'}))
    assert await gardener.read(ROSE) == await gardener.read(ROSE)
    assert nursery.seen[1].headers["if-none-match"] == '"1-a"'


async def test_an_answer_without_a_version_is_no_answer(gardener: Gardener) -> None:
    """Whoever reads a version and is told none could change nothing safely: that is the provider's fault."""
    with pytest.raises(UpstreamFailed, match="without an ETag"):
        await gardener.read(ROSE)


@pytest.mark.parametrize("tag", ['"1"\r\nx-evil: 1', '"é"'])
async def test_no_header_comes_in_with_a_version(gardener: Gardener, nursery: Scripted, tag: str) -> None:
    """An ETag that holds a line break never leaves."""
    with pytest.raises(ValueError, match="printable ASCII"):
        await gardener.fell(ROSE, if_match=tag)
    assert len(nursery) == 0

"""Turns: the event loop is given no more at once than it can put aside, and whoever is refused is told on arrival."""

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest
import uvicorn
import uvloop
from tests.unit.chassis_observing import observed_service
from typing_extensions import override
from uvicorn.server import ServerState

from arnia.chassis.overload import BURST_SECONDS, TURN_SECONDS, Overload
from arnia.chassis.process import ProblemProtocol
from arnia.chassis.spine import Spine
from arnia.chassis.turns import MOST_LOOKS, SLICE_SECONDS, Turns

REQUEST = b"GET /api/v1/things/quick HTTP/1.1\r\nHost: x\r\n\r\n"
CALLERS = 20
POST = b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


def _paced(pace: float) -> Turns:
    """Return turns that have seen two requests begin, `pace` seconds after one another."""
    turns = Turns()
    first, second = (turns.take(lambda: None) for _ in range(2))
    turns.begins(first, 1.0)
    turns.begins(second, 1.0 + pace)
    return turns


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)


def test_how_long_one_would_wait_is_known_beforehand() -> None:
    """So many are before it, and each takes as long as lay between two that began while others waited."""
    turns = _paced(0.004)
    assert turns.expected == 0
    tickets = [turns.take(lambda: None) for _ in range(2)]
    assert turns.expected == pytest.approx(0.008)
    turns.begins(tickets[0], 5.0)
    assert turns.expected == pytest.approx(0.004)
    turns.begins(tickets[1], 5.004)
    turns.begins(turns.take(lambda: None), 99.0)  # nobody waited for it: this is no pace
    turns.take(lambda: None)
    assert turns.expected == pytest.approx(0.004)


def test_one_that_was_given_up_is_not_waited_for() -> None:
    """A turn that never comes is passed over by the next one."""
    turns = _paced(0.004)
    _, last = (turns.take(lambda: None) for _ in range(2))
    turns.begins(last, 9.0)
    assert turns.expected == 0


def test_what_is_not_measured_any_more_is_believed_less() -> None:
    """Whoever was slow once is asked again, since one that nobody lets wait can show nothing."""
    turns = _paced(0.004)
    turns.take(lambda: None)
    turns.forget()
    assert turns.expected == pytest.approx(0.004)
    turns.forget()
    assert turns.expected == pytest.approx(0.002)


async def test_a_burst_is_begun_in_slices_and_in_its_order() -> None:
    """Between two slices the loop looks at what has arrived, and nobody who comes then is before those who wait."""
    turns, begun = _paced(SLICE_SECONDS / 2), list[int]()

    for number in range(8):
        turns.take(partial(begun.append, number))
    at_once = len(begun)
    assert 1 <= at_once <= 4
    await _until(lambda: len(begun) > at_once)
    assert begun == [*range(at_once + 2)]
    turns.take(partial(begun.append, 8))
    await _until(lambda: len(begun) == 9)
    assert begun == [*range(9)]


def test_new_connections_are_taken_in_before_there_is_more_work() -> None:
    """The loop takes in one connection each time it looks; between two slices it looks until all are heard."""

    class Heard(asyncio.Protocol):
        @override
        def data_received(self, data: bytes) -> None:
            turns.notice()
            heard.append(len(begun))

    async def knock() -> None:
        server = await asyncio.get_running_loop().create_server(Heard, "127.0.0.1", 0)
        with ExitStack() as connections:
            for _ in range(2 * CALLERS):
                caller = connections.enter_context(socket.create_connection(server.sockets[0].getsockname()))
                caller.sendall(b"knock")
            for number in range(2 * CALLERS):
                turns.take(partial(begun.append, number))
            await _until(lambda: len(heard) == 2 * CALLERS)
        server.close()

    turns, begun, heard = _paced(SLICE_SECONDS), list[int](), list[int]()
    uvloop.run(knock())
    assert heard[CALLERS - 1] - heard[0] <= 1
    assert heard[-1] <= CALLERS / 4


async def test_who_arrives_does_not_hold_up_who_waits_for_ever() -> None:
    """While somebody arrives whenever the loop looks, whoever waits gets a turn every so often."""
    turns, begun = _paced(SLICE_SECONDS), list[int]()
    for number in range(5):
        turns.take(partial(begun.append, number))
    for _ in range(6 * MOST_LOOKS):
        turns.notice()
        await asyncio.sleep(0)
    assert begun == [*range(5)]


async def test_one_that_cannot_begin_holds_up_nobody_else() -> None:
    """Whoever waits behind it has a turn all the same, and the loop is told what went wrong."""
    turns, begun, told = _paced(SLICE_SECONDS), list[int](), list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context.get("exception")))

    def fail() -> None:
        raise fault

    fault = ValueError("it cannot begin")
    for begin in (partial(begun.append, 0), partial(begun.append, 1), fail, partial(begun.append, 2)):
        turns.take(begin)
    await _until(lambda: len(begun) == 3)
    assert (begun, told) == ([0, 1, 2], [fault])


async def test_nobody_overtakes_who_waits() -> None:
    """One that comes when the wait has become short goes behind those who have been there for longer."""
    turns, begun = _paced(SLICE_SECONDS), list[str]()
    for number in range(4):
        turns.take(partial(begun.append, f"early {number}"))
    for _ in range(10):
        turns.forget()
    turns.take(partial(begun.append, "late"))
    await _until(lambda: "late" in begun)
    assert begun == [*(f"early {number}" for number in range(4)), "late"]


def test_a_process_under_load_forgets_an_old_pace() -> None:
    """Each time that it judges how it fares, it believes less in what nothing has shown since."""
    now = 100.0
    overload = Overload(lambda: now)
    overload.turns = _paced(SLICE_SECONDS)
    overload.turns.take(lambda: None)
    before = overload.turns.expected
    for _ in range(3):
        now += 1.0
        assert overload.enters(now - 0.001, now)
        overload.leaves(("GET", "/x"), now - 0.001, alone=True, counts=True)
    assert overload.turns.expected < before / 2


async def test_who_would_wait_too_long_is_refused_on_arrival() -> None:
    """While nothing is limited only for longer than a burst lasts, then for longer than a turn; otherwise never."""
    overload = Overload(lambda: 100.0)
    overload.turns = _paced(TURN_SECONDS * 0.6)
    overload.turns.take(lambda: None)
    assert overload.arrives(100.0)
    overload._bad_since = 99.0
    assert overload.arrives(100.0)
    overload.limit = 50
    assert overload.arrives(100.0)
    overload.turns.take(lambda: None)
    assert not overload.arrives(100.0)
    assert overload.refused == 1


async def test_who_was_let_wait_is_served() -> None:
    """One that was there when the limit came waits no longer than in a burst, and is not refused for having waited."""
    overload = Overload(lambda: 100.0)
    overload._bad_since, overload.limit = 99.0, 50
    for waited, served in ((BURST_SECONDS * 0.9, True), (BURST_SECONDS * 1.1, False)):
        ticket = overload.turns.take(lambda: None)
        assert overload.enters(100.0 - waited, 100.0, ticket) is served
    assert not overload.enters(100.0 - 2 * TURN_SECONDS, 100.0)


class Wire(asyncio.Transport):
    """A connection of which the test is the other end."""

    def __init__(self, *, unread: int = 0) -> None:
        super().__init__()
        self.received = b""
        self.unread = unread

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.received += data

    @override
    def get_write_buffer_size(self) -> int:
        return self.unread

    @override
    def is_closing(self) -> bool:
        return False

    @override
    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    @override
    def resume_reading(self) -> None:
        """Nothing comes by itself."""


def _connected(wire: Wire) -> tuple[Spine, ProblemProtocol]:
    """Return a service that has more than enough to do, and its end of the connection."""
    spine = observed_service.create().asgi(observed_service.settings())
    overload = spine._overload
    assert overload is not None
    overload.limit, overload._bad_since = 0, 0.0
    config = uvicorn.Config(spine, http=ProblemProtocol, loop="asyncio", lifespan="off", log_config=None)
    config.load()
    protocol = ProblemProtocol(config, ServerState(), {})
    protocol.connection_made(wire)
    return spine, protocol


@pytest.mark.parametrize("request_", [REQUEST, POST + b"blue"])
async def test_a_refusal_is_on_its_way_before_the_loop_turns(request_: bytes) -> None:
    """It does not wait for what the loop has to do: head and body are written while the request is read."""
    wire = Wire()
    _, protocol = _connected(wire)
    protocol.data_received(request_)
    head, _, body = wire.received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert json.loads(body)["status"] == 503
    assert protocol.server_state.tasks == set()
    protocol.data_received(REQUEST)  # the connection goes on
    assert wire.received.count(b"HTTP/1.1 503 ") == 2


async def test_a_refused_body_is_read_and_forgotten() -> None:
    """What is still to come of it is not taken for the next request."""
    wire = Wire()
    _, protocol = _connected(wire)
    protocol.data_received(POST)
    protocol.data_received(b"blue")
    protocol.data_received(REQUEST)
    assert wire.received.count(b"HTTP/1.1 503 ") == wire.received.count(b"HTTP/1.1 ") == 2


async def test_every_turn_that_is_given_comes() -> None:
    """Requests that wait for the loop are counted until it has come to them, and nobody is counted after that."""
    wires = [Wire() for _ in range(20)]
    spine, first = _connected(wires[0])
    overload = spine._overload
    assert overload is not None
    overload.limit = overload._bad_since = None
    overload.turns = _paced(SLICE_SECONDS / 2)
    for wire in wires:
        protocol = ProblemProtocol(first.config, first.server_state, {})
        protocol.connection_made(wire)
        protocol.data_received(REQUEST)
    assert overload.turns.expected == pytest.approx(len(wires) * SLICE_SECONDS / 2)
    await _until(lambda: all(wire.received for wire in wires))
    assert {wire.received[:13] for wire in wires} == {b"HTTP/1.1 200 "}
    assert overload.turns.expected == 0


async def test_answers_that_nobody_reads_hold_up_nobody_else() -> None:
    """A refusal that may have to wait for its reader is written by a task; a thousand in a row are, one by one."""
    wire = Wire(unread=1)
    _, protocol = _connected(wire)
    protocol.data_received(REQUEST * 1000)
    assert wire.received == b""
    await _until(lambda: not protocol.server_state.tasks)
    assert wire.received.count(b"HTTP/1.1 503 ") == 1000


async def test_health_overtakes_everybody() -> None:
    """What asks how the process is waits neither for a limit nor for a turn."""
    wire = Wire()
    spine, protocol = _connected(wire)
    overload = spine._overload
    assert overload is not None
    overload.turns = _paced(1.0)
    for _ in range(3):
        overload.turns.take(lambda: None)
    protocol.data_received(REQUEST.replace(b"/api/v1/things/quick", b"/livez"))
    await _until(lambda: bool(wire.received))
    assert wire.received.startswith(b"HTTP/1.1 200 ")

"""The conformance suite of the transport port: both adapters pass it, over real sockets."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest
from tests.client.wire import Wire, wire

from arnia.chassis.transport_httpx import HttpxTransport
from arnia.chassis.transport_pyreqwest import PyreqwestTransport
from arnia.chassis.transports import Failure, Outgoing, Transport, TransportFailure, TransportOptions

Make = Callable[[TransportOptions], Transport]
PATIENT = 5.0


@pytest.fixture(params=[HttpxTransport, PyreqwestTransport], ids=["httpx", "pyreqwest"])
def make(request: pytest.FixtureRequest) -> Make:
    """Give one adapter after the other."""
    adapter: Make = request.param
    return adapter


@pytest.fixture
async def upstream() -> AsyncIterator[Wire]:
    """Give an upstream that misbehaves by path."""
    async with wire() as running:
        yield running


@pytest.fixture
async def transport(make: Make, upstream: Wire) -> AsyncIterator[Transport]:
    """Give a transport to the upstream."""
    made = make(TransportOptions(url=upstream.url, connect_seconds=0.3, max_connections=4, max_body_bytes=100_000))
    yield made
    await made.close()


async def failure(transport: Transport, target: str, seconds: float = PATIENT, method: str = "GET") -> Failure:
    """Return why there is no answer from `target`."""
    with pytest.raises(TransportFailure) as caught:
        await transport.send(Outgoing(method, target), seconds=seconds)
    return caught.value.failure


async def test_an_answer_is_whole(transport: Transport, upstream: Wire) -> None:
    """Status, headers (a repeated one joined) and body arrive as they were sent, and the request as it was meant."""
    headers = {"x-request-id": "r-1", "content-type": "application/json", "accept": "application/json"}
    answer = await transport.send(Outgoing("PUT", "/a%2Fb?q=1%202", headers, b'{"a": 1}'), seconds=PATIENT)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["x-twice"] == "1, 2"
    sent = upstream.requests[0].lower()
    assert sent.startswith(b"put /a%2fb?q=1%202 http/1.1\r\n")
    assert b"\r\nx-request-id: r-1\r\n" in sent
    assert sent.count(b"\r\naccept: ") == sent.count(b"\r\naccept-encoding: ") == 1
    assert answer.body.endswith(b'{"a": 1}')


async def test_a_body_without_a_length(transport: Transport) -> None:
    """A chunked body is put together, and a 204 has none."""
    assert (await transport.send(Outgoing("GET", "/chunks"), seconds=PATIENT)).body == b"abc"
    nothing = await transport.send(Outgoing("DELETE", "/none"), seconds=PATIENT)
    assert (nothing.status, nothing.body, nothing.headers["x-version"]) == (204, b"", "3")


@pytest.mark.parametrize("path", ["/large", "/large-chunks"])
async def test_a_large_body_is_refused(transport: Transport, path: str) -> None:
    """A body beyond the limit is not read to its end, whether or not it says its length."""
    assert await failure(transport, path) is Failure.TOO_LARGE


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/reset", Failure.ENDED),
        ("/close", Failure.ENDED),
        ("/garbage", Failure.GARBLED),
        ("/truncated", Failure.CUT),
        ("/cut-chunks", Failure.CUT),
    ],
)
async def test_broken_answers_are_told_apart(transport: Transport, path: str, expected: Failure) -> None:
    """A request that may have been seen is never called unsent, and each kind of failure has its name."""
    assert await failure(transport, path, method="POST") is expected
    assert not expected.unsent


@pytest.mark.parametrize("path", ["/hang", "/slow-body"])
async def test_a_silent_upstream_ends_in_time(transport: Transport, path: str) -> None:
    """Silence before the answer or within its body ends when the time of the call does."""
    started = time.monotonic()
    assert await failure(transport, path, seconds=0.2) is Failure.TIMEOUT
    assert 0.15 < time.monotonic() - started < 20


async def test_a_refused_connection_is_surely_unsent(make: Make) -> None:
    """Where nobody listens, and where a name has no address, the request was never sent."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        for host in (f"127.0.0.1:{reserved.getsockname()[1]}", "no-such-host.invalid"):
            transport = make(TransportOptions(url=f"http://{host}"))
            found = await failure(transport, "/")
            assert found is Failure.REFUSED
            assert found.unsent
            await transport.close()


async def test_a_connection_that_is_not_taken_is_surely_unsent(make: Make) -> None:
    """A server that does not take its connections costs the connect timeout, and the request was never sent."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        transport = make(TransportOptions(url=f"http://127.0.0.1:{port}", connect_seconds=0.2))
        started = time.monotonic()
        found = await failure(transport, "/")
        assert (found, found.unsent) == (Failure.SLOW_CONNECT, True)
        assert time.monotonic() - started < 20
        await transport.close()
        for each in waiting:
            each.close()


async def test_no_redirect_is_followed(transport: Transport, upstream: Wire) -> None:
    """A redirect is an answer: it is the caller who decides."""
    assert (await transport.send(Outgoing("GET", "/redirect"), seconds=PATIENT)).status == 302
    assert len(upstream.requests) == 1


async def test_no_proxy_of_the_environment(make: Make, upstream: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment is for programs that surf; a service's calls go where its settings say."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    transport = make(TransportOptions(url=upstream.url))
    assert (await transport.send(Outgoing("GET", "/echo"), seconds=PATIENT)).status == 200
    await transport.close()


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", {"x-a": "a\r\nx-b: b"}),
        ("/", {"x-a\n": "b"}),
        ("/", {"x-a": "é"}),
        ("/ HTTP/1.1\r\nx-b: b", {}),
        ("/a b", {}),
        ("//", {"x-a": "\x00"}),
        ("http://elsewhere/", {}),
    ],
)
def test_no_header_can_be_smuggled(target: str, headers: dict[str, str]) -> None:
    """Line breaks and other controls never reach a transport, in no header and in no target."""
    with pytest.raises(ValueError, match="call"):
        Outgoing("GET", target, headers)


async def test_a_thousand_calls_over_few_connections(transport: Transport, upstream: Wire) -> None:
    """A thousand calls, four at a time, use four kept connections: counted where they arrive (R035)."""
    gate = asyncio.Semaphore(4)

    async def one() -> int:
        async with gate:
            return (await transport.send(Outgoing("GET", "/echo"), seconds=PATIENT)).status

    assert set(await asyncio.gather(*(one() for _ in range(1_000)))) == {200}
    assert len(upstream.requests) == 1_000
    assert upstream.connections <= 4


async def test_a_cancelled_call_frees_its_slot(transport: Transport) -> None:
    """As many calls as there are connections are cancelled; the next ones do not wait for them."""
    stuck = [asyncio.ensure_future(transport.send(Outgoing("GET", "/hang"), seconds=PATIENT)) for _ in range(4)]
    await asyncio.sleep(0.1)
    for each in stuck:
        each.cancel()
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*stuck, return_exceptions=True)
    )
    answers = await asyncio.gather(*(transport.send(Outgoing("GET", "/echo"), seconds=PATIENT) for _ in range(4)))
    assert [answer.status for answer in answers] == [200] * 4


async def test_closing_ends_every_connection(make: Make, upstream: Wire) -> None:
    """After close, the upstream has no connection left."""
    transport = make(TransportOptions(url=upstream.url))
    await transport.send(Outgoing("GET", "/echo"), seconds=PATIENT)
    assert upstream.open == 1
    await transport.close()
    for _ in range(100):
        if upstream.open == 0:
            break
        await asyncio.sleep(0.02)
    assert upstream.open == 0

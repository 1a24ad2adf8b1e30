"""Calls over pyreqwest (hyper and tokio below): a fraction of the CPU that a client in Python takes."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    DecodeError,
    DetailedPyreqwestError,
    PoolTimeoutError,
    ReadError,
    RequestTimeoutError,
)
from pyreqwest.response import Response
from typing_extensions import override

from arnia.chassis.transports import Failure, Incoming, Outgoing, TransportFailure, TransportOptions

__all__ = ["PyreqwestTransport"]

KEEP_SECONDS: Final = 4.0
"""Below the five seconds after which uvicorn closes an idle connection: who closes second meets a dead one."""
CONNECTING: Final = "client error (Connect)"
"""What the causes of an error hold if there never was a connection. The class of an error does not tell: whatever
happens before the head of the answer is called a ConnectError."""


class PyreqwestTransport:
    """A transport over one pyreqwest client.

    A call that is cancelled while it waits for its answer keeps its connection until its own time is over, since
    pyreqwest does not stop it, and one that is over may give it back after the next has begun; so there may be twice as
    many connections as calls, and never more.
    """

    def __init__(self, options: TransportOptions) -> None:
        self._url = options.url.rstrip("/")
        self._most = options.max_body_bytes
        connect = timedelta(seconds=options.connect_seconds)
        self._client: Client | None = (
            ClientBuilder()
            .http1_only()
            .follow_redirects(False)
            .no_proxy()
            .referer(False)
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .max_connections(2 * options.max_connections)
            .pool_max_idle_per_host(options.max_connections)
            .pool_idle_timeout(timedelta(seconds=KEEP_SECONDS))
            .pool_timeout(connect)
            .connect_timeout(connect)
            .tcp_nodelay(True)
            .default_headers({"accept-encoding": "identity"})
            .build()
        )

    async def send(self, request: Outgoing, *, seconds: float) -> Incoming:
        """Return the answer to `request`."""
        if self._client is None:
            raise TransportFailure(Failure.REFUSED)
        builder = self._client.request(request.method, self._url + request.target)
        builder = builder.headers(request.headers).timeout(timedelta(0, seconds))
        if request.body:
            builder = builder.body_bytes(request.body)
        try:
            async with builder.build_streamed() as answer:
                length = answer.get_header("content-length")
                if length is None:
                    body = await self._read_pieces(answer)
                elif int(length) > self._most:
                    raise TransportFailure(Failure.TOO_LARGE)
                else:
                    body = bytes(await answer.bytes())
                return Incoming(answer.status, Fields(answer), body)
        except DetailedPyreqwestError as error:
            raise TransportFailure(_failure(error)) from error

    async def _read_pieces(self, answer: Response) -> bytes:
        body = bytearray()
        while (piece := await answer.body_reader.read_chunk()) is not None:
            body += bytes(piece)
            if len(body) > self._most:
                raise TransportFailure(Failure.TOO_LARGE)
        return bytes(body)

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None  # kept connections end with the last reference to their client


class Fields(Mapping[str, str]):
    """The headers of an answer, read when somebody asks for one: most answers are read without."""

    __slots__ = ("_answer", "_read")

    def __init__(self, answer: Response) -> None:
        self._answer: Response | None = answer
        self._read: dict[str, str] = {}

    @override
    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    @override
    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, str]:
        answer, self._answer = self._answer, None
        if answer is not None:
            for name, value in answer.headers.items():
                self._read[name] = f"{self._read[name]}, {value}" if name in self._read else value
        return self._read


def _failure(error: DetailedPyreqwestError) -> Failure:
    causes = error.details["causes"] or ()
    if any(cause["message"] == CONNECTING for cause in causes):
        return Failure.SLOW_CONNECT if isinstance(error, RequestTimeoutError) else Failure.REFUSED
    match error:
        case PoolTimeoutError():
            return Failure.NO_CONNECTION
        case RequestTimeoutError():
            return Failure.TIMEOUT
        case BodyDecodeError() | ReadError():
            return Failure.CUT
        case DecodeError():
            return Failure.GARBLED
        case _:
            return Failure.ENDED

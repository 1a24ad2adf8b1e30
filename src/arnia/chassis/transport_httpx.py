"""Calls over httpx: a socket, or an ASGI application in this process.

`httpx2` is httpx under the name that it is maintained by (docs/decisions/).
"""

import asyncio
from typing import Final, Self

import httpx2
from starlette.types import ASGIApp

from arnia.chassis.transports import Failure, Incoming, Outgoing, TransportFailure, TransportOptions

__all__ = ["HttpxTransport"]

KEEP_SECONDS: Final = 4.0
"""Below the five seconds after which uvicorn closes an idle connection: who closes second meets a dead one."""


class HttpxTransport:
    """A transport over one `httpx2.AsyncClient`."""

    def __init__(self, options: TransportOptions, *, below: httpx2.AsyncBaseTransport | None = None) -> None:
        limit = options.max_connections
        self._url = options.url.rstrip("/")
        self._most = options.max_body_bytes
        self._client = httpx2.AsyncClient(
            transport=below,
            timeout=httpx2.Timeout(None, connect=options.connect_seconds),
            limits=httpx2.Limits(max_connections=limit, max_keepalive_connections=limit, keepalive_expiry=KEEP_SECONDS),
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    @classmethod
    def to(cls, app: ASGIApp, *, max_body_bytes: int = 10_485_760) -> Self:
        """Return a transport that calls `app` without a socket: for tests."""
        options = TransportOptions(url="http://in-process", max_body_bytes=max_body_bytes)
        return cls(options, below=httpx2.ASGITransport(app=app))

    async def send(self, request: Outgoing, *, seconds: float) -> Incoming:
        """Return the answer to `request`."""
        try:
            async with asyncio.timeout(seconds):
                return await self._send(request)
        except TimeoutError:
            raise TransportFailure(Failure.TIMEOUT) from None
        except httpx2.TransportError as error:
            raise TransportFailure(_failure(error)) from error

    async def _send(self, request: Outgoing) -> Incoming:
        async with self._client.stream(
            request.method, self._url + request.target, headers=dict(request.headers), content=request.body or None
        ) as answer:
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > self._most:
                    raise TransportFailure(Failure.TOO_LARGE)
            return Incoming(answer.status_code, dict(answer.headers), bytes(body))

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _failure(error: httpx2.TransportError) -> Failure:
    match error:
        case httpx2.ConnectTimeout():
            return Failure.SLOW_CONNECT
        case httpx2.PoolTimeout():
            return Failure.NO_CONNECTION
        case httpx2.ConnectError():
            return Failure.REFUSED
        case httpx2.TimeoutException():
            return Failure.TIMEOUT
        case httpx2.RemoteProtocolError() if "body" in str(error):
            return Failure.CUT
        case httpx2.RemoteProtocolError() if "disconnected" not in str(error):
            return Failure.GARBLED
        case _:
            return Failure.ENDED

"""A bare ASGI application that knows what it can do: it takes ten milliseconds of the processor, or refuses.

`/RATE` is how many requests a second it serves, evenly; 0 is all of them. Nothing is measured, decided or logged here,
so that how long a refusal takes is what a loop costs that has such work to do.
"""

import os
import time

import uvicorn
from starlette.types import Receive, Scope, Send

SECONDS = 0.01
HEADERS = [(b"content-type", b"application/problem+json"), (b"content-length", b"2"), (b"retry-after", b"1")]
next_turn = 0.0


async def application(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - no body is read
    """Serve, or refuse."""
    global next_turn  # noqa: PLW0603 - the whole state of a program of one page
    if scope["type"] != "http":
        return
    rate, now = float(scope["path"].rpartition("/")[2]), time.perf_counter()
    status = 200 if not rate or now >= next_turn else 503
    if status == 200:
        next_turn = now + 1 / rate if rate else 0.0
        until = time.thread_time() + SECONDS
        while time.thread_time() < until:
            pass
    await send({"type": "http.response.start", "status": status, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    port = int(os.environ["OVERLOAD_PORT"])
    uvicorn.run(application, port=port, loop="uvloop", http="httptools", lifespan="off", log_level="error")

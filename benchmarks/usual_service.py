"""The two routes of `bare_service.py` as tutorials equip them: stock OpenTelemetry, Prometheus, a middleware, PyJWT.

Needs the extra `bench`. Traces are sampled by `OTEL_TRACES_SAMPLER`, and go nowhere; the issuer is `BENCH_ISSUER`.
"""

import json
import logging
import os
import sys
import time
from typing import Annotated, Any

import jwt
import uvicorn
from bare_service import post_order, read_order
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

ISSUER = os.environ["BENCH_ISSUER"]
KEYS = jwt.PyJWKClient(f"{ISSUER}/keys", cache_keys=True)
BEARER = HTTPBearer()

log = logging.getLogger("usual")


class Logging(BaseHTTPMiddleware):
    """Writes one JSON object a request."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        line = {"method": request.method, "path": request.url.path, "status": response.status_code}
        log.info(json.dumps({**line, "duration_ms": round((time.perf_counter() - began) * 1000, 3)}))
        return response


async def claims(given: Annotated[HTTPAuthorizationCredentials, Depends(BEARER)]) -> dict[str, Any]:
    """Verify the token of each request."""
    key = KEYS.get_signing_key_from_jwt(given.credentials)
    verified: dict[str, Any] = jwt.decode(
        given.credentials, key, algorithms=["ES256"], audience="bench", issuer=ISSUER, options={"verify_iat": True}
    )
    if "orders:read" not in verified["scope"].split():
        raise HTTPException(403)
    return verified


def usual() -> FastAPI:
    """Equip the bare application."""
    equipped = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    equipped.get("/api/v1/orders/{order_id}", dependencies=[Depends(claims)])(read_order)
    equipped.post("/api/v1/orders", status_code=201, dependencies=[Depends(claims)])(post_order)
    equipped.add_middleware(Logging)
    Instrumentator().instrument(equipped).expose(equipped)
    FastAPIInstrumentor.instrument_app(equipped, tracer_provider=TracerProvider())
    return equipped


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    uvicorn.run(usual(), port=int(sys.argv[1]), access_log=False, loop="uvloop", http="httptools", log_config=None)

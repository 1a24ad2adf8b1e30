"""The two routes of `chassis_service.py` behind policies: the caller says who it is, and its trace goes on.

The issuer is `BENCH_ISSUER`; `BENCH_OTLP_ENDPOINT` names a collector, which is told of what is sampled.
"""

from chassis_service import Settings, post_order, read_order

from arnia.chassis.application import Application, create_app
from arnia.chassis.process import run
from arnia.chassis.routing import Router
from arnia.chassis.security import allow

router = Router(version=1, prefix="/orders", tags=["orders"], dependencies=[allow("orders:read")])
router.get("/{order_id}")(read_order)
router.post("", dependencies=[allow("orders:read", "orders:write", roles=["clerk"])])(post_order)


def create() -> Application:
    """Declare the service."""
    return create_app(service="bench", settings=Settings, routers=[router])


if __name__ == "__main__":
    run(create)

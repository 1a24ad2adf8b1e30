"""What a service does about garbage."""

import gc

import uvicorn
from tests.unit.chassis_http.sample_service import Settings, create

from arnia.chassis.lifespan import Lifespan
from arnia.chassis.process import DrainingServer
from arnia.local.ports import free_port


async def test_what_the_start_made_is_never_looked_at_again() -> None:
    """Once its port is open a service collects the garbage of requests, and passes over what was there before."""
    settings = Settings(port=free_port())
    spine = create().asgi(settings)
    config = uvicorn.Config(spine, port=settings.port, lifespan="off", log_config=None)
    config.load()
    server = DrainingServer(config, spine, 0, Lifespan(config))
    server.lifespan = config.lifespan_class(config)
    gc.disable()
    try:
        await server.startup()
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        await server.shutdown()
        gc.unfreeze()
        gc.enable()

"""The sample service, which gets a signal when it has begun and its port is not open yet."""

import logging
import os
import signal

from tests.unit.chassis_http.sample_service import create
from typing_extensions import override

from arnia.chassis.process import run


class Hasty(logging.Handler):
    """Sends the signal."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Application startup complete"):
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    logging.getLogger("uvicorn.error").addHandler(Hasty())
    run(create)

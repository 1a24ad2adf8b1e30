"""A service that hears what it says itself, in a hurry: what would take half a minute takes a second here."""

import asyncio
import os
import signal
from functools import partial
from typing import Final

from sqlalchemy import text

from arnia.chassis import carriage, event_measures
from arnia.chassis.application import Application, create_app
from arnia.chassis.brokers import nats
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.patience import Patience
from arnia.chassis.process import run
from arnia.chassis.settings import service_settings
from arnia.chassis.statements import Statement
from arnia.chassis.uuids import uuid7
from arnia.testing.parcels import ParcelModel, ParcelWeighed

POISON: Final = 1_001
DEADLY: Final = 1_002
SLOW: Final = 1_003
KEEP: Final = Statement(text("INSERT INTO parcels (id, label, grams) VALUES (:id, :label, :grams)"))

hearer = Hearer()


class Settings(EventSettings):
    """What it can be told."""

    model_config = service_settings("scales")


class Weighed(Heard):
    """What it reads of its own event."""

    topic = "parcel.weighed"

    grams: int


@hearer.on(Weighed)
async def weigh(event: Weighed, reception: Reception) -> None:
    """Keep one row, or fail as the weight says."""
    await reception.session.execute(KEEP, id=uuid7(), label=str(event.aggregate_id), grams=event.grams)
    match event.grams:
        case 1_001:
            raise ValueError
        case 1_002:
            os.kill(os.getpid(), signal.SIGKILL)
        case 1_003:
            await asyncio.sleep(4.0)


def create() -> Application:
    """Return the service."""
    return create_app(
        service="scales",
        settings=Settings,
        routers=[],
        models=ParcelModel.metadata,
        events=[ParcelWeighed],
        hearers=[hearer],
    )


if __name__ == "__main__":
    vars(nats)["ACKNOWLEDGE_SECONDS"] = 1.0
    vars(event_measures)["MEASURE_SECONDS"] = 0.2
    vars(carriage)["Patience"] = partial(Patience, lease=1.0, gap=0.5)
    run(create)

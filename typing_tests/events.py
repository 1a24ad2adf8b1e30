"""What a type checker says of code that hears events. Never run: mypy reads it, and every ignore must be needed."""

from collections.abc import Sequence
from typing import ClassVar, assert_type

from arnia.chassis.application import create_app
from arnia.chassis.client import Client
from arnia.chassis.context import Runtime
from arnia.chassis.errands import Errand
from arnia.chassis.event_settings import EventSettings
from arnia.chassis.hearers import Heard, Hearer, Reception
from arnia.chassis.messages import Message
from arnia.chassis.session import Session
from arnia.chassis.settings import service_settings


class Settings(EventSettings):
    model_config = service_settings("keeper")
    event_batch: int = 100


class HoneyClient(Client, service="honey"):
    """Nothing is called here."""


class BeeBorn(Heard):
    topic: ClassVar[str] = "bee.born"

    name: str


class BeeGone(Heard):
    topic: ClassVar[str] = "bee.gone"
    topics: int = 1


facts = Hearer()


@facts.on(BeeBorn)
async def welcome(event: BeeBorn, reception: Reception) -> None:
    assert_type(event.name, str)
    assert_type(event.envelope, Message)
    assert_type(reception.session, Session)
    assert_type(reception.client(HoneyClient), HoneyClient)
    reception.client(BeeBorn)  # type: ignore[type-var]  # only a declared client is one
    event.name = "Willi"  # type: ignore[misc]  # what was heard is not changed


@facts.on_batch(BeeGone)
async def mourn(events: Sequence[BeeGone], reception: Reception) -> None:
    assert_type(events[0].topics, int)
    del reception


@facts.on(BeeGone)  # type: ignore[arg-type]  # it hears another event
async def confuse(event: BeeBorn, reception: Reception) -> None:
    del event, reception


@facts.on(Settings)  # type: ignore[type-var]  # only a view of an event is heard
async def hear_settings(event: object, reception: Reception) -> None:
    del event, reception


async def go_on(runtime: Runtime) -> None:
    errand = Errand(runtime, seconds=5)
    assert_type(errand.session(), Session)
    assert_type(errand.client(HoneyClient), HoneyClient)
    Errand(runtime, 5)  # type: ignore[call-arg]  # seconds are named
    errand.client(BeeBorn)  # type: ignore[type-var]  # only a declared client is one


create_app(service="keeper", settings=Settings, routers=[], hearers=[facts])
create_app(service="keeper", settings=Settings, routers=[], hearers=[BeeBorn])  # type: ignore[list-item]  # a view is none

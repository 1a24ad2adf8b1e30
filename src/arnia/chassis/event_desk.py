"""Answers an operator's inquiry about the events of one service, from its own database."""

from pydantic import ValidationError

from arnia.chassis.crash_points import read_crash_point
from arnia.chassis.database import Database
from arnia.chassis.event_ledger import Document, Inquiry, find_events, show_event
from arnia.chassis.redrives import Redrive
from arnia.chassis.settings import DatabaseSettings, ServiceSettings
from arnia.errors import UsageError

__all__ = ["answer"]


async def answer(service: str, settings: ServiceSettings, asked: str) -> Document:
    """Return `events`: what was found, or what was done.

    Raises:
        OutsideError: The database is not there.
        UsageError: Nothing like that can be asked.
    """
    try:
        inquiry = Inquiry.model_validate_json(asked)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, fault["loc"])) or "the inquiry" for fault in error.errors())
        raise UsageError(f"An inquiry about events is one JSON document; wrong in it: {wrong}.") from None
    if not isinstance(settings, DatabaseSettings):
        return {"events": []}
    database = await Database.open(settings, service=service)
    try:
        if inquiry.action == "redrive":
            reach = read_crash_point(settings.environment)
            return {"events": list(await Redrive(database, service, inquiry, reach=reach).run())}
        async with database.session(read_only=True) as session:
            if inquiry.action == "show":
                return {"events": list(await show_event(session, service, inquiry.id))}
            return {"events": list(await find_events(session, service, inquiry))}
    finally:
        await database.close()

"""Tickets: what a form carries cannot be made, changed, kept or used by anybody else."""

from datetime import UTC, datetime, timedelta

import pytest

from identity.services.tickets import TICKET_SECONDS, Tickets

SECRET = "of the tests, " * 4
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
MEMBERS = {"client_id": ["app"], "state": ["ä+%"]}


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Return what it shows."""
        return self.now


def test_a_ticket_comes_back_as_it_was() -> None:
    """The request is what it was when the form was shown, and fits the browser that it was shown in."""
    tickets = Tickets(SECRET, Clock())
    ticket = tickets.read(tickets.issue(MEMBERS, "browser"))
    assert ticket is not None
    assert {name: list(values) for name, values in ticket.members.items()} == MEMBERS
    assert tickets.fits(ticket, "browser")
    assert not tickets.fits(ticket, "another")
    assert not tickets.fits(ticket, "")


def test_a_ticket_ends() -> None:
    """A form that was open for too long is shown again."""
    clock = Clock()
    tickets = Tickets(SECRET, clock)
    text = tickets.issue(MEMBERS, "browser")
    clock.now += timedelta(seconds=TICKET_SECONDS)
    ticket = tickets.read(text)
    assert ticket is not None
    assert not tickets.fits(ticket, "browser")


@pytest.mark.parametrize("text", ["", "x", "AAAA", "ä", "=" * 44, "A" * 44])
def test_what_is_no_ticket_is_none(text: str) -> None:
    """Anything else is told apart from a ticket, however it is written."""
    assert Tickets(SECRET, Clock()).read(text) is None


def test_nobody_else_makes_tickets() -> None:
    """A ticket that was changed in any place, or made under another secret, is none."""
    tickets = Tickets(SECRET, Clock())
    text = tickets.issue(MEMBERS, "browser")
    assert Tickets(SECRET + ".", Clock()).read(text) is None
    for place in range(0, len(text), 7):
        changed = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
        assert tickets.read(changed) is None

"""Uses of ownership, right and wrong."""

from typing import Annotated

from sqlalchemy import ColumnElement, Table

from arnia.chassis.ownership import Ownership, owned, reached

Reach = Annotated[Ownership, owned(seen_by=["operator"])]
own = Ownership(subject="ada")
every = Ownership(subject="olga", everything=True)
reach: str | None = own.reach
seen: bool = own.reaches(None)

own.subject = "ben"  # type: ignore[misc]
Ownership("ada")  # type: ignore[call-arg]
Ownership(subject=None)  # type: ignore[arg-type]
owned(["operator"])  # type: ignore[call-arg]
owned(seen_by=[1])  # type: ignore[list-item]


def condition(table: Table) -> ColumnElement[bool]:
    """Return what keeps a statement to what is in reach."""
    return reached(table)


def wrong_condition(name: str) -> ColumnElement[bool]:
    """Give a name where a table belongs."""
    return reached(name)  # type: ignore[arg-type]

"""Uses of ownership, right and wrong."""

from typing import Annotated

from sqlalchemy import ColumnElement, Table

from arnia.chassis.ownership import Ownership, owned, reached

Reach = Annotated[Ownership, owned(seen_by=["operator"])]
own = Ownership(subject="ada")
every = Ownership(subject="olga", everything=True)
reach: str | None = own.reach
seen: bool = own.reaches(None)

own.subject = "ben"  # type: ignore[misc]  # whose rows they are does not change
Ownership("ada")  # type: ignore[call-arg]  # an owner is read by name
Ownership(subject=None)  # type: ignore[arg-type]  # somebody owns what is made
owned(["operator"])  # type: ignore[call-arg]  # who sees everything is said by name
owned(seen_by=[1])  # type: ignore[list-item]  # roles are names


def condition(table: Table) -> ColumnElement[bool]:
    """Return what keeps a statement to what is in reach."""
    return reached(table)


def wrong_condition(name: str) -> ColumnElement[bool]:
    """Give a name where a table belongs."""
    return reached(name)  # type: ignore[arg-type]  # a table, not its name

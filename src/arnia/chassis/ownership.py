"""Ownership: whose rows a caller reaches, as a part of every statement that the caller causes.

```python
Reach = Annotated[Ownership, owned(seen_by=["operator"])]
GET = Statement(select(TABLE).where(TABLE.c.id == bindparam("id"), reached(TABLE)))


class SqlHives:
    def __init__(self, session: Session, ownership: Ownership) -> None: ...

    async def get(self, hive_id: UUID) -> Hive | None:
        row = await self._session.fetch_one(GET, id=hive_id, reach=self._ownership.reach)
```

What somebody else owns is thereby not there: not found, not listed, not changed. Whoever asks for it by its identity is
answered as if there were none. The OpenAPI document marks such operations with `x-owned`, and the suites of
`arnia.testing` hold them to it with a second principal.
"""

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import params
from fastapi.dependencies.models import Dependant
from sqlalchemy import ColumnElement, Table, Text, bindparam, or_

from arnia.chassis.principals import ANONYMOUS, Principal
from arnia.chassis.security import CurrentPrincipal
from arnia.errors import InternalError

__all__ = ["Owners", "Ownership", "owned", "owners_of", "reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Whose rows a caller reaches, and whose those are that the caller makes.

    Attributes:
        subject: Who owns what the caller makes: the principal's subject, which is a user, or an OAuth client that
            calls of its own accord.
        everything: Whether the caller reaches all rows, also those that nobody owns.
    """

    subject: str
    everything: bool = False

    @property
    def reach(self) -> str | None:
        """The owner of the rows that the caller reaches; None for all rows."""
        return None if self.everything else self.subject

    def reaches(self, owner: str | None) -> bool:
        """Tell whether the caller reaches a row of `owner`."""
        return self.everything or owner == self.subject


class Owners:
    """The dependency behind `owned`: what of the caller's roles lets them reach everything."""

    def __init__(self, seen_by: Collection[str]) -> None:
        self.seen_by = tuple(sorted(set(seen_by)))

    def of(self, principal: Principal) -> Ownership:
        """Return whose rows `principal` reaches.

        Raises:
            InternalError: nobody has to say who calls here, and so nobody could own anything.
        """
        if principal is ANONYMOUS:
            detail = "A public route has no rows with an owner: give it a policy, or a repository without ownership."
            raise InternalError(detail)
        return Ownership(subject=principal.subject, everything=not principal.roles.isdisjoint(self.seen_by))

    async def __call__(self, principal: CurrentPrincipal) -> Ownership:
        """Return whose rows the caller reaches."""
        return self.of(principal)


def owned(*, seen_by: Collection[str] = ()) -> params.Depends:
    """Return the dependency that gives a handler's `Ownership`: callers with a role of `seen_by` reach everything.

    Nobody else does, services included: one that has to act for a user comes with a token of that user's.
    """
    return params.Depends(Owners(seen_by))


def owners_of(dependant: Dependant) -> Owners | None:
    """Return by what a route tells whose rows its caller reaches, or None where its rows have no owners."""
    for each in dependant.dependencies:
        found = each.call if isinstance(each.call, Owners) else owners_of(each)
        if found is not None:
            return found
    return None


def reached(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of `table` is in reach: of the owner `:reach`, or of anybody where that is null.

    For statements that find a row by its key. A listing does better with `table.c.owner == bindparam("reach")` in one
    of two `Shapes`: then its index can begin with the owner.
    """
    reach = bindparam("reach", type_=Text)
    return or_(table.c.owner == reach, reach.is_(None))

"""What the issuer keeps by name: users and OAuth clients are listed, found, made and changed alike."""

from collections.abc import Mapping
from typing import Final, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from arnia.commands.issuer import Document, Issuer
from arnia.errors import ArniaError

_MERGE: Final[Mapping[str, str]] = {"Content-Type": "application/merge-patch+json"}


class Member(BaseModel):
    """Something with an identity that the issuer gave it; what else it says is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str


MemberT = TypeVar("MemberT", bound=Member)


class Collection(Generic[MemberT]):
    """Members of one kind.

    Args:
        issuer: Who keeps them.
        path: Where.
        kind: What they are here.
        name: The field that holds the name by which people know them.
        noun: What people call one.
        listing: What shows them all.
    """

    def __init__(self, issuer: Issuer, path: str, kind: type[MemberT], *, name: str, noun: str, listing: str) -> None:
        self._issuer = issuer
        self._path = path
        self._kind = kind
        self._name = name
        self._noun = noun
        self._listing = listing

    def members(self, name: str | None = None) -> tuple[MemberT, ...]:
        """Return all of them, by name; or the one that has this name."""
        path = f"{self._path}?limit=100&sort={self._name}"
        if name is not None:
            path += f"&{self._name}={quote(name)}"
        found: list[MemberT] = []
        while path:
            page, _ = self._issuer.call("GET", path)
            items, links = page.get("items"), page.get("_links")
            found += [self._kind.model_validate(item) for item in (items if isinstance(items, list) else ())]
            following = links.get("next") if isinstance(links, dict) else None
            path = str(following["href"]) if isinstance(following, dict) else ""
        return tuple(found)

    def find(self, name: str) -> tuple[MemberT, str]:
        """Return the one with this name, and its entity tag.

        Raises:
            ArniaError: There is none.
        """
        for member in self.members(name):
            state, headers = self._issuer.call("GET", self._at(member))
            return self._kind.model_validate(state), headers.get("etag", "*")
        raise ArniaError(f"{name!r} is no {self._noun}: `{self._listing}` shows all.")

    def add(self, state: Document, secret: tuple[str, str] | None) -> MemberT:
        """Make another one, with a secret (its kind, and what it is) or none; without its secret it is not made."""
        path = f"{self._path}/{uuid4()}"
        made, _ = self._issuer.call("PUT", path, state)
        member = self._kind.model_validate(made)
        if secret is not None:
            try:
                self.protect(member, *secret)
            except ArniaError:
                self._issuer.call("DELETE", path)
                raise
        return member

    def change(self, member: MemberT, etag: str, state: Document) -> MemberT:
        """Change what `state` names, unless somebody else did so meanwhile."""
        changed, _ = self._issuer.call("PATCH", self._at(member), state, {**_MERGE, "If-Match": etag})
        return self._kind.model_validate(changed)

    def protect(self, member: MemberT, kind: str, secret: str) -> None:
        """Give one another secret of a kind: its password, or its secret."""
        self._issuer.call("PUT", f"{self._at(member)}/{kind}", {kind: secret})

    def remove(self, member: MemberT, etag: str) -> None:
        """Forget one, unless somebody changed it meanwhile."""
        self._issuer.call("DELETE", self._at(member), headers={"If-Match": etag})

    def _at(self, member: MemberT) -> str:
        return f"{self._path}/{member.id}"

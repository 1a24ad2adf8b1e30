"""Where faults go: into an error at once, or into the collection of the page that is being read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from arnia.errors import DeclarationError


@dataclass(slots=True)
class Collection:
    """The faults of a page, collected while it runs.

    Attributes:
        faults: One sentence each, in the order of the page.
        unread: How many arguments could not be read, not even by guessing what was meant.
    """

    faults: list[str] = field(default_factory=list)
    unread: int = 0


_COLLECTION: ContextVar[Collection | None] = ContextVar("collection", default=None)


@contextmanager
def collecting() -> Iterator[Collection]:
    """Collect the faults of every value that is built meanwhile, instead of raising at the first.

    A wrong value is then built as it was probably meant, so that what leans on it is judged too. Nobody may use such
    values: raise when faults were collected.
    """
    collection = Collection()
    token = _COLLECTION.set(collection)
    try:
        yield collection
    finally:
        _COLLECTION.reset(token)


def tell(faults: Sequence[str]) -> None:
    """Collect the faults.

    Raises:
        DeclarationError: There are faults, and nobody collects.
    """
    collection = _COLLECTION.get()
    if collection is not None:
        collection.faults.extend(faults)
    elif faults:
        raise DeclarationError(faults)


def leave_unread() -> int:
    """Remember that an argument could not be read; return how many there are."""
    collection = _COLLECTION.get()
    if collection is None:
        return 1
    collection.unread += 1
    return collection.unread


def is_complete() -> bool:
    """Tell whether everything could be read, so that what is not there is really absent."""
    collection = _COLLECTION.get()
    return collection is None or not collection.unread

"""Identifiers that sort by the time of their making."""

from uuid import UUID

from uuid_utils import compat

__all__ = ["uuid7"]


def uuid7() -> UUID:
    """Return a new UUID of version 7 (RFC 9562); those of one process are strictly increasing."""
    return compat.uuid7()

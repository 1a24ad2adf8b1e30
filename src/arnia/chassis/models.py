"""How a service declares its tables, and the tables that the chassis adds to them.

```python
class Base(DeclarativeBase):
    registry = service_registry()


class Delivery(Identified, Versioned, Owned, Base):
    __tablename__ = "deliveries"
    status: Mapped[str]
```
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, registry
from sqlalchemy.types import TypeEngine

__all__ = [
    "LEFT",
    "Identified",
    "Owned",
    "Versioned",
    "attach_chassis_tables",
    "chassis_tables",
    "service_registry",
    "together",
]

LEFT: Final = "arnia_left"
"""The key in `MetaData.info` under which tables are named that no model describes any more."""

OUTBOX: Final = "arnia_outbox"
SEQUENCES: Final = "arnia_sequences"
IDEMPOTENCY: Final = "arnia_idempotency"
INBOX: Final = "arnia_inbox"
HEARD: Final = "arnia_heard"
UNDECODABLE: Final = "arnia_undecodable"
REDRIVES: Final = "arnia_redrives"

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name that can be computed, so that a migration can always drop it."""


class Identified:
    """A row whose key is a UUID chosen by the caller or by `arnia.chassis.uuids.uuid7`."""

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-1)


class Versioned:
    """A row that counts its changes: `version` starts at 1 and is what an entity tag is made of."""

    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"), sort_order=1000)
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), sort_order=1001)
    updated_at: Mapped[datetime] = mapped_column(server_default=text("now()"), sort_order=1002)


class Owned:
    """A row that belongs to a principal, or to nobody yet.

    It brings no index: what one principal owns is listed in some order, and `Index(None, "owner", "created_at", "id")`
    serves that and every look-up by owner.
    """

    @declared_attr
    def owner(self) -> Mapped[str | None]:
        """The principal's subject."""
        return mapped_column(Text, sort_order=1003)


def service_registry() -> registry:
    """Return a new registry whose metadata names every constraint and holds the tables of the chassis."""
    metadata = MetaData(naming_convention=NAMING)
    attach_chassis_tables(metadata)
    types: dict[type, TypeEngine[Any]] = {
        datetime: DateTime(timezone=True),
        UUID: Uuid(),
        str: Text(),
        dict: JSONB(),
        list: JSONB(),
    }
    return registry(metadata=metadata, type_annotation_map=types)


def together(*domains: MetaData, left: Sequence[str] = ()) -> MetaData:
    """Return the tables of several domains, which share one database, as one metadata.

    Args:
        domains: The metadata of each domain's own `service_registry()`.
        left: Tables that stay in the database though no model describes them: those of a domain that became a
            service. They are no drift, and no migration is proposed that drops them.

    Raises:
        ValueError: Two domains have a table of the same name.
    """
    metadata = MetaData(naming_convention=NAMING, info={LEFT: tuple(left)})
    attach_chassis_tables(metadata)
    own = chassis_tables()
    for domain in domains:
        for name in sorted(domain.tables.keys() - own):
            if name in metadata.tables:
                message = f"two domains have a table {name}: give one of them another name"
                raise ValueError(message)
            domain.tables[name].to_metadata(metadata)
    return metadata


def chassis_tables() -> frozenset[str]:
    """Return the names of the tables that the chassis adds to every service's."""
    return frozenset({OUTBOX, SEQUENCES, IDEMPOTENCY, INBOX, HEARD, UNDECODABLE, REDRIVES})


def attach_chassis_tables(metadata: MetaData) -> None:
    """Add the outbox, the sequences of aggregates, the inbox and the idempotency records to `metadata`."""
    _attach_outbox(metadata)
    _attach_inbox(metadata)
    _attach_leftovers(metadata)
    Table(
        SEQUENCES,
        metadata,
        Column("aggregate_type", Text, nullable=False),
        Column("aggregate_id", Uuid, nullable=False),
        Column("last", BigInteger, nullable=False),
        PrimaryKeyConstraint("aggregate_type", "aggregate_id"),
    )
    Table(
        IDEMPOTENCY,
        metadata,
        Column("scope", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("status", Integer, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("scope", "key"),
        Index("ix_arnia_idempotency_expires_at", "expires_at"),
    )


def _attach_outbox(metadata: MetaData) -> None:
    outbox = Table(
        OUTBOX,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("aggregate_type", Text, nullable=False),
        Column("aggregate_id", Uuid, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("type", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("sent_at", DateTime(timezone=True)),
        Column("refused_at", DateTime(timezone=True)),
        Column("cause", Text),
        UniqueConstraint("aggregate_type", "aggregate_id", "sequence"),
    )
    Index("ix_arnia_outbox_unsent", outbox.c.id, postgresql_where=outbox.c.sent_at.is_(None))
    place = (outbox.c.aggregate_type, outbox.c.aggregate_id, outbox.c.sequence)
    Index("ix_arnia_outbox_next", *place, postgresql_where=outbox.c.sent_at.is_(None))
    Index("ix_arnia_outbox_sent_at", outbox.c.sent_at, postgresql_where=outbox.c.sent_at.is_not(None))
    Index(
        "ix_arnia_outbox_refused",
        outbox.c.aggregate_type,
        outbox.c.aggregate_id,
        postgresql_where=and_(outbox.c.refused_at.is_not(None), outbox.c.sent_at.is_(None)),
    )


def _attach_inbox(metadata: MetaData) -> None:
    inbox = Table(
        INBOX,
        metadata,
        Column("consumer", Text, nullable=False),
        Column("message_id", Uuid, nullable=False),
        Column("aggregate_type", Text, nullable=False),
        Column("aggregate_id", Uuid, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("type", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("cause", Text, nullable=False, server_default=text("''")),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("due_at", DateTime(timezone=True)),
        Column("body", LargeBinary),
        Column("headers", JSONB),
        Column("source", Text),
        Column("time", DateTime(timezone=True)),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        Column("done_at", DateTime(timezone=True)),
        PrimaryKeyConstraint("consumer", "message_id"),
    )
    place = (inbox.c.consumer, inbox.c.aggregate_type, inbox.c.aggregate_id, inbox.c.sequence)
    Index("ix_arnia_inbox_kept", *place, postgresql_where=inbox.c.state.in_(("waiting", "parked")))
    Index("ix_arnia_inbox_due", inbox.c.consumer, inbox.c.due_at, postgresql_where=inbox.c.state == "waiting")
    Index("ix_arnia_inbox_done_at", inbox.c.done_at, postgresql_where=inbox.c.done_at.is_not(None))
    heard = Table(
        HEARD,
        metadata,
        Column("consumer", Text, nullable=False),
        Column("aggregate_type", Text, nullable=False),
        Column("aggregate_id", Uuid, nullable=False),
        Column("last", BigInteger),
        Column("baseline", BigInteger, nullable=False, server_default=text("0")),
        Column("waiting", Boolean, nullable=False, server_default=text("false")),
        Column("parked", Boolean, nullable=False, server_default=text("false")),
        PrimaryKeyConstraint("consumer", "aggregate_type", "aggregate_id"),
    )
    Index("ix_arnia_heard_parked", heard.c.consumer, postgresql_where=heard.c.parked)


def _attach_leftovers(metadata: MetaData) -> None:
    Table(
        UNDECODABLE,
        metadata,
        Column("consumer", Text, nullable=False),
        Column("digest", LargeBinary, nullable=False),
        Column("channel", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("fault", Text, nullable=False),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
        PrimaryKeyConstraint("consumer", "digest"),
    )
    redrives = Table(
        REDRIVES,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("consumer", Text, nullable=False),
        Column("aggregate_type", Text, nullable=False),
        Column("aggregate_id", Uuid, nullable=False),
        Column("message_id", Uuid, nullable=False),
        Column("action", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("cause", Text, nullable=False),
        Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    )
    Index("ix_arnia_redrives_at", redrives.c.at)

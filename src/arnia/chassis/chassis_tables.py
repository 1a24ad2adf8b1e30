"""The chassis' own tables, as the migrations of a service create them.

A migration must mean the same for ever, so each version is frozen SQL and does not look at `arnia.chassis.models`; the
drift check holds the newest version against it.

```python
def upgrade() -> None:
    create_chassis_tables(op)
```
"""

from typing import Final, Protocol

__all__ = ["create_chassis_tables", "drop_chassis_tables"]

CREATE: Final[dict[int, tuple[str, ...]]] = {
    1: (
        """
        CREATE TABLE arnia_outbox (
            id uuid NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            sequence bigint NOT NULL,
            type text NOT NULL,
            version integer NOT NULL,
            payload jsonb NOT NULL,
            headers jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            sent_at timestamptz,
            CONSTRAINT pk_arnia_outbox PRIMARY KEY (id),
            CONSTRAINT uq_arnia_outbox_aggregate_type_aggregate_id_sequence
                UNIQUE (aggregate_type, aggregate_id, sequence)
        )
        """,
        "CREATE INDEX ix_arnia_outbox_unsent ON arnia_outbox (id) WHERE sent_at IS NULL",
        """
        CREATE TABLE arnia_sequences (
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            last bigint NOT NULL,
            CONSTRAINT pk_arnia_sequences PRIMARY KEY (aggregate_type, aggregate_id)
        )
        """,
        """
        CREATE TABLE arnia_idempotency (
            scope text NOT NULL,
            key text NOT NULL,
            fingerprint bytea NOT NULL,
            status integer NOT NULL,
            headers jsonb NOT NULL,
            body bytea NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            expires_at timestamptz NOT NULL,
            CONSTRAINT pk_arnia_idempotency PRIMARY KEY (scope, key)
        )
        """,
        "CREATE INDEX ix_arnia_idempotency_expires_at ON arnia_idempotency (expires_at)",
    ),
}
DROP: Final[dict[int, tuple[str, ...]]] = {
    1: ("DROP TABLE arnia_idempotency", "DROP TABLE arnia_sequences", "DROP TABLE arnia_outbox"),
}


class Operations(Protocol):
    """The one thing of `alembic.op` that is needed here."""

    def execute(self, sqltext: str) -> None:
        """Run one statement."""


def create_chassis_tables(op: Operations, *, version: int = 1) -> None:
    """Create what version `version` of the chassis' tables adds to the one before."""
    for statement in CREATE[version]:
        op.execute(statement)


def drop_chassis_tables(op: Operations, *, version: int = 1) -> None:
    """Undo `create_chassis_tables` of the same version."""
    for statement in DROP[version]:
        op.execute(statement)

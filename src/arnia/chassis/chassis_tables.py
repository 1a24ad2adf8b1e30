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
    2: (
        "ALTER TABLE arnia_outbox ADD COLUMN refused_at timestamptz, ADD COLUMN cause text",
        """
        CREATE INDEX ix_arnia_outbox_refused ON arnia_outbox (aggregate_type, aggregate_id)
            WHERE refused_at IS NOT NULL AND sent_at IS NULL
        """,
        """
        CREATE INDEX ix_arnia_outbox_next ON arnia_outbox (aggregate_type, aggregate_id, sequence)
            WHERE sent_at IS NULL
        """,
        "CREATE INDEX ix_arnia_outbox_sent_at ON arnia_outbox (sent_at) WHERE sent_at IS NOT NULL",
        """
        CREATE TABLE arnia_inbox (
            consumer text NOT NULL,
            message_id uuid NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            sequence bigint NOT NULL,
            type text NOT NULL,
            version integer NOT NULL,
            state text NOT NULL,
            cause text NOT NULL DEFAULT '',
            attempts integer NOT NULL DEFAULT 0,
            due_at timestamptz,
            body bytea,
            headers jsonb,
            source text,
            time timestamptz,
            received_at timestamptz NOT NULL DEFAULT now(),
            done_at timestamptz,
            CONSTRAINT pk_arnia_inbox PRIMARY KEY (consumer, message_id)
        )
        """,
        """
        CREATE INDEX ix_arnia_inbox_kept ON arnia_inbox (consumer, aggregate_type, aggregate_id, sequence)
            WHERE state IN ('waiting', 'parked')
        """,
        "CREATE INDEX ix_arnia_inbox_due ON arnia_inbox (consumer, due_at) WHERE state = 'waiting'",
        "CREATE INDEX ix_arnia_inbox_done_at ON arnia_inbox (done_at) WHERE done_at IS NOT NULL",
        """
        CREATE TABLE arnia_heard (
            consumer text NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            last bigint,
            baseline bigint NOT NULL DEFAULT 0,
            waiting boolean NOT NULL DEFAULT false,
            parked boolean NOT NULL DEFAULT false,
            CONSTRAINT pk_arnia_heard PRIMARY KEY (consumer, aggregate_type, aggregate_id)
        )
        """,
        "CREATE INDEX ix_arnia_heard_parked ON arnia_heard (consumer) WHERE parked",
        """
        CREATE TABLE arnia_undecodable (
            consumer text NOT NULL,
            digest bytea NOT NULL,
            channel text NOT NULL,
            headers jsonb NOT NULL,
            body bytea NOT NULL,
            fault text NOT NULL,
            received_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_arnia_undecodable PRIMARY KEY (consumer, digest)
        )
        """,
        """
        CREATE TABLE arnia_redrives (
            id uuid NOT NULL,
            consumer text NOT NULL,
            aggregate_type text NOT NULL,
            aggregate_id uuid NOT NULL,
            message_id uuid NOT NULL,
            action text NOT NULL,
            by text NOT NULL,
            reason text NOT NULL,
            cause text NOT NULL,
            at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT pk_arnia_redrives PRIMARY KEY (id)
        )
        """,
        "CREATE INDEX ix_arnia_redrives_at ON arnia_redrives (at)",
    ),
}
DROP: Final[dict[int, tuple[str, ...]]] = {
    1: ("DROP TABLE arnia_idempotency", "DROP TABLE arnia_sequences", "DROP TABLE arnia_outbox"),
    2: (
        "DROP TABLE arnia_redrives",
        "DROP TABLE arnia_undecodable",
        "DROP TABLE arnia_heard",
        "DROP TABLE arnia_inbox",
        "DROP INDEX ix_arnia_outbox_sent_at",
        "DROP INDEX ix_arnia_outbox_next",
        "DROP INDEX ix_arnia_outbox_refused",
        "ALTER TABLE arnia_outbox DROP COLUMN refused_at, DROP COLUMN cause",
    ),
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

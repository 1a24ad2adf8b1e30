"""Models, their names, and what the chassis adds; migrations as far as they need no server."""

from pathlib import Path

import pytest
from sqlalchemy import DateTime, Index, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped

from arnia.chassis.chassis_tables import CREATE, DROP, create_chassis_tables, drop_chassis_tables
from arnia.chassis.migrations import head
from arnia.chassis.models import Identified, Owned, Versioned, service_registry, together
from arnia.errors import UsageError


class Recorder:
    """Records what a migration would run."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sqltext: str) -> None:
        """Record one statement."""
        self.statements.append(sqltext)


OWN = {
    "arnia_heard",
    "arnia_idempotency",
    "arnia_inbox",
    "arnia_outbox",
    "arnia_redrives",
    "arnia_sequences",
    "arnia_undecodable",
}


def test_registry() -> None:
    """Two services share no metadata, and each has the chassis' tables."""

    class One(DeclarativeBase):
        registry = service_registry()

    class Two(DeclarativeBase):
        registry = service_registry()

    assert One.metadata is not Two.metadata
    assert set(One.metadata.tables) == OWN


def test_together() -> None:
    """The domains of one service make one metadata, with the chassis' tables once; a name is taken once."""

    class One(DeclarativeBase):
        registry = service_registry()

    class Two(DeclarativeBase):
        registry = service_registry()

    class Bee(Identified, Owned, One):
        __tablename__ = "bees"
        __table_args__ = (Index(None, "owner"),)

    class Cell(Identified, Two):
        __tablename__ = "cells"

    whole = together(One.metadata, Two.metadata)

    assert set(whole.tables) == OWN | {"bees", "cells"}
    assert {index.name for index in whole.tables["bees"].indexes} == {"ix_bees_owner"}
    assert whole.tables["cells"].primary_key.name == "pk_cells"
    with pytest.raises(ValueError, match="a table bees"):
        together(One.metadata, One.metadata)


def test_mixins() -> None:
    """The mixins give a key, a version with its times, and an owner that may be absent; times know their zone."""

    class Base(DeclarativeBase):
        registry = service_registry()

    class Thing(Identified, Versioned, Owned, Base):
        __tablename__ = "things"
        label: Mapped[str]

    table = Base.metadata.tables["things"]
    assert [column.name for column in table.columns] == ["id", "label", "version", "created_at", "updated_at", "owner"]
    assert isinstance(table.c.id.type, Uuid)
    assert isinstance(table.c.label.type, Text)
    assert isinstance(table.c.created_at.type, DateTime)
    assert table.c.created_at.type.timezone
    assert table.c.owner.nullable
    assert not table.c.version.nullable
    assert table.primary_key.name == "pk_things"
    assert not table.indexes


def test_every_constraint_is_named() -> None:
    """Every constraint and index of the chassis' tables has a name that a migration can use."""
    for table in service_registry().metadata.sorted_tables:
        assert all(constraint.name for constraint in table.constraints)
        assert all(index.name for index in table.indexes)


def test_chassis_tables() -> None:
    """What a version creates it can drop, and an unknown version is refused."""
    recorder = Recorder()
    create_chassis_tables(recorder)
    drop_chassis_tables(recorder)
    assert recorder.statements == [*CREATE[1], *DROP[1]]
    assert CREATE.keys() == DROP.keys()
    with pytest.raises(KeyError):
        create_chassis_tables(recorder, version=99)


def write(folder: Path, revision: str, parent: str | None) -> None:
    (folder / "versions").mkdir(exist_ok=True)
    (folder / "versions" / f"{revision}.py").write_text(f"revision: str = {revision!r}\ndown_revision = {parent!r}\n")


def test_head(tmp_path: Path) -> None:
    """The newest migration is the one that no other follows; without migrations there is none."""
    assert head(tmp_path) is None
    write(tmp_path, "b", "a")
    write(tmp_path, "a", None)
    write(tmp_path, "c", "b")
    assert head(tmp_path) == "c"


def test_two_heads(tmp_path: Path) -> None:
    """Two migrations that follow the same one are told by name."""
    write(tmp_path, "a", None)
    write(tmp_path, "b", "a")
    write(tmp_path, "c", "a")
    with pytest.raises(UsageError, match="b and c both claim"):
        head(tmp_path)

"""Statements are compiled once, and say clearly what does not fit."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    ARRAY,
    Column,
    Executable,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    any_,
    bindparam,
    delete,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from arnia.chassis.statements import Shapes, Statement, StatementError
from arnia.testing.parcels import ADD, GET, PUT, find

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Uuid, primary_key=True),
    Column("label", Text),
    Column("size", Integer),
)


def test_numbers_and_order() -> None:
    """Parameters are numbered, a repeated one once, and values come in that order."""
    statement = Statement(text("SELECT :b, :a, :b"))
    assert statement.sql == "SELECT $1, $2, $1"
    assert statement.names == ("b", "a")
    assert statement.arguments({"a": 1, "b": 2}) == [2, 1]


def test_constants() -> None:
    """Constants of the statement are parameters too, filled in by themselves, and cannot be overridden."""
    statement = Statement(select(THINGS.c.id).where(THINGS.c.size > 5, THINGS.c.label == bindparam("label")))
    assert statement.required == {"label"}
    assert set(statement.arguments({"label": "x"})) == {5, "x"}
    with pytest.raises(StatementError, match="unknown size_1"):
        statement.arguments({"label": "x", "size_1": 6})


def test_default() -> None:
    """A named parameter with a default may be left out or given."""
    statement = Statement(select(THINGS.c.id).where(THINGS.c.size == bindparam("size", 5)))
    assert statement.arguments({}) == [5]
    assert statement.arguments({"size": 6}) == [6]


def test_known_list() -> None:
    """A list that is known when the statement is written is spelled out."""
    statement = Statement(select(THINGS.c.id).where(THINGS.c.label.in_(["a", "b"]), THINGS.c.size == bindparam("size")))
    assert sorted(map(str, statement.arguments({"size": 1}))) == ["1", "a", "b"]


def test_unknown_list() -> None:
    """A list that is known only later is refused with the way out, and the way out works."""
    with pytest.raises(StatementError, match=r"any_\(\).*labels"):
        Statement(select(THINGS).where(THINGS.c.label.in_(bindparam("labels", expanding=True))))
    array = bindparam("labels", type_=ARRAY(Text))
    assert "ANY ($1::TEXT[])" in Statement(select(THINGS).where(THINGS.c.label == any_(array))).sql


def test_whole_row() -> None:
    """An INSERT without values takes every column as parameter."""
    assert Statement(insert(THINGS)).names == ("id", "label", "size")


def test_python_defaults() -> None:
    """A default that Python would compute is refused, since nobody would compute it."""
    table = Table("made", MetaData(), Column("id", Uuid, primary_key=True, default=lambda: UUID(int=0)))
    with pytest.raises(StatementError, match="server_default"):
        Statement(insert(table).values({}))


def test_reserved_name() -> None:
    """What SQLAlchemy cannot compile is told as an error of the statement."""
    with pytest.raises(StatementError, match="reserved"):
        Statement(upsert(THINGS).on_conflict_do_update(index_elements=["id"], set_={"label": bindparam("label")}))


def test_not_a_statement() -> None:
    """Something that is no statement is refused."""
    with pytest.raises(StatementError, match="not a SQLAlchemy statement"):
        Statement("SELECT 1")  # type: ignore[arg-type]  # the mistake under test


@given(st.sets(st.sampled_from(["id", "label", "grams", "extra", "version_1"])))
def test_parameters_fit_or_are_named(names: set[str]) -> None:
    """Whatever is given, either it fits exactly or every missing and unknown name is told."""
    given_values = dict.fromkeys(names, 1)
    needed = {"id", "label", "grams"}
    if names == needed:
        assert len(PUT.arguments(given_values)) == len(PUT.names)
        return
    with pytest.raises(StatementError) as caught:
        PUT.arguments(given_values)
    for name in names ^ needed:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("executable", "writes"),
    [
        (select(THINGS), False),
        (select(THINGS).with_for_update(), True),
        (insert(THINGS), True),
        (update(THINGS).values(size=1), True),
        (delete(THINGS), True),
        (select(delete(THINGS).returning(THINGS.c.id).cte("gone")), True),
        (text("  select 1"), False),
        (text("WITH gone AS (DELETE FROM things RETURNING id) SELECT * FROM gone"), True),
        (text("SELECT 1 FOR UPDATE"), True),
    ],
)
def test_writes(executable: Executable, *, writes: bool) -> None:
    """A statement knows whether it may change or lock rows."""
    assert Statement(executable).writes is writes


def test_shapes_compile_once() -> None:
    """Each shape is built at its first use and only then, however its arguments are ordered."""
    built: list[tuple[frozenset[str], bool]] = []

    @Shapes
    def listing(filters: frozenset[str], *, descending: bool) -> Executable:
        built.append((filters, descending))
        return select(THINGS)

    first = listing(frozenset({"a", "b"}), descending=True)
    assert listing(frozenset({"b", "a"}), descending=True) is first
    assert listing(frozenset(), descending=True) is not first
    assert len(built) == len(listing) == 2


def test_shapes_are_few() -> None:
    """A value that slipped into the shape is found out instead of filling the memory."""
    listing = Shapes(lambda value: select(THINGS).where(THINGS.c.size == value), limit=10)
    for value in range(10):
        listing(value)
    with pytest.raises(StatementError, match="values as parameters"):
        listing(10)
    assert listing(9) is listing(9)


def test_keyset_shapes() -> None:
    """A page that goes on behind a row compares sort key and identity together."""
    on = find(frozenset({"label"}), descending=True, resumed=True)
    assert "(parcels.grams, parcels.id) < (" in on.sql
    assert on.required == {"label", "last_grams", "last_id", "limit"}
    assert find(frozenset(), descending=False, resumed=False).required == {"limit"}
    assert ADD.writes
    assert not GET.writes
    assert "$1" in repr(GET)

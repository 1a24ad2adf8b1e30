"""SQL that is written with SQLAlchemy and compiled once.

```python
FIND = Statement(select(deliveries).where(deliveries.c.id == bindparam("id")))
row = await session.fetch_one(FIND, id=delivery_id)
```

Values go to asyncpg as they are and rows come back as they are: types that convert in Python (`Enum`, `PickleType`,
`TypeDecorator`) do not do so here. `column IN (...)` with a list that is only known later has no fixed text: write
`column == any_(bindparam("values", type_=ARRAY(Text)))`.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import Final, Generic, ParamSpec

from sqlalchemy import ClauseElement, Executable, TextClause
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.exc import CompileError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from typing_extensions import override

__all__ = ["Shapes", "Statement", "StatementError"]

DIALECT: Final = asyncpg_dialect()  # type: ignore[no-untyped-call]  # untyped in SQLAlchemy
Shape = ParamSpec("Shape")


class StatementError(TypeError):
    """A statement cannot be compiled once, or is run with the wrong parameters: a mistake in the program."""


class Statement:
    """One SQL text with numbered parameters, ready to be prepared by the server.

    Attributes:
        sql: The text, with `$1`, `$2`... in it.
        names: What goes into `$1`, `$2`... in order; a constant has a name too.
        required: The parameters that have to be given at each run.
        writes: Whether running it may change rows or lock them.

    Raises:
        StatementError: When its text depends on values, or on defaults that Python would have to compute.
    """

    __slots__ = ("_constants", "_optional", "names", "required", "sql", "writes")

    def __init__(self, executable: Executable) -> None:
        compiled = _compile(executable)
        required = {name: None for name, bind in compiled.binds.items() if bind.required}
        expanded = compiled.construct_expanded_state(required)
        named = {name for name, bind in compiled.binds.items() if not bind.unique and not bind.required}
        self.sql: str = expanded.statement
        self.names: tuple[str, ...] = tuple(expanded.positiontup or ())
        self._constants = {name: expanded.parameters[name] for name in self.names if name not in required}
        self._optional = named & self._constants.keys()
        self.required: frozenset[str] = frozenset(self.names) & required.keys()
        self.writes: bool = _writes(executable)

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """Return the values of `$1`, `$2`... in order.

        Raises:
            StatementError: When a parameter is missing or the statement does not have it.
        """
        if parameters.keys() != self.required:
            self._check(parameters)
        if not self._constants:
            return [parameters[name] for name in self.names]
        constants = self._constants
        return [parameters[name] if name in parameters else constants[name] for name in self.names]

    def _check(self, parameters: Mapping[str, object]) -> None:
        missing = sorted(self.required - parameters.keys())
        unknown = sorted(parameters.keys() - self.required - self._optional)
        if missing or unknown:
            named = (("missing", missing), ("unknown", unknown))
            parts = [f"{word} {', '.join(names)}" for word, names in named if names]
            message = f"parameters do not fit: {'; '.join(parts)}; in: {self.sql}"
            raise StatementError(message)

    @override
    def __repr__(self) -> str:
        return f"Statement({self.sql!r})"


class Shapes(Generic[Shape]):
    """The few texts of a statement with optional parts, each compiled when it is first asked for.

    ```python
    @Shapes
    def page(filters: frozenset[str], descending: bool, after: bool) -> Executable: ...

    await session.fetch_all(page(frozenset({"status"}), descending=False, after=True), status="pending", ...)
    ```

    Arguments say the shape, never a value: `limit` is the most shapes that are kept.

    Raises:
        StatementError: When more shapes are asked for than `limit`, which means that a value slipped into a shape.
    """

    def __init__(self, build: Callable[Shape, Executable], *, limit: int = 512) -> None:
        self._build = build
        self._limit = limit
        self._statements: dict[Hashable, Statement] = {}

    def __call__(self, *args: Shape.args, **kwargs: Shape.kwargs) -> Statement:
        """Return the statement of this shape."""
        key = (args, tuple(sorted(kwargs.items())))
        statement = self._statements.get(key)
        if statement is None:
            if len(self._statements) >= self._limit:
                message = f"more than {self._limit} shapes of one statement: give values as parameters, not as shape"
                raise StatementError(message)
            statement = self._statements[key] = Statement(self._build(*args, **kwargs))
        return statement

    def __len__(self) -> int:
        return len(self._statements)


def _compile(executable: Executable) -> SQLCompiler:
    if not isinstance(executable, ClauseElement):
        message = f"not a SQLAlchemy statement: {executable!r}"
        raise StatementError(message)
    try:
        compiled = executable.compile(dialect=DIALECT)
    except CompileError as error:
        raise StatementError(str(error)) from error
    if not isinstance(compiled, SQLCompiler):
        message = f"not a statement that runs with parameters: {compiled}"
        raise StatementError(message)
    computed = [*compiled.insert_prefetch, *compiled.update_prefetch]
    if computed:
        names = ", ".join(sorted(str(column.name) for column in computed))
        message = f"give {names} as parameters or a server_default, Python defaults are not computed; in: {compiled}"
        raise StatementError(message)
    late = sorted({bind.key for bind in compiled.post_compile_params if bind.required})
    if late:
        message = f"IN has no fixed text: compare with any_() of one array instead of {', '.join(late)}; in: {compiled}"
        raise StatementError(message)
    return compiled


def _writes(executable: Executable) -> bool:
    """Tell whether `executable` may change or lock rows; a text does unless it is plainly a SELECT or VALUES."""
    if isinstance(executable, TextClause):
        words = executable.text.lower().split()
        return words[:1] not in (["select"], ["values"], ["show"]) or "for" in words[-4:]
    parts = visitors.iterate(executable) if isinstance(executable, ClauseElement) else ()
    return any(isinstance(part, UpdateBase) or getattr(part, "_for_update_arg", None) is not None for part in parts)

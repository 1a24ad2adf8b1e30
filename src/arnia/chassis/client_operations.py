"""What a declared client's methods declare: the operation behind each typed stub, read once, when its class is made."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import quote, urlencode
from uuid import UUID

from pydantic import JsonValue, PydanticSchemaGenerationError, TypeAdapter

from arnia.conventions import JSON_PATCH_MEDIA_TYPE, MERGE_PATCH_MEDIA_TYPE, version_prefix
from arnia.errors import NotFound

__all__ = ["Declared", "Operation", "Versioned", "delete", "get", "patch", "post", "put", "read_operations"]

Kind = Literal["command", "notification", "task", "ingestion"]
T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])

DECLARED: Final = "__arnia_call__"
BODY: Final = "body"
KEY: Final = "idempotency_key"
IF_MATCH: Final = "if_match"
CONDITIONAL: Final = frozenset({"PUT", "PATCH", "DELETE"})
IDEMPOTENT: Final = frozenset({"GET", "PUT", "DELETE"})
_PLACEHOLDER: Final = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Versioned(Generic[T]):
    """What was answered, and of which version it is.

    A stub that returns `Versioned[View]` gets it; a PUT, PATCH or DELETE with a parameter `if_match: str` sends `etag`
    back, and is refused with 412 where somebody else was faster. Where such a call is retried, an Idempotency-Key goes
    along with every attempt; at a provider that keeps no keys, that somebody may be the first attempt.

    Attributes:
        etag: The ETag field as it came.
    """

    value: T
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a decorator says of a stub.

    Attributes:
        method: The HTTP method.
        path: The path below the API's version, with its parameters in braces.
        scopes: What the provider demands.
        as_user: Whether the call is made on behalf of the user, by token exchange.
        cached: Whether an answer is kept for as long as it says it is fresh; a number: for so many seconds.
        hedged: Whether a second request is sent beside a slow one.
        keyed: Whether an Idempotency-Key goes along always, which the provider has to honour.
        kind: What is wanted, where its form does not tell: see `arnia.contracts`' decision matrix.
        per_second: How often it is called, at most.
    """

    method: str
    path: str
    scopes: tuple[str, ...] = ()
    as_user: bool = False
    cached: bool | float = False
    hedged: bool = False
    keyed: bool = False
    kind: Kind | None = None
    per_second: float = 0.0


def get(
    path: str,
    *,
    scopes: tuple[str, ...] = (),
    as_user: bool = False,
    cached: bool | float = False,
    hedged: bool = False,
    per_second: float = 0.0,
) -> Callable[[M], M]:
    """Declare a read.

    `cached=True` obeys the answers' Cache-Control; a number says how many seconds old is good enough. `hedged` sends a
    second request beside one that is slower than nearly all, inside the retry budget.
    """
    return _mark(
        Declared(
            method="GET",
            path=path,
            scopes=scopes,
            as_user=as_user,
            cached=cached,
            hedged=hedged,
            per_second=per_second,
        )
    )


def put(
    path: str,
    *,
    scopes: tuple[str, ...] = (),
    as_user: bool = False,
    keyed: bool = False,
    kind: Kind | None = None,
    per_second: float = 0.0,
) -> Callable[[M], M]:
    """Declare a PUT: idempotent, so it is retried."""
    return _mark(
        Declared(method="PUT", path=path, scopes=scopes, as_user=as_user, keyed=keyed, kind=kind, per_second=per_second)
    )


def delete(
    path: str,
    *,
    scopes: tuple[str, ...] = (),
    as_user: bool = False,
    keyed: bool = False,
    kind: Kind | None = None,
    per_second: float = 0.0,
) -> Callable[[M], M]:
    """Declare a DELETE: idempotent, so it is retried; without a key, 404 may mean then that the first one did it."""
    return _mark(
        Declared(
            method="DELETE", path=path, scopes=scopes, as_user=as_user, keyed=keyed, kind=kind, per_second=per_second
        )
    )


def post(
    path: str,
    *,
    scopes: tuple[str, ...] = (),
    as_user: bool = False,
    keyed: bool = False,
    kind: Kind | None = None,
    per_second: float = 0.0,
) -> Callable[[M], M]:
    """Declare a POST. Only `keyed`, with an Idempotency-Key that the provider must honour, is it retried."""
    return _mark(
        Declared(
            method="POST", path=path, scopes=scopes, as_user=as_user, keyed=keyed, kind=kind, per_second=per_second
        )
    )


def patch(
    path: str,
    *,
    scopes: tuple[str, ...] = (),
    as_user: bool = False,
    keyed: bool = False,
    kind: Kind | None = None,
    per_second: float = 0.0,
) -> Callable[[M], M]:
    """Declare a PATCH: a model is sent as a merge patch of the fields that are set, a list as a JSON patch."""
    return _mark(
        Declared(
            method="PATCH", path=path, scopes=scopes, as_user=as_user, keyed=keyed, kind=kind, per_second=per_second
        )
    )


def _mark(declared: Declared) -> Callable[[M], M]:
    def mark(stub: M) -> M:
        stub.__dict__[DECLARED] = declared
        return stub

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of another service, as its consumer sees it.

    Attributes:
        name: The method's.
        path: The whole path, with its parameters in braces.
        names: All parameters, in their order.
        defaults: Those that may be left out.
        template: The path, to be filled with `%`.
        headers: What says the same in each call.
        path_names: Those in the path.
        query: Those in the query.
        body: What is sent; None for nothing.
        answer: What is read; None for nothing.
        read: Reads it from JSON.
        versioned: Whether the answer is told with its ETag.
        if_match: Whether an If-Match goes along always, where one is given, or never.
        repeatable: Whether it does no harm to send it twice.
    """

    name: str
    path: str
    declared: Declared
    names: tuple[str, ...]
    defaults: Mapping[str, object]
    template: str
    headers: Mapping[str, str]
    path_names: Mapping[str, TypeAdapter[Any]]
    query: Mapping[str, TypeAdapter[Any]]
    body: TypeAdapter[Any] | None
    body_type: str
    answer: TypeAdapter[Any] | None
    read: Callable[[bytes], Any] | None
    versioned: bool
    if_match: Literal["required", "optional"] | None
    repeatable: bool

    def bind(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments of a call by name.

        Raises:
            TypeError: as for any function.
        """
        if not kwargs and len(args) == len(self.names):
            return dict(zip(self.names, args, strict=True))
        given = {**self.defaults, **dict(zip(self.names, args, strict=False)), **kwargs}
        if len(given) != len(self.names) or len(args) > len(self.names) or not given.keys() <= set(self.names):
            message = f"{self.name}() takes the arguments {', '.join(self.names)}"
            raise TypeError(message)
        return given

    def render(self, given: Mapping[str, object]) -> tuple[str, bytes]:
        """Return the target and the body for the arguments `given`.

        Raises:
            NotFound: a value cannot be a part of a path.
        """
        parts = {name: _segment(adapter, given[name]) for name, adapter in self.path_names.items()}
        target = self.template % parts
        if self.query:
            pairs = [pair for name, adapter in self.query.items() for pair in _pairs(name, adapter, given[name])]
            target += f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""
        content = b""
        if self.body is not None:
            content = self.body.dump_json(given[BODY], by_alias=True, exclude_unset=self.declared.method == "PATCH")
        return target, content


def read_operations(kind: type, version: int) -> tuple[Operation, ...]:
    """Return the operations that the stubs of the class `kind` declare.

    Raises:
        TypeError: a stub does not add up; the sentence names it.
    """
    found = []
    for name, stub in vars(kind).items():
        declared = getattr(stub, DECLARED, None)
        if isinstance(declared, Declared):
            found.append(_read(f"{kind.__name__}.{name}", stub, declared, version))
        elif inspect.isfunction(stub) and not name.startswith("_"):
            message = f"{kind.__name__}.{name} declares no call: decorate it with @get, @put, @post, @patch or @delete"
            raise TypeError(message)
    return tuple(found)


def _read(where: str, stub: Callable[..., object], declared: Declared, version: int) -> Operation:
    if not inspect.iscoroutinefunction(stub):
        raise TypeError(f"{where} is no `async def`: a call takes time")
    if not declared.path.startswith("/"):
        raise TypeError(f"{where}: the path {declared.path!r} begins with no slash")
    types, defaults = _parameters(where, stub)
    placeholders = _PLACEHOLDER.findall(declared.path)
    for name in placeholders:
        if name not in types:
            raise TypeError(f"{where}: the path names {{{name}}}, which is no parameter of the method")
        if name in defaults:
            raise TypeError(f"{where}: {name} is in the path and has a default")
    answer = types.pop("return")
    versioned = get_origin(answer) is Versioned
    if versioned:
        (answer,) = get_args(answer)
    body = types.get(BODY)
    if body is not None and declared.method in {"GET", "DELETE"}:
        raise TypeError(f"{where}: a {declared.method} has no body")
    if KEY in types and not declared.keyed:
        raise TypeError(f"{where}: {KEY} is a parameter of calls that are declared with `keyed=True`")
    if_match = _if_match(where, declared.method, types, defaults)
    adapters = {name: _adapter(where, name, kind) for name, kind in types.items()}
    patch_type = JSON_PATCH_MEDIA_TYPE if getattr(body, "__origin__", None) is list else MERGE_PATCH_MEDIA_TYPE
    path = version_prefix(version) + declared.path
    body_type = patch_type if declared.method == "PATCH" else "application/json"
    reader = None if answer in {None, type(None)} else _adapter(where, "return", answer)
    return Operation(
        name=where.rpartition(".")[2],
        path=path,
        template=_PLACEHOLDER.sub(r"%(\1)s", path.replace("%", "%%")),
        headers={"accept": "application/json", **({} if body is None else {"content-type": body_type})},
        declared=declared,
        names=tuple(types),
        defaults=defaults,
        path_names={name: adapters[name] for name in placeholders},
        query={name: each for name, each in adapters.items() if name not in {*placeholders, BODY, KEY, IF_MATCH}},
        body=adapters.get(BODY),
        body_type=body_type,
        answer=reader,
        read=None if reader is None else reader.validator.validate_json,
        versioned=versioned,
        if_match=if_match,
        repeatable=declared.method in IDEMPOTENT or declared.keyed,
    )


def _if_match(
    where: str, method: str, types: Mapping[str, Any], defaults: Mapping[str, object]
) -> Literal["required", "optional"] | None:
    kind = types.get(IF_MATCH)
    if kind is None:
        return None
    if method not in CONDITIONAL:
        raise TypeError(f"{where}: {IF_MATCH} is a parameter of a PUT, a PATCH or a DELETE")
    if kind not in {str, str | None}:
        raise TypeError(f"{where}: {IF_MATCH} is the ETag of a version: a `str`, or `str | None`")
    return "required" if kind is str and IF_MATCH not in defaults else "optional"


def _parameters(where: str, stub: Callable[..., object]) -> tuple[dict[str, Any], dict[str, object]]:
    try:
        types = get_type_hints(stub, include_extras=True)
    except NameError as error:
        raise TypeError(f"{where}: {error}; a client's types are known where its class is made") from None
    parameters = list(inspect.signature(stub).parameters.values())[1:]
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise TypeError(f"{where}: each parameter of a call has a name, so *{parameter.name} cannot be sent")
        if parameter.name not in types:
            raise TypeError(f"{where}: {parameter.name} has no type")
    if "return" not in types:
        raise TypeError(f"{where} does not say what it returns: a view, a list of views, or None")
    defaults = {each.name: each.default for each in parameters if each.default is not each.empty}
    return {**{each.name: types[each.name] for each in parameters}, "return": types["return"]}, defaults


def _adapter(where: str, name: str, kind: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(kind)
    except PydanticSchemaGenerationError:
        what = "what it returns" if name == "return" else name
        raise TypeError(f"{where}: {what} is of a type that pydantic cannot read or write") from None


def _segment(adapter: TypeAdapter[Any], value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    text = value if isinstance(value, str) else _text(adapter.dump_python(value, mode="json"))
    if text in {"", ".", ".."}:
        # These are no names in a path (RFC 3986, 3.3): a URL library would walk to another resource.
        raise NotFound
    return quote(text, safe="")


def _pairs(name: str, adapter: TypeAdapter[Any], value: object) -> list[tuple[str, str]]:
    if value is None:
        return []
    plain = value if type(value) is str else adapter.dump_python(value, mode="json")
    return [(name, _text(each)) for each in (plain if isinstance(plain, list) else [plain])]


def _text(value: JsonValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)

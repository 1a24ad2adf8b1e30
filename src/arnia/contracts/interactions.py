"""The decision matrix: which use case asks for which pattern of communication, and which declared call is of another.

Five rows, those of the blueprint (section 4). A call's own declaration says which use case it is; what it does not say
follows from its form: a GET is a query, a POST whose answer nobody reads is a notification, what is only ever answered
with 202 is a task, and everything else is a command. `x-budget-ms` at an operation says how long it may take.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from arnia.contracts.documents import Contract, Document, operations
from arnia.conventions import BUDGET_EXTENSION

_ACCEPTED = "202"


class UseCase(StrEnum):
    """What one service wants of another."""

    QUERY = "query"
    COMMAND = "command"
    NOTIFICATION = "notification"
    TASK = "task"
    INGESTION = "ingestion"


class Advice(BaseModel):
    """A row of the matrix.

    Attributes:
        pattern: How services should communicate then.
        reason: Why.
        care: What has to be thought of.
    """

    model_config = ConfigDict(frozen=True)

    pattern: str
    reason: str
    care: str


MATRIX: Mapping[UseCase, Advice] = {
    UseCase.QUERY: Advice(
        pattern="synchronous, over HTTP",
        reason="the caller needs the answer to go on",
        care="cache what is asked for often; handle timeouts and failures",
    ),
    UseCase.COMMAND: Advice(
        pattern="synchronous, over HTTP",
        reason="the caller waits for success or failure",
        care="it is quick; what takes long is a task",
    ),
    UseCase.NOTIFICATION: Advice(
        pattern="asynchronous, an event through the broker",
        reason="the emitter depends on nobody's being up, and several may hear it",
        care="the event carries all that hearers need, and they take it twice without harm",
    ),
    UseCase.TASK: Advice(
        pattern="asynchronous, 202 and an operation to follow",
        reason="no request waits, and none times out",
        care="the caller can see how far it is",
    ),
    UseCase.INGESTION: Advice(
        pattern="asynchronous, events through a broker for high volume",
        reason="the broker takes the peaks, and loses nothing",
        care="it is there when it is there: no latency is promised",
    ),
}

QUICK_MS = 1_000
"""What takes longer is not waited for."""
MANY_PER_SECOND = 100
"""More calls than that are a stream."""


class Interaction(BaseModel):
    """One declared interaction.

    Attributes:
        source: Who calls, or emits.
        target: Who is called, or hears.
        what: The operation, or the type of event.
        use_case: Which row of the matrix it is.
        pattern: What the matrix says to use.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    target: str
    what: str
    use_case: UseCase
    pattern: str


def read_interactions(consumer: Contract, provider: Contract) -> Iterator[Interaction]:
    """Yield every declared call of `consumer` at `provider`, with the pattern that the matrix has for it."""
    for call, operation in _calls(consumer, provider):
        use_case = _use_case(call, operation)
        yield Interaction(
            source=consumer.service,
            target=provider.service,
            what=f"{call['method']} {call['path']}",
            use_case=use_case,
            pattern=MATRIX[use_case].pattern,
        )


def tell(event: str, emitter: str, hearer: str) -> Interaction:
    """Return the interaction that an event is."""
    use_case = UseCase.NOTIFICATION
    return Interaction(source=emitter, target=hearer, what=event, use_case=use_case, pattern=MATRIX[use_case].pattern)


def hold_patterns(consumer: Contract, provider: Contract) -> Iterator[str]:
    """Yield, as sentences, every call of `consumer` at `provider` for which the matrix has another pattern."""
    for call, operation in _calls(consumer, provider):
        place = f"{consumer.service} calls {call['method']} {call['path']} of {provider.service}"
        use_case, rate = _use_case(call, operation), call.get("per_second") or 0
        milliseconds, offered = _budget(operation), operation.get("responses", {})
        if use_case is UseCase.INGESTION or (rate > MANY_PER_SECOND and use_case is not UseCase.QUERY):
            often = f" {rate:g} times a second" if rate else ""
            yield f"{place}{often}, which is high volume: {_use(UseCase.INGESTION)}."
        elif rate > MANY_PER_SECOND and not call.get("cached"):
            yield f"{place} {rate:g} times a second: declare it with `cached=True`, or more than a moment's age."
        elif use_case is UseCase.NOTIFICATION:
            what = "and reads no answer, which is a notification"
            yield f'{place} {what}: {_use(UseCase.NOTIFICATION)}; if it has to be done, declare `kind="command"`.'
        elif use_case is UseCase.TASK and _ACCEPTED not in offered:
            yield f"{place} as a task, which is answered only once it is done: let {provider.service} offer a 202."
        elif use_case is not UseCase.TASK and milliseconds > QUICK_MS:
            what = f"and waits for it, which takes up to {milliseconds} ms"
            yield f'{place} {what}: {_use(UseCase.TASK)}, and declare `kind="task"`.'


def hold_budgets(provider: Contract) -> Iterator[str]:
    """Yield, as sentences, every operation of `provider` that takes long and lets its callers wait."""
    for document in provider.openapi.values():
        for path, method, operation in operations(document):
            milliseconds = _budget(operation)
            if milliseconds > QUICK_MS and _ACCEPTED not in operation.get("responses", {}):
                what = f"serves {method} {path}, which takes up to {milliseconds} ms, and is answered only then"
                yield f"{provider.service} {what}: {_use(UseCase.TASK)}."


def _use(use_case: UseCase) -> str:
    advice = MATRIX[use_case]
    return f"use what is {advice.pattern} ({advice.reason})"


def _calls(consumer: Contract, provider: Contract) -> Iterator[tuple[Document, Document]]:
    """Yield each call that is served, with the operation that it is of."""
    called = consumer.calls.get("calls", {}).get(provider.service)
    if isinstance(called, dict):
        document = provider.openapi.get(called["version"], {})
        served = {(method, _anonymous(path)): operation for path, method, operation in operations(document)}
        for call in called.get("operations", ()):
            operation = served.get((call["method"], _anonymous(call["path"])))
            if operation is not None:
                yield call, operation


def _use_case(call: Document, operation: Document) -> UseCase:
    if call.get("kind"):
        return UseCase(call["kind"])
    if call["method"] == "GET":
        return UseCase.QUERY
    if {status for status in operation.get("responses", {}) if status.startswith("2")} == {_ACCEPTED}:
        return UseCase.TASK
    if call["method"] == "POST" and call.get("answer") is None:
        return UseCase.NOTIFICATION
    return UseCase.COMMAND


def _budget(operation: Document) -> int:
    given = operation.get(BUDGET_EXTENSION, 0)
    return given if isinstance(given, int) else 0


def _anonymous(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))

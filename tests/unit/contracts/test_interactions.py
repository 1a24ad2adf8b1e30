"""The decision matrix: each declared interaction has its pattern, and one of the wrong kind is reported with it."""

import pytest

from arnia.chassis.application import create_app
from arnia.chassis.client import Client, get, post, put
from arnia.chassis.routing import Router
from arnia.chassis.schemas import View
from arnia.chassis.security import anyone
from arnia.chassis.settings import ServiceSettings, service_settings
from arnia.contracts import Contract, Edges, judge, read_interactions, tell
from arnia.contracts.interactions import MATRIX, UseCase, hold_budgets, hold_patterns
from arnia.conventions import BUDGET_EXTENSION

router = Router(version=1, prefix="/films", dependencies=[anyone])
LONG = {BUDGET_EXTENSION: 60_000}


class Film(View):
    """A film."""

    name: str


@router.get("")
async def list_films() -> Film:
    """List films."""
    return Film(name="Metropolis")


@router.post("")
async def shoot() -> Film:
    """Make a film."""
    return Film(name="Metropolis")


@router.post("/cut", openapi_extra=LONG)
async def cut() -> Film:
    """Cut it, which takes its time."""
    return Film(name="Metropolis")


@router.post("/cuts", status_code=202)
async def order_cut() -> Film:
    """Accept that it shall be cut."""
    return Film(name="Metropolis")


@router.post("/mixed", openapi_extra=LONG, responses={202: {"description": "Accepted."}})
async def mix() -> Film:
    """Mix it, now or later."""
    return Film(name="Metropolis")


class Studio(Client, service="studio"):
    """The studio, called as each use case should be."""

    @get("/films", per_second=5_000, cached=True)
    async def films(self) -> Film: ...

    @post("/films")
    async def shoot(self) -> Film: ...

    @post("/films/cuts")
    async def order(self) -> Film: ...

    @post("/films/mixed", kind="task")
    async def mix(self) -> Film: ...


def studio() -> Contract:
    """Return the provider's contract, as the code makes it."""
    settings = type("Settings", (ServiceSettings,), {"model_config": service_settings("studio")})
    documents = create_app(service="studio", settings=settings, routers=[router]).contract()
    return Contract.read("studio", {"openapi.v1.json": documents["openapi"]["v1"]})


def cinema(client: type[Client]) -> Contract:
    """Return the contract of a consumer with `client`."""
    settings = type("Settings", (ServiceSettings,), {"model_config": service_settings("cinema")})
    documents = create_app(service="cinema", settings=settings, routers=[], clients=[client]).contract()
    return Contract.read("cinema", {"calls.json": documents["calls"]})


def test_every_use_case_has_a_pattern() -> None:
    """The five rows of the blueprint, each with a reason and what to think of."""
    assert MATRIX.keys() == set(UseCase)
    assert all(advice.pattern and advice.reason and advice.care for advice in MATRIX.values())
    asynchronous = {use_case for use_case, advice in MATRIX.items() if advice.pattern.startswith("asynchronous")}
    assert asynchronous == {UseCase.NOTIFICATION, UseCase.TASK, UseCase.INGESTION}


def test_each_interaction_gets_its_pattern() -> None:
    """What a call's form and declaration say is a row of the matrix; an event is a notification."""
    found = {one.what: one.use_case for one in read_interactions(cinema(Studio), studio())}
    assert found == {
        "GET /api/v1/films": UseCase.QUERY,
        "POST /api/v1/films": UseCase.COMMAND,
        "POST /api/v1/films/cuts": UseCase.TASK,
        "POST /api/v1/films/mixed": UseCase.TASK,
    }
    assert list(hold_patterns(cinema(Studio), studio())) == []
    assert tell("film.shot", "studio", "cinema").pattern == MATRIX[UseCase.NOTIFICATION].pattern


class Waits(Client, service="studio"):
    """Calls a long command, and waits."""

    @post("/films/cut")
    async def wait(self) -> Film: ...


class WaitsThough(Client, service="studio"):
    """Waits although it need not."""

    @post("/films/mixed")
    async def wait(self) -> Film: ...


class Tells(Client, service="studio"):
    """Tells, and does not listen."""

    @post("/films")
    async def tell(self) -> None: ...


class Streams(Client, service="studio"):
    """Commands without an end."""

    @post("/films", per_second=500)
    async def stream(self) -> Film: ...


class Pours(Client, service="studio"):
    """Says itself that it is a stream."""

    @post("/films", kind="ingestion")
    async def pour(self) -> Film: ...


class Polls(Client, service="studio"):
    """Asks the same all the time."""

    @get("/films", per_second=101)
    async def poll(self) -> Film: ...


class Hopes(Client, service="studio"):
    """Takes for a task what is none."""

    @post("/films", kind="task")
    async def hope(self) -> Film: ...


@pytest.mark.parametrize(
    ("client", "parts"),
    [
        (Waits, ["up to 60000 ms", "202 and an operation to follow", 'kind="task"']),
        (WaitsThough, ["up to 60000 ms", 'kind="task"']),
        (Tells, ["is a notification", "an event through the broker", 'kind="command"']),
        (Streams, ["500 times a second", "a broker for high volume"]),
        (Pours, ["a broker for high volume"]),
        (Polls, ["101 times a second", "cached=True"]),
        (Hopes, ["as a task", "let studio offer a 202"]),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_an_interaction_of_the_wrong_kind_is_reported_with_the_right_one(
    client: type[Client], parts: list[str]
) -> None:
    """One sentence names both services, the operation, what is wrong and the pattern to use; `arnia check` says it."""
    (sentence,) = hold_patterns(cinema(client), studio())
    assert sentence.startswith("cinema calls ")
    assert all(part in sentence for part in parts), sentence
    declared = {"cinema": Edges(service="cinema", calls={"studio": 1})}
    found = judge(declared, {"cinema": cinema(client), "studio": studio()})
    assert sentence in [finding.sentence for finding in found]


def test_a_declaration_overrides_the_form() -> None:
    """A command whose answer is of no interest says so, and is none of anybody's business."""

    class Commands(Client, service="studio"):
        @post("/films", kind="command")
        async def command(self) -> None: ...

        @put("/no/such/place", kind="ingestion")
        async def unserved(self) -> None: ...

    assert list(hold_patterns(cinema(Commands), studio())) == []


def test_what_takes_long_has_to_be_offered_as_a_task() -> None:
    """An operation that says that it takes long, and answers only when it is done, is a fault of its own service."""
    (sentence,) = hold_budgets(studio())
    assert sentence.startswith("studio serves POST /api/v1/films/cut, which takes up to 60000 ms")
    found = judge({"studio": Edges(service="studio")}, {"studio": studio()})
    assert sentence in [finding.sentence for finding in found]

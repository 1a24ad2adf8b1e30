"""`contract` and `check`: what services promise is written down once, then held against declaration and code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from arnia import commands
from arnia.commands import promises
from arnia.commands.agreement import Drift
from arnia.errors import OutsideError, UsageError

FILES = ["asyncapi.json", "calls.json", "openapi.v1.json", "settings.json"]

PAGE = """
from arnia.ecosystem import Broker, Database, Ecosystem, Route, Service

ecosystem = Ecosystem(
    name="shop",
    services=(
        Service(
            name="orders",
            owner="sales",
            uses=("events", "orders-db"),
            calls={"stock": 1},
            emits=("order.placed",),
            exposes=(Route(path="/api/v1/orders"),),
        ),
        Service(name="stock", owner="storage", uses=("events", "stock-db"), hears=("order.placed",)),
    ),
    resources=(Broker(name="events"), Database(name="orders-db"), Database(name="stock-db")),
)
"""

MAIN = """
import json, pathlib, sys

assert sys.argv[1:] == ["contract"], sys.argv
assert sys.stdin.read() == ""
print((pathlib.Path(__file__).parent / "answer.json").read_text())
"""


def operation(tag: str) -> dict[str, Any]:
    """Return an operation in one domain."""
    return {"get": {"tags": [tag], "responses": {"200": {"description": "Done."}}}}


def events(action: str, name: str, payload: object = None) -> dict[str, Any]:
    """Return an AsyncAPI document with one event."""
    return {
        "channels": {name: {"messages": {"a": {"payload": payload or {}}}}},
        "operations": {"a": {"action": action, "channel": {"$ref": f"#/channels/{name}"}}},
    }


def told(service: str) -> dict[str, Any]:
    """Return the settings of a service with a database and a broker."""
    names = [f"{service.upper()}_{kind}_URL" for kind in ("BROKER", "DATABASE")]
    return {"settings": [{"variable": name, "type": "SecretStr", "required": True} for name in names]}


def fields(*required: str, **schemas: object) -> dict[str, Any]:
    """Return the schema of an event's fields."""
    return {"type": "object", "properties": schemas, "required": list(required)}


ANSWERS: dict[str, dict[str, Any]] = {
    "orders": {
        "openapi": {"v1": {"paths": {"/api/v1/orders": operation("orders")}}},
        "asyncapi": events("send", "order.placed"),
        "settings": told("orders"),
        "calls": {"calls": {"stock": {"version": 1}}},
    },
    "stock": {
        "openapi": {"v1": {"paths": {"/api/v1/levels": operation("stock")}}},
        "asyncapi": events("receive", "order.placed"),
        "settings": told("stock"),
        "calls": {"calls": {}},
    },
}


@dataclass(frozen=True)
class Shop:
    """The folder of the ecosystem."""

    root: Path

    @property
    def page(self) -> Path:
        """The declaration."""
        return self.root / "ecosystem.py"

    def folder(self, service: str) -> Path:
        """Return the folder of a service."""
        return self.root / "services" / service

    def contract(self, service: str) -> Path:
        """Return the folder of the committed contract of a service."""
        return self.folder(service) / "contract"

    def answer(self, service: str, **parts: object) -> None:
        """Let the code of `service` make another contract in these parts."""
        answer = {**ANSWERS[service], **parts}
        (self.folder(service) / "src" / service / "answer.json").write_text(json.dumps(answer), encoding="utf-8")

    def edit(self, old: str, new: str) -> None:
        """Replace a text of the declaration."""
        text = self.page.read_text(encoding="utf-8")
        assert old in text
        self.page.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return an ecosystem whose contracts are not written yet."""
    built = Shop(tmp_path)
    built.page.write_text(PAGE, encoding="utf-8")
    for service in ANSWERS:
        package = built.folder(service) / "src" / service
        package.mkdir(parents=True)
        (built.folder(service) / "pyproject.toml").touch()
        (package / "__init__.py").touch()
        (package / "main.py").write_text(MAIN, encoding="utf-8")
        built.answer(service)
    return built


def test_contracts_are_written_and_then_hold(shop: Shop) -> None:
    """The first run writes every document in canonical form; a check after it finds nothing."""
    written = commands.contract(file=shop.page)
    assert written.ok
    assert not written.checked
    assert "contract/openapi.v1.json was missing" in written.text()
    for service in ("orders", "stock"):
        assert sorted(path.name for path in shop.contract(service).iterdir()) == FILES
    text = (shop.contract("orders") / "calls.json").read_text(encoding="utf-8")
    assert text == '{\n  "calls": {\n    "stock": {\n      "version": 1\n    }\n  }\n}\n'
    assert commands.contract(file=shop.page, check=True).text() == "All is well: 2 contracts, as the code makes them."
    assert not any(service.drift for service in commands.contract(file=shop.page).services)


def test_check_writes_nothing_and_says_no(shop: Shop) -> None:
    """With check the answer to missing contracts is no, and the folder stays as it was."""
    result = commands.contract(file=shop.page, check=True)
    assert not result.ok
    assert not shop.contract("orders").exists()
    assert "Contracts that differ: 2 of 2. Write them with `arnia contract`." in result.text()


def test_drift_says_what_it_breaks(shop: Shop) -> None:
    """A path that is gone breaks, a path that is new fits, and both are said with the document that differs."""
    commands.contract(file=shop.page)
    shop.answer("orders", openapi={"v1": {"paths": {"/api/v1/bills": {"get": {}}}}})
    result = commands.contract(file=shop.page, check=True)
    orders, stock = result.services
    assert orders.drift == {"openapi.v1.json": Drift.STALE}
    assert orders.breaks
    assert not stock.drift
    assert result.text().splitlines() == [
        "orders: contract/openapi.v1.json is stale.",
        "orders: BREAKS: /api/v1/orders is gone.",
        "orders: fits: /api/v1/bills is new.",
        "Contracts that differ: 1 of 2. Write them with `arnia contract`.",
    ]


def test_a_new_wording_is_drift_and_no_change(shop: Shop) -> None:
    """Prose must be committed too, and nobody breaks on it."""
    commands.contract(file=shop.page)
    shop.answer("stock", calls={"calls": {}, "note": "none"})
    (agreement,) = commands.contract(file=shop.page, services=("stock",), check=True).services
    assert agreement.sentences() == ["stock: contract/calls.json is stale.", "stock: only the wording differs."]


def test_documents_that_no_longer_belong_are_removed(shop: Shop) -> None:
    """The document of a version that the code has given up goes, and that it breaks is said."""
    shop.answer("orders", openapi={"v1": {"paths": {}}, "v2": {"paths": {}}})
    commands.contract(file=shop.page)
    shop.answer("orders", openapi={"v2": {"paths": {}}})
    result = commands.contract(file=shop.page, services=("orders",))
    assert result.services[0].drift == {"openapi.v1.json": Drift.SUPERFLUOUS}
    assert "orders: BREAKS: API version 1 is gone." in result.text()
    assert "Contracts written: 1 of 1." in result.text()
    assert not (shop.contract("orders") / "openapi.v1.json").exists()


def test_an_unknown_service_is_a_wrong_use(shop: Shop) -> None:
    """Only declared services have contracts."""
    with pytest.raises(UsageError, match="'bills' is no service"):
        commands.contract(file=shop.page, services=("bills",))


def test_a_broken_document_is_named(shop: Shop) -> None:
    """A committed file that is no JSON is named with the service and the way out."""
    commands.contract(file=shop.page)
    (shop.contract("orders") / "calls.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match=r"orders: calls\.json is no JSON .* write it anew with `arnia contract`"):
        commands.contract(file=shop.page, check=True)


@pytest.mark.parametrize(
    ("main", "sentence"),
    [
        ("raise SystemExit('no luck')", "`python -m orders.main contract` ended with 1: no luck"),
        ("raise SystemExit(4)", "ended with 4: it said nothing"),
        ("print('hello')", "printed no contract"),
        ("print('[]')", "printed no contract"),
        ("print('{}')", "printed no contract"),
    ],
)
def test_code_that_makes_no_contract_is_outside(shop: Shop, main: str, sentence: str) -> None:
    """A service that does not answer is told by its last line; nothing of it is a traceback of ours."""
    (shop.folder("orders") / "src" / "orders" / "main.py").write_text(main, encoding="utf-8")
    with pytest.raises(OutsideError) as caught:
        commands.contract(file=shop.page)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("orders: ")


def test_code_that_hangs_is_outside(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that does not answer in time is ended and named."""
    monkeypatch.setattr(promises, "_SECONDS_TO_ANSWER", 0.5)
    (shop.folder("stock") / "src" / "stock" / "main.py").write_text("import time; time.sleep(60)", encoding="utf-8")
    with pytest.raises(OutsideError, match=r"stock: `python -m stock\.main contract` did not end within"):
        promises.ask("stock", shop.folder("stock"))


def test_a_service_without_code_is_outside(shop: Shop, tmp_path: Path) -> None:
    """A declared service whose folder is absent is named."""
    shop.folder("orders").rename(tmp_path / "elsewhere")
    with pytest.raises(OutsideError, match="orders: there is no orders/src"):
        commands.contract(file=shop.page)


def test_result_is_json(shop: Shop) -> None:
    """A script reads the same facts that a person does."""
    result = json.loads(commands.contract(file=shop.page, check=True).model_dump_json())
    assert result["ok"] is False
    assert result["services"][0]["service"] == "orders"
    assert result["services"][0]["drift"]["calls.json"] == "missing"


def test_agreement_is_well(shop: Shop) -> None:
    """With contracts written and every edge coded there is nothing to say but that."""
    commands.contract(file=shop.page)
    result = commands.check(file=shop.page)
    assert result.text() == "All is well: 2 services, as declared, as committed and as coded."
    assert result.ok
    assert result.services == ("orders", "stock")


def test_missing_contracts_are_one_fault_a_service(shop: Shop) -> None:
    """Before the first `arnia contract` each service has exactly one fault."""
    result = commands.check(file=shop.page)
    assert not result.ok
    assert [finding.service for finding in result.findings] == ["orders", "stock"]
    assert result.text().endswith("2 faults.")
    one = result.model_copy(update={"findings": result.findings[:1]})
    assert one.text().endswith("\n1 fault.")


def test_faults_of_the_declaration_are_findings(shop: Shop) -> None:
    """A declaration that does not add up is an answer of no, with each of its faults."""
    shop.edit('calls={"stock": 1}', 'calls={"stok": 1}, hears=("a.b",)')
    result = commands.check(file=shop.page)
    assert not result.ok
    assert len(result.findings) == 2
    assert "did you mean 'stock'" in result.text()


def test_an_edge_in_the_declaration_alone_is_found(shop: Shop) -> None:
    """An event that is declared and never emitted is a fault."""
    commands.contract(file=shop.page)
    shop.edit('emits=("order.placed",)', 'emits=("order.placed", "order.lost")')
    (finding,) = commands.check(file=shop.page).findings
    assert finding.sentence.startswith("orders is declared to emit 'order.lost' and its code does not")


def test_an_edge_in_the_code_alone_is_found(shop: Shop) -> None:
    """A call that is coded and not declared is a fault."""
    commands.contract(file=shop.page)
    shop.edit('calls={"stock": 1},', "")
    (finding,) = commands.check(file=shop.page).findings
    assert finding.sentence == "orders calls 'stock' and does not declare it: add it to `calls`."


def test_drift_is_found(shop: Shop) -> None:
    """Code that has gone on since the contract was written is a fault, and what breaks is said."""
    commands.contract(file=shop.page)
    shop.answer("stock", openapi={"v1": {"paths": {}}})
    sentences = [finding.sentence for finding in commands.check(file=shop.page).findings]
    assert sentences == ["stock: contract/openapi.v1.json is stale.", "stock: BREAKS: /api/v1/levels is gone."]


def test_whom_a_change_would_break_is_named(shop: Shop) -> None:
    """A provider whose code no longer serves a declared call is told which consumer and which call that breaks."""
    call = {"name": "read", "method": "GET", "path": "/api/v1/levels", "scopes": [], "parameters": {}}
    shop.answer("orders", calls={"calls": {"stock": {"version": 1, "operations": [{**call, "answer": None}]}}})
    commands.contract(file=shop.page)
    assert commands.check(file=shop.page).ok
    shop.answer("stock", openapi={"v1": {"paths": {"/api/v1/heights": operation("stock")}}})
    found = [finding.sentence for finding in commands.check(file=shop.page).findings]
    broken = "stock: this change breaks orders: orders calls GET /api/v1/levels of stock, which has no such path"
    assert [sentence for sentence in found if sentence.startswith(broken)]
    commands.contract(file=shop.page)
    (finding,) = commands.check(file=shop.page).findings
    assert (finding.service, finding.edge) == ("orders", "calls")


TEXT: dict[str, Any] = {"type": "string"}
PIZZA: dict[str, Any] = {"type": "string", "enum": ["margherita", "marinara"]}
PLACED: dict[str, Any] = fields("pizza", "count", pizza=PIZZA, count={"type": "integer"}, note=TEXT)
READ: dict[str, Any] = fields("pizza", "count", pizza=PIZZA, count={"type": "number"})


@pytest.mark.parametrize(
    ("name", "payload", "sentence"),
    [
        ("order.placed.v1", fields("pizza", pizza=PIZZA), "its field count is needed and not there"),
        ("order.placed.v1", {**PLACED, "required": ["pizza"]}, "its field count is needed and may be absent"),
        ("order.placed.v1", fields("pizza", "count", pizza=PIZZA, count=TEXT), "its field count may hold a text"),
        (
            "order.placed.v1",
            fields("pizza", "count", pizza=TEXT, count={"type": "integer"}),
            "its field pizza may hold",
        ),
        ("order.placed.v2", PLACED, "of which orders emits 2: hear one that exists, or let orders emit it"),
        ("order.lost.v1", PLACED, "which orders does not emit: hear one that exists, or let orders emit it"),
    ],
)
def test_whom_a_change_of_an_event_would_break_is_named(shop: Shop, name: str, payload: object, sentence: str) -> None:
    """An emitter is told which hearer its code breaks before it commits to that, and the hearer is told after it."""
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", PLACED))
    shop.answer("stock", asyncapi=events("receive", "order.placed.v1", READ))
    commands.contract(file=shop.page)
    assert commands.check(file=shop.page).text().startswith("All is well")
    shop.answer("orders", asyncapi=events("send", name, payload))
    found = [finding.sentence for finding in commands.check(file=shop.page).findings]
    broken = "orders: this change breaks stock: stock hears version 1 of 'order.placed'"
    assert [one for one in found if one.startswith(broken) and sentence in one and one.endswith(".")]
    commands.contract(file=shop.page)
    edges = {(finding.service, finding.edge) for finding in commands.check(file=shop.page).findings}
    assert ("stock", "hears") in edges


def test_what_an_event_says_besides_breaks_nobody(shop: Shop) -> None:
    """A new field, a narrower one and a second version of an event are drift, and no hearer is named."""
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", PLACED))
    shop.answer("stock", asyncapi=events("receive", "order.placed.v1", READ))
    commands.contract(file=shop.page)
    fewer = {"type": "integer", "maximum": 9}
    more = fields("pizza", "count", "at", pizza=PIZZA, count=fewer, at=TEXT, note={**TEXT, "enum": ["hot"]})
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", more))
    found = [finding.sentence for finding in commands.check(file=shop.page).findings]
    assert any("is stale" in sentence for sentence in found)
    assert not any("breaks" in sentence for sentence in found)


def test_who_waits_for_what_is_said_no_more_is_named(shop: Shop) -> None:
    """An emitter that gives up a value is told which hearer's view names it, by both verbs; any hearer may be first."""
    view = {**READ, "properties": {**READ["properties"], "pizza": {**PIZZA, "enum": [*PIZZA["enum"], "romana"]}}}
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", PLACED))
    shop.answer("stock", asyncapi=events("receive", "order.placed.v1", view))
    written = commands.contract(file=shop.page)
    assert commands.check(file=shop.page).ok, written
    fewer = {**PLACED, "properties": {**PLACED["properties"], "pizza": {**PIZZA, "enum": ["marinara"]}}}
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", fewer))
    told = (
        "orders: this change breaks stock: stock hears version 1 of 'order.placed': its field pizza names "
        '"margherita", which orders would say no more: let the view forget that first, or orders emit another version.'
    )
    checked = commands.check(file=shop.page)
    assert not checked.ok
    assert [finding.sentence for finding in checked.findings].count(told) == 1
    assert told in commands.contract(file=shop.page, check=True).text().splitlines()
    narrower = {**view, "properties": {**view["properties"], "pizza": {**PIZZA, "enum": ["marinara", "romana"]}}}
    assert told in commands.contract(file=shop.page, services=("orders",)).text().splitlines()
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", PLACED))
    shop.answer("stock", asyncapi=events("receive", "order.placed.v1", narrower))
    commands.contract(file=shop.page)
    shop.answer("orders", asyncapi=events("send", "order.placed.v1", fewer))
    assert "breaks" not in commands.contract(file=shop.page, check=True).text()


def test_a_caller_of_what_is_taken_no_more_is_named(shop: Shop) -> None:
    """A provider that takes a value no more, in a body or a parameter, is told who sends it."""
    sent: dict[str, Any] = {"name": "set", "method": "GET", "path": "/api/v1/levels", "scopes": [], "answer": None}
    call = {**sent, "parameters": {"size": {"schema": PIZZA, "required": True}}, "body": fields("pizza", pizza=PIZZA)}
    shop.answer("orders", calls={"calls": {"stock": {"version": 1, "operations": [call]}}})

    def serve(values: list[str]) -> None:
        kind = {**PIZZA, "enum": values}
        taken = operation("stock")
        taken["get"]["parameters"] = [{"name": "size", "in": "query", "schema": kind}]
        taken["get"]["requestBody"] = {"content": {"application/json": {"schema": fields("pizza", pizza=kind)}}}
        shop.answer("stock", openapi={"v1": {"paths": {"/api/v1/levels": taken}}})

    serve([*PIZZA["enum"], "romana"])
    commands.contract(file=shop.page)
    assert commands.check(file=shop.page).ok
    serve(PIZZA["enum"])
    assert "this change breaks" not in commands.check(file=shop.page).text()
    serve(["marinara"])
    checked = commands.check(file=shop.page)
    place = "stock: this change breaks orders: orders calls GET /api/v1/levels of stock: "
    found = [one.sentence for one in checked.findings if one.sentence.startswith(place)]
    assert [one.removeprefix(place) for one in found] == [
        'parameter size no longer accepts "margherita".',
        'body: pizza no longer accepts "margherita".',
    ]


def test_code_that_does_not_start_is_found(shop: Shop) -> None:
    """A service whose code fails is one fault among the others, and not the end of the check."""
    commands.contract(file=shop.page)
    (shop.folder("stock") / "src" / "stock" / "main.py").write_text("raise SystemExit('no luck')", encoding="utf-8")
    (finding,) = commands.check(file=shop.page).findings
    assert finding.service == "stock"
    assert finding.sentence.endswith("no luck")


def test_services_and_resources_that_nobody_declares_or_uses_are_found(shop: Shop) -> None:
    """A service's folder without a declaration and a resource without a user are both left-overs."""
    commands.contract(file=shop.page)
    shop.folder("bills").mkdir()
    (shop.folder("bills") / "pyproject.toml").touch()
    shop.edit('Database(name="orders-db"),', 'Database(name="orders-db"), Database(name="old-db"),')
    sentences = [finding.sentence for finding in commands.check(file=shop.page).findings]
    assert sentences == [
        "services/bills is a service that is not declared: declare it or remove it.",
        "database 'old-db' is used by no service: add it to a `uses` or remove it.",
    ]

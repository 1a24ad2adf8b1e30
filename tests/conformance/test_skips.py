"""What the suite does not try on the services of this repository: each rule by name, with its reason, and no other."""

import ast
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import honest.main
import kettle.main
import pytest

from arnia.testing import conformance
from arnia.testing.conformance import ServiceConformance
from arnia.testing.conformance.suite import FACETS, ServiceSuite, surface_of

ROOT: Final = Path(__file__).parents[2]
CURSORS: Final = "it has no collection with cursors"
PUBLIC: Final = "every operation is public"
KEYS: Final = "it keeps no records of idempotency keys"

NO_OLD_VERSION: Final = {
    "test_a_deprecated_version_says_so": "no version is deprecated",
    "test_the_document_marks_what_is_deprecated": "no version is deprecated",
    "test_a_sunset_is_not_before_the_deprecation": "no version has a sunset",
    "test_after_the_sunset_everything_is_gone": "no version has a sunset",
}
SKIPPED: Final[Mapping[str, Mapping[str, str]]] = {
    "delivery": {},
    "drone": {
        **NO_OLD_VERSION,
        "test_of_many_writers_with_one_tag_one_wins[PUT /api/v1/drone-reservations/{reservation_id}]": (
            "a reservation never changes"
        ),
    },
    "honest": {},
    "kettle": {
        **NO_OLD_VERSION,
        "test_no_token_is_401": PUBLIC,
        "test_no_forged_token_is_believed": PUBLIC,
        "test_scopes_and_roles_are_needed": PUBLIC,
        "test_a_cursor_belongs_to_its_sort_and_filter": CURSORS,
        "test_a_cursor_cannot_be_forged": CURSORS,
        "test_a_filter_shows_only_what_it_names": "no collection is filtered by listed values",
        "test_a_page_keeps_to_its_limit": CURSORS,
        "test_every_item_is_seen_once": CURSORS,
        "test_every_link_of_a_page_leads_somewhere": CURSORS,
        "test_next_is_in_header_and_body": CURSORS,
        "test_pages_hold_while_others_write": CURSORS,
        "test_sorts_are_listed": CURSORS,
        "test_a_key_of_bad_shape_is_refused": KEYS,
        "test_a_refused_request_uses_up_no_key": KEYS,
        "test_a_repetition_gets_the_first_answer": KEYS,
        "test_another_body_with_the_key_is_refused": KEYS,
        "test_concurrent_repetitions_have_one_effect": KEYS,
        "test_the_order_of_members_does_not_matter": KEYS,
    },
}


class Honest(ServiceConformance):
    """Never collected: it only tells what it would skip."""

    application = staticmethod(honest.main.create)


class Kettle(ServiceConformance):
    """As `Honest`."""

    application = staticmethod(kettle.main.create)


def _suite(name: str) -> type[ServiceSuite]:
    """Return the suite of a sample, or that in the test file of a service."""
    samples = {"honest": Honest, "kettle": Kettle}
    if name in samples:
        return samples[name]
    path = ROOT / "services" / name / "tests" / "test_conformance.py"
    spec = importlib.util.spec_from_file_location(f"conformance_of_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    suite: type[ServiceSuite] = module.TestConformance
    return suite


@pytest.mark.parametrize("name", sorted(SKIPPED))
def test_nothing_else_is_skipped(name: str) -> None:
    """A service's suite skips exactly the rules that are listed here, each for the reason that is listed."""
    suite = _suite(name)
    surface = surface_of(suite)
    skipped = dict(suite.untried)
    for rule in (each for each in dir(suite) if each.startswith("test_")):
        for facet in inspect.signature(getattr(suite, rule)).parameters:
            if facet in FACETS and not FACETS[facet][0](surface):
                skipped[rule] = FACETS[facet][1]
    assert skipped == SKIPPED[name]


def test_every_service_is_listed() -> None:
    """No service of the repository is left out of the list."""
    assert {path.parents[1].name for path in ROOT.glob("services/*/tests/test_conformance.py")} <= set(SKIPPED)


def test_only_an_excuse_skips() -> None:
    """Nothing in the suite skips a test on its own: it gives up, which fails unless the service's file excuses it."""
    skips = [
        path.name
        for path in Path(str(conformance.__file__)).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "xfail", "importorskip")
    ]
    assert sorted(skips) == ["service.py", "suite.py"]

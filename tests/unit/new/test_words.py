"""The forms of a name, and which names are refused."""

import pytest

from arnia.commands.scaffold.words import Words, plural_of, singular_of
from arnia.errors import UsageError


@pytest.mark.parametrize(
    ("one", "several"),
    [
        ("note", "notes"),
        ("delivery", "deliveries"),
        ("day", "days"),
        ("box", "boxes"),
        ("address", "addresses"),
        ("status", "statuses"),
        ("branch", "branches"),
        ("weather", "weathers"),
        ("purchase-order", "purchase-orders"),
        ("movie-title", "movie-titles"),
    ],
)
def test_one_and_several(one: str, several: str) -> None:
    """A service may be called after one of what it owns, or after several: both mean the same."""
    assert plural_of(one) == several
    assert Words.of(one).plural == several
    if not one.endswith(("s", "x")):
        assert singular_of(several) == one
    assert singular_of(one) == one


def test_every_form() -> None:
    """One name gives a package, a class, a table, a path and a phrase."""
    values = Words.of("order-intake", "purchase-orders").values()

    assert values == {
        "service": "order-intake",
        "package": "order_intake",
        "PREFIX": "ORDER_INTAKE_",
        "singular": "purchase-order",
        "collection": "purchase-orders",
        "resource": "purchase_order",
        "resources": "purchase_orders",
        "Resource": "PurchaseOrder",
        "Resources": "PurchaseOrders",
        "noun": "purchase order",
        "nouns": "purchase orders",
        "a_noun": "a purchase order",
        "A_noun": "A purchase order",
    }
    assert Words.of("orders").values()["a_noun"] == "an order"


@pytest.mark.parametrize(
    "name",
    ["", "Weather", "9lives", "we ather", "wetter!", "weather-", "a--b", "../up", "wéather", "x" * 41, "a\nb", "a."],
)
def test_what_is_no_label_is_refused(name: str) -> None:
    """A name that cannot be a host, a package and a path at once is refused, with what would do."""
    with pytest.raises(UsageError, match="DNS label"):
        Words.of(name)
    with pytest.raises(UsageError, match="DNS label"):
        Words.of("weather", name or "-")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("class", "word of Python"),
        ("match", "word of Python"),
        ("calendar", "Python has a module"),
        ("core", "does not say what is in it"),
        ("order-utils", "does not say what is in it"),
        ("arnia", "does not say what is in it"),
    ],
)
def test_names_with_another_meaning_are_refused(name: str, reason: str) -> None:
    """A name that Python, or the tree, already gives a meaning is refused before anything is written."""
    with pytest.raises(UsageError, match=reason):
        Words.of(name)


@pytest.mark.parametrize("resource", ["type", "list", "dict"])
def test_a_resource_does_not_hide_what_python_offers(resource: str) -> None:
    """A resource that would shadow a builtin is refused; another is asked for."""
    with pytest.raises(UsageError, match="--resource"):
        Words.of("weather", resource)

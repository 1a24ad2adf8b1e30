"""What an environment says of a cluster: texts by name, frozen, and blind to the order they were written in."""

import pickle
import re

import pytest

from arnia.ecosystem import Ecosystem, Environment, Service
from arnia.errors import DeclarationError

PRODUCTION = Environment(
    name="production", registry="registry.example/shop", settings={"A_LEVEL": "info", "B_LEVEL": "error"}
)


def test_texts_are_frozen_and_sorted() -> None:
    """The order of settings is irrelevant, nothing changes them, and they travel."""
    turned = Environment(
        name="production", registry="registry.example/shop", settings={"B_LEVEL": "error", "A_LEVEL": "info"}
    )
    assert turned == PRODUCTION
    assert hash(turned) == hash(PRODUCTION)
    assert list(turned.settings) == ["A_LEVEL", "B_LEVEL"]
    assert len(turned.settings) == 2
    assert repr(turned.settings) == "{'A_LEVEL': 'info', 'B_LEVEL': 'error'}"
    assert Environment.model_validate_json(turned.model_dump_json()) == PRODUCTION
    assert pickle.loads(pickle.dumps(turned)) == PRODUCTION  # noqa: S301 - our own bytes
    with pytest.raises(TypeError):
        turned.settings["C"] = "d"  # type: ignore[index]  # this is what the test is about


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"A": 1}, 'write `settings={"A": "1"}`'),
        (("A=b",), 'write `settings={"A": "b"}`'),
        ({"A": 1.5}, 'such as `{"...": "..."}`, not 1.5'),
        ({1: "a"}, 'such as `{"...": "..."}`, not '),
        ("A", 'such as `{"...": "..."}`, not "A"'),
    ],
    ids=str,
)
def test_texts_of_another_shape_are_told_how_to_write(given: object, advice: str) -> None:
    """What was probably meant is spelled out; what nobody can guess is shown by an example."""
    with pytest.raises(DeclarationError, match=re.escape(advice)):
        Environment(name="e", settings=given)  # type: ignore[arg-type]  # this is what the test is about


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("10.244.0.0", ""),
        ("10.244.0.1/16", "'10.244.0.1/16', which is no network: write its first address and its length"),
        ("the pods", "'the pods', which is no network"),
        ("0.0.0.0/0", "'0.0.0.0/0', and then everybody could claim any address"),
        ("::/0", "'::/0', and then everybody could claim any address"),
        ("fd00:10:244::/56", ""),
    ],
)
def test_proxies_are_in_networks(given: str, advice: str) -> None:
    """What is no network, or is all of them, is a fault of the page that names the environment."""
    cluster = Environment(name="production", proxies=(given,))
    if not advice:
        assert Ecosystem(name="shop", services=(Service(name="a", owner="b"),), environments=(cluster,)).environments[
            0
        ].proxies == (given,)
        return
    with pytest.raises(DeclarationError, match=f"environment 'production': `proxies` names {re.escape(advice)}"):
        Ecosystem(name="shop", services=(Service(name="a", owner="b"),), environments=(cluster,))

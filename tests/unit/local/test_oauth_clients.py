"""What people are granted here: the scopes of what is exposed, those of a role only with it."""

from arnia.contracts import Contract
from arnia.ecosystem import Ecosystem, Route, Service
from arnia.local.oauth_clients import declare_clients

PATHS = {
    "/pears": {"get": {"security": [{"bearer": ["pears:read"]}], "x-roles": ["gardener"]}},
    "/pears/ripe": {"get": {"security": [{"bearer": ["pears:read"]}]}},
    "/trees": {
        "put": {"security": [{"bearer": ["trees:plant"]}], "x-roles": ["gardener"]},
        "delete": {"security": [{"bearer": ["trees:plant"]}], "x-roles": ["forester"]},
    },
    "/cellar": {"get": {"security": [{"bearer": ["cellar:enter"]}], "x-roles": ["owner"]}},
}


def test_a_scope_that_only_goes_with_a_role_is_reserved() -> None:
    """Whatever takes a scope takes a role as well: one of them is needed. A scope that is good without one is free."""
    exposes = (Route(path="/pears"), Route(path="/trees"))
    orchard = Ecosystem(name="orchard", services=(Service(name="pears", owner="tests", exposes=exposes),))
    (people,) = declare_clients(orchard, {"pears": Contract(service="pears", openapi={1: {"paths": PATHS}})}, {})
    assert people["audiences"] == {"pears": ["pears:read", "trees:plant"]}
    assert people["reserved_scopes"] == {"trees:plant": ["forester", "gardener"]}

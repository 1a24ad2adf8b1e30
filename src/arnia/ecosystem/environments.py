"""Environments: where an ecosystem runs, and what differs there."""

from typing import Annotated

from arnia.ecosystem.issuers import Issuer
from arnia.ecosystem.mappings import ByName, NumberOf, TextOf
from arnia.ecosystem.shapes import NAME, NUMBER, Shape, guess_nothing
from arnia.ecosystem.values import Declared, Names

LOCAL = "local"
MESHES = ("istio", "linkerd")
EDGE_REQUESTS = 20_000
_ISSUER = Shape("an issuer", 'Issuer(url="...", keys="...")', guess_nothing)


class Environment(Declared):
    """A place where the ecosystem runs, such as `local` or `production`.

    Attributes:
        name: A DNS label.
        split_versions: Services whose major API versions run in processes of their own here, side by side.
        replicas: How many processes of a service run here (of each version, where versions are split); 1 where
            nothing is said.
        issuer: Whose access tokens are believed here, where no service of the ecosystem issues any.
        edge_requests_per_second: More than that from one address, at once or in any second, the edge holds back.
        host: The public name of the edge, such as `shop.example`.
        registry: What the names of images begin with, such as `registry.example/shop`: the rest is the service's name.
        releases: Which image of a service runs here: a tag, or a digest (`sha256:...`).
        settings: What services are told here that their defaults do not say, by environment variable
            (`ORDERS_LOG_LEVEL`). Never a secret.
        mesh: `linkerd` or `istio`, where pods get the proxy of such a service mesh; empty for none.
        proxies: The networks where the edge's proxies are, such as that of the cluster's pods (`10.244.0.0/16`): what
            they say of a caller's address is believed by the services that are exposed.

    The last six are about clusters; on the laptop they mean nothing.
    """

    name: str
    split_versions: Names = ()
    replicas: NumberOf = ByName[int]({})
    issuer: Annotated[Issuer | None, _ISSUER] = None
    edge_requests_per_second: Annotated[int, NUMBER] = EDGE_REQUESTS
    host: str = ""
    registry: str = ""
    releases: TextOf = ByName[str]({})
    settings: TextOf = ByName[str]({})
    mesh: Annotated[str, NAME] = ""
    proxies: Names = ()

    def replicas_of(self, service: str) -> int:
        """Return how many processes of `service` run here."""
        return self.replicas.get(service, 1)

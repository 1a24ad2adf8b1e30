"""Environments: where an ecosystem runs, and what differs there."""

from arnia.ecosystem.values import Declared, Names, NumberOf, Numbers

LOCAL = "local"


class Environment(Declared):
    """A place where the ecosystem runs, such as `local` or `production`.

    Attributes:
        name: A DNS label.
        split_versions: Services whose major API versions run in processes of their own here, side by side.
        replicas: How many processes of a service run here (of each version, where versions are split); 1 where
            nothing is said.
    """

    name: str
    split_versions: Names = ()
    replicas: NumberOf = Numbers({})

    def replicas_of(self, service: str) -> int:
        """Return how many processes of `service` run here."""
        return self.replicas.get(service, 1)

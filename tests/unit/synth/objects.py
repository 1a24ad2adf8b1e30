"""What a cluster would see of artefacts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Object = dict[str, Any]
"""An object as its reader sees it; tests look at the text that was written, not at the types that made it."""

NAME = "app.kubernetes.io/name"


@dataclass(frozen=True, slots=True)
class Objects:
    """All objects of an environment, by path of their artefacts."""

    by_path: Mapping[str, Object]

    @classmethod
    def read(cls, artefacts: Mapping[str, str]) -> "Objects":
        return cls({path: yaml.load(text, Loader=yaml.CSafeLoader) for path, text in artefacts.items()})

    def of(self, kind: str) -> list[Object]:
        return [one for one in self.by_path.values() if one["kind"] == kind]

    def names(self, kind: str) -> set[str]:
        return {one["metadata"]["name"] for one in self.of(kind)}

    def pods(self) -> list[Object]:
        """Return the templates of all pods."""
        return [one["spec"]["template"] for one in self.of("Deployment")]

    def containers(self) -> Iterator[tuple[Object, Object]]:
        """Yield each container with the specification of its pod."""
        for pod in self.pods():
            for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
                yield pod["spec"], container

    def ingress(self) -> Iterator[tuple[str, str]]:
        """Yield caller and called of each rule that lets a service in."""
        for called, rule in self._rules("ingress"):
            for peer in rule["from"]:
                if "namespaceSelector" not in peer:
                    yield peer["podSelector"]["matchLabels"][NAME], called

    def egress(self) -> Iterator[tuple[str, str]]:
        """Yield caller and called of each rule that lets a service out to another."""
        for caller, rule in self._rules("egress"):
            for peer in rule.get("to", []):
                if "podSelector" in peer:
                    yield caller, peer["podSelector"]["matchLabels"][NAME]

    def open_to_the_edge(self) -> Iterator[str]:
        """Yield each service, once per rule, that the edge may reach."""
        for called, rule in self._rules("ingress"):
            for peer in rule["from"]:
                if "namespaceSelector" in peer:
                    yield called

    def denies_by_default(self) -> bool:
        """Tell whether a policy for every pod allows nothing in either direction."""
        specs = [one["spec"] for one in self.of("NetworkPolicy")]
        return {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in specs

    def routes(self) -> dict[str, str]:
        """Return where each path of the edge leads."""
        return {
            match["path"]["value"]: rule["backendRefs"][0]["name"]
            for route in self.of("HTTPRoute")
            for rule in route["spec"]["rules"]
            for match in rule["matches"]
        }

    def _rules(self, direction: str) -> Iterator[tuple[str, Object]]:
        for policy in self.of("NetworkPolicy"):
            assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
            for rule in policy["spec"].get(direction, []):
                yield policy["spec"]["podSelector"]["matchLabels"][NAME], rule

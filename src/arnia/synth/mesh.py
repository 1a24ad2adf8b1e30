"""Service meshes: what asks for a proxy beside each service, and lets that proxy reach its control plane.

A service knows nothing of it: it speaks plain HTTP to plain names, and hands trace headers on as it got them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["MESHES", "NO_MESH", "Mesh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """What a mesh asks of a pod.

    Attributes:
        labels: Put on the pod.
        annotations: Put on the pod.
        namespace: Where its control plane is; empty where there is none.
        ports: Where that listens.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    ports: tuple[int, ...] = ()


NO_MESH: Final = Mesh()
MESHES: Final[Mapping[str, Mesh]] = {
    "": NO_MESH,
    "istio": Mesh(labels={"sidecar.istio.io/inject": "true"}, namespace="istio-system", ports=(15012,)),
    "linkerd": Mesh(annotations={"linkerd.io/inject": "enabled"}, namespace="linkerd", ports=(8080, 8086, 8090)),
}
"""By the name in `Environment(mesh=...)`. Linkerd's control plane: identity 8080, destination 8086, policy 8090."""

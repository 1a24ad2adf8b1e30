"""One object of a cluster: how it is named and labelled, checked against its type, and written."""

import msgspec
from lightkube.models.core_v1 import Namespace
from lightkube.models.meta_v1 import ObjectMeta

from arnia.synth.yaml_text import to_yaml

HEADER = "# Made by `arnia synth` from ecosystem.py: change it there.\n"
"""The first line of every artefact; a file without it is not ours to replace or remove."""
NAME = "app.kubernetes.io/name"
INSTANCE = "app.kubernetes.io/instance"
OWNER = "arnia/owner"
_MODES = ("audit", "enforce", "warn")


class Closed(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A part of an object whose kind the models do not know: it has the fields that are used here, and no others."""


def render(thing: object) -> str:
    """Return an object of the Kubernetes models, or of a closed struct of ours, as the text of its artefact.

    The models accept any value for any field; converting what they became back into their type does not.

    Raises:
        msgspec.ValidationError: A value is not of the type that the API declares for its field.
    """
    document = msgspec.to_builtins(thing)
    msgspec.convert(document, type(thing))
    return HEADER + to_yaml(document)


def identify(thing: object) -> tuple[str, str]:
    """Return the kind and the name of an object; within a namespace no two objects share both."""
    document: dict[str, object] = msgspec.to_builtins(thing)
    metadata = msgspec.convert(document["metadata"], ObjectMeta)
    return str(document["kind"]), str(metadata.name)


def describe(
    namespace: str, name: str, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
) -> ObjectMeta:
    """Return the metadata of an object in `namespace`; whoever looks at it sees what made it."""
    return ObjectMeta(
        name=name,
        namespace=namespace,
        labels={"app.kubernetes.io/managed-by": "arnia", "app.kubernetes.io/part-of": namespace, **(labels or {})},
        annotations=annotations,
    )


def make_namespace(name: str) -> Namespace:
    """Return the namespace of an ecosystem; it admits only pods that keep to the strictest of the three levels."""
    metadata = describe(name, name, {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in _MODES})
    metadata.namespace = None
    return Namespace(metadata=metadata)

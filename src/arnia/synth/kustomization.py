"""The list of an environment's artefacts that `kubectl apply -k` reads, and the one place of its versions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import UNSET, UnsetType

from arnia.synth.objects import Closed


class Image(Closed):
    """Which version of an image runs: by tag, or by digest."""

    name: str
    new_tag: str | UnsetType = UNSET
    digest: str | UnsetType = UNSET


class Kustomization(Closed):
    """What belongs to an environment."""

    resources: Sequence[str]
    images: Sequence[Image]
    api_version: Literal["kustomize.config.k8s.io/v1beta1"] = "kustomize.config.k8s.io/v1beta1"
    kind: Literal["Kustomization"] = "Kustomization"


def make_kustomization(resources: Iterable[str], versions: Mapping[str, str]) -> Kustomization:
    """Return the list of `resources` (paths beside it) and the version of each image.

    Args:
        resources: Paths of artefacts.
        versions: A tag, or a digest (`sha256:...`), by image.
    """
    return Kustomization(
        resources=sorted(resources),
        images=[_pin(image, version) for image, version in sorted(versions.items())],
    )


def _pin(image: str, version: str) -> Image:
    if version.startswith("sha256:"):
        return Image(name=image, digest=version)
    return Image(name=image, new_tag=version)

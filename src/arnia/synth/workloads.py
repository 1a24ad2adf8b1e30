"""A service as Kubernetes runs it: identity, settings, pods, address."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lightkube.models.apps_v1 import Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment
from lightkube.models.core_v1 import (
    Capabilities,
    ConfigMap,
    ConfigMapEnvSource,
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    HTTPGetAction,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    Probe,
    ResourceRequirements,
    SeccompProfile,
    SecretVolumeSource,
    SecurityContext,
    Service,
    ServiceAccount,
    ServicePort,
    ServiceSpec,
    TopologySpreadConstraint,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.policy_v1 import PodDisruptionBudget, PodDisruptionBudgetSpec

from arnia import ecosystem
from arnia.conventions import LIVE_PATH, READY_PATH, STARTUP_PATH, package, variable
from arnia.synth.configuration import PORT, Configuration
from arnia.synth.mesh import NO_MESH, Mesh
from arnia.synth.objects import INSTANCE, NAME, OWNER, describe

HTTP: Final = "http"
"""The name of the port that a pod listens on."""
SERVICE_PORT: Final = 80
USER: Final = 10001
SECRETS_FOLDER: Final = "/run/arnia/secrets"
_STARTUP_SECONDS: Final = 120
_SPARE_SECONDS: Final = 10
"""Between the end of a graceful stop and the kill."""
_MOUNTS: Final = {"scratch": "/tmp", "secrets": SECRETS_FOLDER}  # noqa: S108 - a folder of the pod's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Like pods of one service.

    Attributes:
        namespace: Where they run.
        name: The service's name, or `delivery-v1` where versions run apart.
        service: Whose code they run.
        replicas: How many there are.
        image: What they run, with a tag.
        configuration: What they are told.
        mesh: What the service mesh around them asks of them.
    """

    namespace: str
    name: str
    service: ecosystem.Service
    replicas: int
    image: str
    configuration: Configuration
    mesh: Mesh = NO_MESH

    @property
    def selector(self) -> dict[str, str]:
        """The labels that these pods have and no others; they never change, because selectors cannot."""
        return {NAME: self.service.name, INSTANCE: self.name}

    def metadata(self, annotations: dict[str, str] | None = None) -> ObjectMeta:
        """Return the metadata of an object that belongs to these pods."""
        return describe(self.namespace, self.name, self.selector, {OWNER: self.service.owner, **(annotations or {})})


def make_service_account(namespace: str, service: ecosystem.Service) -> ServiceAccount:
    """Return the identity of a service. Nothing in its pods speaks to the cluster, so no token is mounted."""
    metadata = describe(namespace, service.name, {NAME: service.name}, {OWNER: service.owner})
    return ServiceAccount(metadata=metadata, automountServiceAccountToken=False)


def make_config_map(workload: Workload) -> ConfigMap:
    """Return the settings that are no secrets, by environment variable."""
    return ConfigMap(metadata=workload.metadata(), data=dict(workload.configuration.values))


def make_service(workload: Workload) -> Service:
    """Return the address inside the cluster: http://NAME."""
    port = ServicePort(name=HTTP, port=SERVICE_PORT, targetPort=HTTP, protocol="TCP", appProtocol="http")
    return Service(
        metadata=workload.metadata(), spec=ServiceSpec(selector=workload.selector, ports=[port], type="ClusterIP")
    )


def make_disruption_budget(workload: Workload) -> PodDisruptionBudget:
    """Return how many pods a drain may take at a time: one, so that a drain of nodes always ends."""
    spec = PodDisruptionBudgetSpec(selector=LabelSelector(matchLabels=workload.selector), maxUnavailable=1)
    return PodDisruptionBudget(metadata=workload.metadata(), spec=spec)


def make_deployment(workload: Workload) -> Deployment:
    """Return the pods, and how one set of them replaces another: a new one is ready before an old one goes."""
    metadata = workload.metadata()
    # Without it a change of settings would reach no pod before the next release.
    annotations = {"arnia/settings": _fingerprint(workload.configuration.values), OWNER: workload.service.owner}
    labels = {**(metadata.labels or {}), **workload.mesh.labels}
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels=labels, annotations={**annotations, **workload.mesh.annotations}),
        spec=_make_pod(workload),
    )
    return Deployment(
        metadata=workload.metadata({"arnia/secret-files": ",".join(workload.configuration.secret_files)}),
        spec=DeploymentSpec(
            replicas=workload.replicas,
            revisionHistoryLimit=3,
            selector=LabelSelector(matchLabels=workload.selector),
            strategy=DeploymentStrategy(
                type="RollingUpdate", rollingUpdate=RollingUpdateDeployment(maxSurge=1, maxUnavailable=0)
            ),
            template=template,
        ),
    )


def _make_pod(workload: Workload) -> PodSpec:
    serving = _make_container(workload, "serve", [])
    serving.ports = [ContainerPort(name=HTTP, containerPort=PORT, protocol="TCP")]
    serving.startupProbe = _probe(STARTUP_PATH, period=2, failures=_STARTUP_SECONDS // 2)
    serving.livenessProbe = _probe(LIVE_PATH, period=10, failures=3)
    serving.readinessProbe = _probe(READY_PATH, period=5, failures=2)
    # Not by the service's own start: a probe would kill a migration that takes long, and again at every attempt.
    migrations = [_make_container(workload, "migrate", ["migrate"])] if workload.configuration.migrates else None
    spread = TopologySpreadConstraint(
        maxSkew=1,
        topologyKey="kubernetes.io/hostname",
        whenUnsatisfiable="ScheduleAnyway",
        labelSelector=LabelSelector(matchLabels=workload.selector),
    )
    return PodSpec(
        serviceAccountName=workload.service.name,
        automountServiceAccountToken=False,
        # The cluster would set DRONE_PORT=tcp://... for a service called drone, where its settings expect a number.
        enableServiceLinks=False,
        securityContext=PodSecurityContext(
            runAsNonRoot=True,
            runAsUser=USER,
            runAsGroup=USER,
            fsGroup=USER,
            seccompProfile=SeccompProfile(type="RuntimeDefault"),
        ),
        terminationGracePeriodSeconds=_grace_seconds(workload),
        topologySpreadConstraints=[spread] if workload.replicas > 1 else None,
        volumes=_make_volumes(workload),
        initContainers=migrations,
        containers=[serving],
    )


def _make_container(workload: Workload, name: str, arguments: Sequence[str]) -> Container:
    service = workload.service.name
    secrets = workload.configuration.secret_files
    mounts = [
        VolumeMount(name=volume.name, mountPath=_MOUNTS[volume.name], readOnly=volume.name == "secrets" or None)
        for volume in _make_volumes(workload)
    ]
    return Container(
        name=name,
        image=workload.image,
        imagePullPolicy="IfNotPresent",
        command=["python", "-m", f"{package(service)}.main", *arguments],
        env=[EnvVar(name=variable(service, "secrets_dir"), value=SECRETS_FOLDER)] if secrets else None,
        envFrom=[EnvFromSource(configMapRef=ConfigMapEnvSource(name=workload.name))],
        resources=ResourceRequirements(
            requests={"cpu": "100m", "memory": "192Mi"},
            # No limit of CPU: it would slow a service down while the node is idle.
            limits={"memory": "384Mi"},
        ),
        securityContext=SecurityContext(
            allowPrivilegeEscalation=False,
            privileged=False,
            readOnlyRootFilesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
        volumeMounts=mounts,
    )


def _make_volumes(workload: Workload) -> list[Volume]:
    scratch = Volume(name="scratch", emptyDir=EmptyDirVolumeSource(sizeLimit="64Mi"))
    if not workload.configuration.secret_files:
        return [scratch]
    # Readable by the group, which is fsGroup's; nobody else is in the pod.
    source = SecretVolumeSource(secretName=workload.service.name, defaultMode=0o440)
    return [scratch, Volume(name="secrets", secret=source)]


def _probe(path: str, *, period: int, failures: int) -> Probe:
    return Probe(
        httpGet=HTTPGetAction(path=path, port=HTTP),
        periodSeconds=period,
        timeoutSeconds=3,
        failureThreshold=failures,
    )


def _grace_seconds(workload: Workload) -> int:
    """Return how long a pod may take to stop: it serves on while it drains, and then finishes what is in flight."""
    service, told = workload.service.name, workload.configuration
    stopping = told.seconds(service, "drain_seconds") + told.seconds(service, "stop_seconds")
    return math.ceil(stopping) + _SPARE_SECONDS


def _fingerprint(values: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()[:16]

"""Apache Kafka from the jars of Maven Central: one node in KRaft mode, with a user for each service."""

import secrets
import shutil
import socket
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from urllib.parse import quote

from arnia.conventions import LOOPBACK
from arnia.errors import OutsideError
from arnia.local.ports import free_port
from arnia.local.process import Command, Process, run_briefly
from arnia.local.secret_files import write_secret
from arnia.local.servers import kafka_jars
from arnia.local.servers.server import CLEAN_ENVIRONMENT
from arnia.local.voices import Voice

ADMINISTRATOR: Final = "_arnia"
"""Who may do everything; no service can have that name."""
_STOP_SECONDS: Final = 15.0
_FORMAT_SECONDS: Final = 60.0
_PROBE_SECONDS: Final = 2.0
_HEAP: Final = "256m"
_LOGGING: Final = """\
status = warn
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""


class Kafka:
    """One Kafka node with its data.

    Each user makes and writes only the topics of what its service emits, and reads only those that it hears, in the
    group of its own name. Nobody may delete anything.
    """

    name = "kafka"

    def __init__(
        self, directory: Path, port: int, *, log: Path, users: Mapping[str, Voice], durable: bool = True
    ) -> None:
        """Describe the server; nothing is touched before `prepare`.

        Args:
            directory: Where its data and its configuration are.
            port: Where it listens.
            log: Where it writes.
            users: Who may use it, and for what: names of services. Their passwords are new with every object.
            durable: Whether what it confirms survives a loss of power, and not only its own death.
        """
        self.directory = directory
        self.port = port
        self.log = log
        self._users = dict(users)
        self._passwords = {name: secrets.token_urlsafe(32) for name in sorted((*users, ADMINISTRATOR))}
        self._durable = durable
        self._granted = False
        self.process: Process | None = None

    @property
    def url(self) -> str:
        """Where it listens, without any secret."""
        return f"kafka://{LOOPBACK}:{self.port}"

    def url_of(self, user: str) -> str:
        """Return the connection string of one of its users; a secret."""
        return f"kafka://{user}:{quote(self._passwords[user], safe='')}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, which holds the passwords, and make the data where there are none.

        Raises:
            OutsideError: There is no client, no Java, or no Maven to bring the jars the first time.
        """
        if find_spec("confluent_kafka") is None:
            message = "Apache Kafka needs its client; install it with: pip install 'arnia[events]'."
            raise OutsideError(message)
        kafka_jars.java()
        kafka_jars.jars()
        self.directory.mkdir(parents=True, exist_ok=True)
        controller = free_port(besides=frozenset({self.port}))
        write_secret(self._configuration, _lines(self._settings(controller) | self._own()))
        (self.directory / "log4j2.properties").write_text(_LOGGING)
        if not (self._data / "meta.properties").exists():
            shutil.rmtree(self._data, ignore_errors=True)  # what a format that was interrupted left
            self._data.mkdir(mode=0o700)
            given = ("format", "--config", str(self._configuration), "--cluster-id", cluster_id())
            run_briefly(self._java("kafka.tools.StorageTool", *given), _FORMAT_SECONDS)

    def spawn(self) -> Process:
        """Start the process and return at once."""
        self._granted = False
        self.process = Process.spawn(self._java("kafka.Kafka", str(self._configuration)))
        return self.process

    def ready(self) -> bool:
        """Tell whether it answers, and knows who may do what."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=_PROBE_SECONDS):
                pass
        except OSError:
            return False
        if not self._granted:
            from arnia.local.servers.kafka_access import grant  # noqa: PLC0415 - only where there is its client

            address, password = f"{LOOPBACK}:{self.port}", self._passwords[ADMINISTRATOR]
            self._granted = grant(address, ADMINISTRATOR, password, self._users)
        return self._granted

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None:
            self.process.stop(_STOP_SECONDS)
            self.process = None

    @property
    def _configuration(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _java(self, program: str, *arguments: str) -> Command:
        return Command(
            argv=(
                str(kafka_jars.java()),
                f"-Xmx{_HEAP}",
                f"-Xms{_HEAP}",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:+ExitOnOutOfMemoryError",
                "-Djava.awt.headless=true",
                "-Djava.net.preferIPv4Stack=true",
                f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}",
                "-cp",
                f"{kafka_jars.jars()}/*",
                program,
                *arguments,
            ),
            environment=CLEAN_ENVIRONMENT,
            folder=self.directory,
            log=self.log,
            dies_with_parent=True,
        )

    def _settings(self, controller: int) -> dict[str, str]:
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
            "listeners": f"CLIENT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"CLIENT://{LOOPBACK}:{self.port}",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "sasl.mechanism.controller.protocol": "PLAIN",
            "listener.name.client.plain.sasl.jaas.config": self._login(self._passwords),
            "listener.name.controller.plain.sasl.jaas.config": self._login({}),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMINISTRATOR}",
            "log.dirs": str(self._data),
            **_ONE_SMALL_NODE,
        }
        if self._durable:
            settings["log.flush.interval.messages"] = "1"
        return settings

    def _own(self) -> dict[str, str]:
        """Return what `own.properties` in its folder sets besides, or otherwise; read at each start."""
        file = self.directory / "own.properties"
        return read_properties(file) if file.exists() else {}

    def _login(self, passwords: Mapping[str, str]) -> str:
        own = self._passwords[ADMINISTRATOR]
        known = {ADMINISTRATOR: own, **passwords}
        users = " ".join(f'user_{name}="{password}"' for name, password in sorted(known.items()))
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return f'{module} required username="{ADMINISTRATOR}" password="{own}" {users};'


_ONE_SMALL_NODE: Final = {
    "auto.create.topics.enable": "false",
    "broker.heartbeat.interval.ms": "400",
    "broker.session.timeout.ms": "2000",
    "controller.quorum.election.backoff.max.ms": "100",
    "controller.quorum.election.timeout.ms": "200",
    "controller.quorum.fetch.timeout.ms": "500",
    "default.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "min.insync.replicas": "1",
    "num.io.threads": "4",
    "num.network.threads": "2",
    "offsets.topic.num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.replication.factor": "1",
}
"""What a cluster of one has to be told; the session ends soon because a killed node waits for the end of its own."""


def cluster_id() -> str:
    """Return the identity of a new cluster: 16 bytes in base64, as Kafka wants it."""
    # One that began with a dash would be taken for an option: Kafka draws none of those either.
    return f"A{secrets.token_urlsafe(16)[1:]}"


def read_properties(file: Path) -> dict[str, str]:
    """Return what a file with `name=value` on each line says; lines that begin with # say nothing."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    told = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in told}


def _lines(settings: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())

"""The jars of Apache Kafka: Maven brings them once, into the cache of this user, and they are checked before use."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from arnia.errors import OutsideError

VERSION: Final = "4.4.0"
LOGGING: Final = "2.25.5"
PLUGIN: Final = "3.9.0"
DIGEST: Final = "55d4b5065100918d1863d17acf86f6154916567f75ba06cd8ccbf948467d8fe2"
"""Of all jars that belong to these versions: a jar that is another one is not run."""
_RESOLVE_SECONDS: Final = 600.0
_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>arnia</groupId>
  <artifactId>kafka-server</artifactId>
  <version>{VERSION}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
      <exclusions>
        <exclusion>
          <groupId>org.apache.kafka</groupId>
          <artifactId>kafka-tools-api</artifactId>
        </exclusion>
      </exclusions>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOGGING}</version>
    </dependency>
  </dependencies>
</project>
"""
"""The server and what it logs with; `kafka-tools-api` only reads dumps."""


def java() -> Path:
    """Return the program that runs Java.

    Raises:
        OutsideError: There is none.
    """
    return _program("java", "a Java runtime of version 17 or newer", "default-jre-headless")


def jars() -> Path:
    """Return the folder of the jars; brings them when they are not there, which takes a minute and the network.

    Raises:
        OutsideError: Maven is not there or cannot bring them, or they are not the ones that are known.
    """
    folder = Path.home() / ".cache" / "arnia" / f"kafka-{VERSION}-{DIGEST[:12]}"
    if folder.is_dir():
        return folder
    maven = _program("mvn", "Apache Maven, once, to bring Apache Kafka", "maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".kafka-") as name:
        fresh = Path(name) / "jars"
        _resolve(maven, Path(name), fresh)
        if (found := digest(fresh)) != DIGEST:
            message = f"What Maven brought for Apache Kafka {VERSION} is not what Arnia knows: its digest is {found}."
            raise OutsideError(message)
        try:
            fresh.rename(folder)
        except OSError:  # another process was faster; its jars are as good
            if not folder.is_dir():
                raise
    return folder


def digest(folder: Path) -> str:
    """Return the SHA-256 of the names and the contents of all files in `folder`."""
    told = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        told.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return told.hexdigest()


def _resolve(maven: Path, place: Path, target: Path) -> None:
    (place / "pom.xml").write_text(_POM)
    goal = f"org.apache.maven.plugins:maven-dependency-plugin:{PLUGIN}:copy-dependencies"
    # Maven's settings, its proxies among them, are in the environment of whoever calls.
    argv = (str(maven), "--batch-mode", "--quiet", goal, f"-DoutputDirectory={target}", "-DincludeScope=runtime")
    try:
        done = subprocess.run(
            argv,
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
            timeout=_RESOLVE_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        message = f"Maven did not bring Apache Kafka {VERSION} within {_RESOLVE_SECONDS:.0f} s; try again."
        raise OutsideError(message) from None
    if done.returncode or not target.is_dir():
        told = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-8:])
        message = f"Maven cannot bring Apache Kafka {VERSION} (it needs the network for that, once):\n{told}"
        raise OutsideError(message)


def _program(name: str, purpose: str, package: str) -> Path:
    found = shutil.which(name)
    if found is None:
        message = (
            f"Apache Kafka needs {purpose}, and there is no `{name}`: install it (Debian: apt-get install {package})."
        )
        raise OutsideError(message)
    return Path(found).absolute()


if __name__ == "__main__":
    try:
        java()
        sys.stdout.write(f"{jars()}\n")
    except OutsideError as error:
        sys.exit(str(error))

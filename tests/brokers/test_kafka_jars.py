"""Bringing the jars of Apache Kafka: what is missing is said, and what is not the known is not run."""

from pathlib import Path

import pytest

from arnia.errors import OutsideError
from arnia.local.servers import kafka_jars


def _maven(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(folder))


def test_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java or Maven, a sentence says which of them is missing and how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(OutsideError, match="apt-get install default-jre-headless"):
        kafka_jars.java()
    with pytest.raises(OutsideError, match="apt-get install maven"):
        kafka_jars.jars()


def test_runs_no_jar_that_it_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jars that are others than those of the pinned versions are refused, and not kept."""
    _maven(tmp_path, monkeypatch, 'for word; do case "$word" in -DoutputDirectory=*) mkdir "${word#*=}";; esac; done')
    with pytest.raises(OutsideError, match="is not what Arnia knows"):
        kafka_jars.jars()
    assert not [*(tmp_path / ".cache" / "arnia").iterdir()]


def test_repeats_what_maven_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Maven fails, its own words are in the message."""
    _maven(tmp_path, monkeypatch, "echo no route to the archive; exit 1")
    with pytest.raises(OutsideError, match="no route to the archive"):
        kafka_jars.jars()

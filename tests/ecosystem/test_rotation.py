"""Ten rotations of the issuer's keys under load, through the edge of the reference ecosystem."""

import json
import os
import sys
import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.ecosystem.garden import Answer, Project

ROOT = Path(__file__).parents[2]
LEAD_SECONDS = 46
"""The shortest lead that the issuer allows: longer than its keys are cached anywhere."""
ROTATIONS = 10


@pytest.fixture
def rotating(tmp_path: Path) -> Iterator[Project]:
    """The issuer and one service, with the shortest times that are allowed."""
    times = {"IDENTITY_JWKS_MAX_AGE_SECONDS": "5", "IDENTITY_KEY_LEAD_SECONDS": str(LEAD_SECONDS)}
    project = Project(ROOT, tmp_path / "data", prefix=(sys.executable,), environment={**os.environ, **times})
    started = project.run("up", "--detach", "--port", "0", "--only", "delivery")
    try:
        assert started.returncode == 0, started.stderr
        yield project
    finally:
        project.remove()


def _key_of(token: str) -> str:
    header = token.partition(".")[0]
    return str(json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"])


def _call(project: Project, token: str) -> Answer:
    return project.call("GET", "/api/v2/deliveries", Authorization=f"Bearer {token}")


def test_ten_rotations_refuse_no_valid_token(rotating: Project) -> None:
    """From the first rotation until the last key signs, every token is believed: new ones at once, old ones still."""
    tokens = [rotating.log_in("operator")]
    made: list[str] = []
    refused: list[Answer] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            refused.extend(answer for one in (tokens[0], tokens[-1]) if (answer := _call(rotating, one)).status != 200)
            time.sleep(0.01)

    with ThreadPoolExecutor(2) as lanes:
        running = [lanes.submit(load) for _ in range(2)]
        try:
            for _ in range(ROTATIONS):
                rotated = rotating.call("POST", "/api/v1/signing-keys", Authorization=f"Bearer {tokens[0]}")
                assert rotated.status == 201, rotated
                made.append(rotated.json()["kid"])
                time.sleep(1.5)
            until = time.monotonic() + 2 * LEAD_SECONDS
            while _key_of(tokens[-1]) != made[-1]:
                assert time.monotonic() < until, "the last key never signs"
                tokens.append(rotating.log_in("demo"))
                time.sleep(0.3)
            time.sleep(2)
        finally:
            ended.set()
        for lane in running:
            lane.result()
    assert refused == []
    assert len({_key_of(token) for token in tokens} & set(made)) >= ROTATIONS // 2

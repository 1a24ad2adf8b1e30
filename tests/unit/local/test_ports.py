"""Free ports."""

import random
import subprocess
import sys

import pytest

from arnia.local import ports
from arnia.local.ports import free_port


def test_seeded_programs_do_not_choose_alike() -> None:
    """Two processes whose generators were seeded alike, as test tools do, still choose ports of their own."""
    chosen = set()
    for _ in range(4):
        random.seed(0)
        chosen.add(free_port())
    assert len(chosen) > 1


def test_what_was_given_away_is_given_to_nobody_else() -> None:
    """Another process finds no port where this one was given the only one, though nobody listens there yet."""
    port = free_port()
    for others, found in ((0, False), (100, True)):
        code = f"""
from arnia.errors import OutsideError
from arnia.local import ports
ports.is_free = lambda port: True  # what else this machine runs is no matter here
ports._RANGE = range({port}, {port + 1 + others})
try:
    print(ports.free_port())
except OutsideError:
    print("no")
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        told = done.stdout.strip()
        assert (told != "no") is found
        assert told != str(port)


def test_a_process_is_never_given_the_same_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty ports in a row are twenty, where there are not many more."""
    first = free_port()
    monkeypatch.setattr(ports, "_RANGE", range(first, first + 60))
    monkeypatch.setattr(ports, "is_free", lambda _: True)
    assert len({free_port() for _ in range(20)}) == 20

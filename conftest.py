"""What every test of the repository begins with, and the documents among the tests: their Python blocks run."""

import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser()], patterns=["*.md"]).pytest()

# A service that was made a moment ago has tests that run, though nothing has installed it yet.
sys.path.extend(str(source) for source in sorted(Path(__file__).parent.glob("services/*/src")))

LONGEST: Final = (
    "tests/ecosystem/test_reference.py",
    "tests/faults/test_faults.py",
    "tests/ecosystem/test_new.py",
    "tests/events/test_carrying.py",
    "tests/brokers/test_kafka.py",
    "tests/ecosystem/test_events.py",
    "tests/ecosystem/test_recovery.py",
    "tests/ecosystem/test_extraction.py",
    "services/delivery/tests/test_conformance.py",
    "services/telemetry/tests/test_brokers.py",
    "tests/brokers/test_rabbitmq.py",
    "tests/ecosystem/test_examples.py",
    "tests/conformance/test_fuzz_delivery.py",
    "tests/ecosystem/test_edge_tokens.py",
    "services/identity/tests/api/test_process.py",
    "tests/simulation/test_seeds.py",
    "tests/unit/new/test_extraction.py",
    "tests/unit/asyncapi/test_documents.py",
    "services/identity/tests/test_conformance.py",
    "services/identity/tests/protocol/test_endings.py",
    "tests/conformance/test_fuzz_drone.py",
)
"""The files that take longest, where processes share the tests by file: begun last, one would end alone."""


SHORT: Final = "tests/unit/"
"""Whose files take seconds at most, a hundred of them: run last, they fill what the processes differ by."""


def pytest_configure() -> None:
    """Let Ctrl-C end what tests start, also in a run that a shell began in its background: it ignores the key there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, end with the short ones, and leave the rest in their order."""
    places = {path: place for place, path in enumerate(LONGEST)}

    def place(item: pytest.Item) -> int:
        path = item.nodeid.partition("::")[0]
        return places.get(path, len(places) + path.startswith(SHORT))

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Run three processes on two cores: what starts real servers waits for them about as long as it works."""
    cores = yield
    return cores + cores // 2


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which everything here runs on."""
    return "asyncio"

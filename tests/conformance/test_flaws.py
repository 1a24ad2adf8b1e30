"""The suite notices a process with a flaw in how it starts, logs or ends."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import pytest
from flawed import FLAWS
from kettle.main import create

from arnia.testing.conformance import Nonconformance, ServiceConformance
from arnia.testing.conformance.process import BAD_PORT, ProcessRules
from arnia.testing.conformance.suite import FACETS, surface_of
from arnia.testing.processes import ServiceProcess


class Flawed(NamedTuple):
    """The test that must notice a flaw, the words of what it finds, and settings that are flaw enough."""

    test: str
    words: str
    settings: Mapping[str, object] = MappingProxyType({})


FLAWED: Final = {
    "dies at once": Flawed("test_sigterm_loses_no_request", "rule health: a draining service says that"),
    "closes the door at once": Flawed("test_sigterm_loses_no_request", "rule health: a draining service says that"),
    "stays ready": Flawed("test_sigterm_loses_no_request", "rule health: a draining service says that"),
    "never ends": Flawed("test_sigterm_loses_no_request", "rule health: a draining service says that"),
    "ends with another code": Flawed("test_sigterm_loses_no_request", "rule health: .* exits with 0"),
    "is dead while draining": Flawed("test_sigterm_loses_no_request", "rule health: a draining service is alive"),
    "loses some": Flawed("test_sigterm_loses_no_request", "rule health: no request is lost"),
    "answers in plain text": Flawed("test_what_is_no_http_is_a_problem", "rule 1: every 4xx is problem"),
    "reads any head": Flawed("test_large_headers_are_431", "rule 2: this is a 431"),
    "reads any body": Flawed(
        "test_endless_chunks_are_413", "rule 2: an endless body is cut off", {"max_body_bytes": 1 << 30}
    ),
    "takes few callers": Flawed("test_a_slow_body_holds_nobody_up", "rule 2: a slow body holds nobody up"),
    "prints a line": Flawed("test_the_log_is_json", "rule logs: a line of the log tells"),
    "logs text": Flawed("test_the_log_is_json", "rule logs: a request is in the log", {"log_format": "text"}),
    "shows the fault": Flawed("test_bad_settings_end_the_start", "rule settings: bad settings end the start with 2"),
    "repeats the value": Flawed("test_bad_settings_end_the_start", "rule settings: the value"),
    "starts all the same": Flawed("test_bad_settings_end_the_start", "rule settings: bad settings end the start with"),
}


class Kettle(ServiceConformance):
    """The rules, with little patience."""

    application = staticmethod(create)
    patience = 1.5


@pytest.mark.parametrize("flaw", sorted(FLAWED))
def test_a_flawed_process_is_found_out(tmp_path: Path, flaw: str) -> None:
    """A process with one flaw fails the test of its rule, which is named in the message."""
    test, words, settings = FLAWED[flaw]
    given = {"environment": "test", "drain_seconds": 0.4, "flaw": flaw, **settings}
    with pytest.raises(Nonconformance, match=words):
        _judge(test, given, tmp_path / "log")


def test_every_flaw_is_planted() -> None:
    """No flaw of the sample is forgotten, and each test of a process has one."""
    assert set(FLAWS) <= set(FLAWED)
    assert {flawed.test for flawed in FLAWED.values()} == {name for name in vars(ProcessRules) if name[:5] == "test_"}


def _judge(test: str, settings: Mapping[str, object], log: Path) -> None:
    """Run `test` of the suite against the kettle with `settings`."""
    judge = getattr(Kettle(), test)
    if test == "test_bad_settings_end_the_start":
        judge(ServiceProcess("kettle", "flawed", {**settings, "port": BAD_PORT}, log))
        return
    with ServiceProcess("kettle", "flawed", settings, log) as process:
        places = FACETS["chunked"][0](surface_of(Kettle))
        judge(process, *(places if "chunks" in test or "slow" in test else ()))

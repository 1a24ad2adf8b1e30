"""Thousands of generated requests, alone and in chains, against a service as its own process.

```python
from arnia.testing.fuzzing import FuzzedService
from delivery.main import create


class TestFuzzed(FuzzedService):
    application = staticmethod(create)
```

Schemathesis makes the requests from the OpenAPI document and follows its links from one operation to the next.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

from arnia.conventions import OPENAPI_PATH, TIMEOUT_HEADER
from arnia.testing.conformance.findings import require
from arnia.testing.conformance.suite import ServiceSuite, surface_of
from arnia.testing.processes import ServiceProcess

__all__ = ["FuzzedService"]

RULE: Final = "fuzz"
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "use_after_free",
)
PATIENT_MS: Final = 5_000
LAST_LINES: Final = 6_000
# A caller that gives a request 1 ms is told 504, rightly; each of them is looked at again in the report.
CONFIGURATION: Final = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "504"]
"""


class FuzzedService(ServiceSuite):
    """Subclass it with the `application` of a service.

    `cases` is how many requests there must be at least; `examples_each` how many each operation gets in a phase.
    `phases` are those of Schemathesis; most requests, and most of the time, are those of `coverage`.
    """

    cases: ClassVar[int] = 1_000
    examples_each: ClassVar[int] = 15
    phases: ClassVar[tuple[str, ...]] = ("examples", "coverage", "fuzzing", "stateful")
    seed: ClassVar[int] = 20_261_122

    def test_generated_requests(self, process: ServiceProcess, tmp_path: Path) -> None:
        """No generated request, alone or in a chain, gets a 5xx, an undocumented status, or another schema."""
        report = tmp_path / "report.ndjson"
        (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
        foreign = sorted({each.template for each in surface_of(type(self)).foreign})
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", process.url + OPENAPI_PATH, "--no-color"),
                *("--checks", ",".join(CHECKS), "--max-examples", str(self.examples_each), "--seed", str(self.seed)),
                *("--phases", ",".join(self.phases)),
                *("--header", f"Authorization: Bearer {process.token}"),
                *("--report", "ndjson", "--report-ndjson-path", str(report), "--generation-database", "none"),
                *("--no-shrink", "--continue-on-failure", "--suppress-health-check", "all"),
                *(f"--exclude-path={path}" for path in foreign),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        told = (ended.stdout + ended.stderr)[-LAST_LINES:]
        require(ended.returncode == 0, RULE, "every generated request is answered as documented", told)
        interactions = list(_interactions(report))
        made = len(interactions)
        require(made >= self.cases, RULE, f"at least {self.cases} requests are made, not {made}", ended.stdout[-500:])
        for interaction in interactions:
            _check_deadline(interaction)


def _interactions(report: Path) -> Iterator[dict[str, Any]]:
    """Yield request and answer of each generated case."""
    with report.open() as lines:
        for line in lines:
            scenario = json.loads(line).get("ScenarioFinished")
            if scenario is not None:
                yield from scenario["recorder"].get("interactions", {}).values()


def _check_deadline(interaction: dict[str, Any]) -> None:
    response = interaction.get("response") or {}
    if response.get("status_code") == 504:
        sent = {name.lower(): value for name, value in interaction["request"]["headers"].items()}
        allowed = sent.get(TIMEOUT_HEADER.lower(), ["0"])[0]
        asked = allowed.isdigit() and int(allowed) < PATIENT_MS
        require(asked, RULE, "a 504 is what an impatient caller gets, and nobody else", interaction)

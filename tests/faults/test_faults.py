"""Everything is killed, stopped and cut while clients write; afterwards each acknowledged change has its one effect.

Each acknowledged position is stored once, and each view is whole again.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.faults.ledger import Outcome, read_batches, read_ledger
from tests.faults.runs import LONG, Run, Scale
from tests.faults.stand import Stand, standing

SHORT_SEED: Final = 5
"""The short form is the same at each run; the long one looks for what nobody has seen."""
WHOLE: Final = 100
"""Faults that make a run a whole one."""
FEW: Final = ("kill postgres and notification", "reset broker", "stop scheduler", "kill telemetry", "repeat messages")
"""What the short form breaks, once each: of most of it a broker takes half a minute to recover."""


@pytest.fixture(scope="module")
def scale(request: pytest.FixtureRequest) -> Scale:
    """Give what was asked for, or the form that belongs to the occasion."""

    def told(name: str, otherwise: float) -> float:
        given = request.config.getoption(f"--faults-{name}", default=None)
        return float(otherwise if given is None else given)

    return Scale(
        broker=request.config.getoption("--faults-broker", default="nats"),
        seed=int(told("seed", time.time_ns() % 1_000_000 if LONG else SHORT_SEED)),
        number=int(told("number", WHOLE if LONG else len(FEW))),
        changes=int(told("changes", 20_000 if LONG else 60)),
        seconds=told("seconds", 30.0 if LONG else 1.0),
        pause=0.05,
        settling=300.0 if LONG else 60.0,
        look=2.0 if LONG else 0.5,
        lanes=8 if LONG else 4,
    )


@pytest.fixture(scope="module")
def stand(scale: Scale, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Give the ecosystem, its services behind wires."""
    with standing(tmp_path_factory.mktemp("stand"), scale.broker) as stand:
        yield stand


def test_no_fault_loses_doubles_or_delays_a_change_for_ever(
    stand: Stand, scale: Scale, record_property: Callable[[str, object], None]
) -> None:
    """Whatever is killed, stopped or cut: each acknowledged change has one effect everywhere, and nothing else has."""
    kept = Path(tempfile.mkdtemp(prefix=f"arnia-faults-{scale.seed}-"))  # pytest forgets its own folders soon
    run = Run(stand, scale, kept)
    try:
        assert not WHOLE <= scale.number < run.nemesis.kinds, "a whole run does each kind of fault once at least"
        run.endure(() if LONG else FEW)
        violations = run.settle()
        figures = Counter(change.outcome.value for change in read_ledger(kept / "ledger.jsonl"))
        wrong = Counter(violation.rule for violation in violations)
        sent = Counter[str]()
        for batch in read_batches(kept / "ledger.jsonl"):
            sent[batch.outcome.value] += batch.positions
        said = (
            f"seed {scale.seed}: {run.nemesis.done} faults, {dict(figures)}, positions: {dict(sent)}, "
            f"views: {dict(run.writers.viewer.answers)}, wrong: {dict(wrong)}; see {kept}"
        )
        record_property("faults", said)
        run.sum_up(said, violations)
        assert (violations[:20], run.writers.faults[:5]) == ([], []), said
        assert figures[Outcome.OK] >= scale.changes
        assert sent[Outcome.OK]
        assert run.writers.viewer.answers["whole"]
        if LONG:
            run.free()
            assert run.settle() == [], said
    except BaseException:
        shutil.copytree(stand.project.data / "logs", kept / "logs")
        raise
    else:
        if not LONG:
            shutil.rmtree(kept)
    finally:
        run.ledger.close()

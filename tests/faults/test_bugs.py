"""The fault run, tested: planted bugs turn it red on real servers, and the chassis as it is does not."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from tests.faults.bugs import BUGS, Bug, plant
from tests.faults.runs import LONG, Run, Scale
from tests.faults.stand import standing

SEED: Final = 3
EVERY: Final = Bug(
    about="Nothing is wrong.",
    lines={},
    rules=(),
    harms=tuple(sorted({harm for bug in BUGS.values() for harm in bug.harms})),
    number=16,
)


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_the_line_is_there(bug: Bug, tmp_path: Path) -> None:
    """Each bug damages lines that the chassis has, and what is left of it is Python."""
    plant(bug, tmp_path)


@pytest.mark.skipif(not LONG, reason="it takes minutes: make faults")
@pytest.mark.parametrize("bug", [EVERY, *BUGS.values()], ids=["none", *BUGS])
def test_a_planted_bug_turns_the_run_red(bug: Bug, tmp_path: Path) -> None:
    """The faults of the real run show the bug, by what the checker says of it; without one they show nothing."""
    kept = Path(tempfile.mkdtemp(prefix="arnia-bug-"))
    asked = {"seed": SEED, "number": bug.number, "changes": bug.changes, "lanes": bug.lanes}
    scale = Scale(broker="nats", **asked, seconds=2.0, pause=0.05, settling=45.0, look=2.0)
    with standing(tmp_path, scale.broker, plant(bug, tmp_path)) as stand:
        run = Run(stand, scale, kept)
        try:
            run.endure(bug.harms)
            violations = run.settle()
            wrong = Counter(violation.rule for violation in violations)
            said = f"{bug.about} {run.nemesis.done} faults, {run.ledger.acknowledged} acknowledged: {dict(wrong)}"
            run.sum_up(said, violations)
        finally:
            run.ledger.close()
    shown = bool(wrong.keys() & set(bug.rules)) if bug.rules else not violations
    assert shown, f"{violations[:20]}; see {kept}"
    shutil.rmtree(kept)

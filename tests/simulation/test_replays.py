"""The simulator itself: the same seed is the same run, and every place at which a process may die is died at."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from tests.simulation.checker import play
from tests.simulation.memory_broker import STYLES
from tests.simulation.scripts import CONSUMERS, PATIENCE, Script

from arnia.chassis.crash_points import POINTS

ROOT: Final = Path(__file__).parents[2]
SWEPT: Final = 4
"""How often each place is passed before the process is killed there, at the most."""
SAME: Final = (
    "import hashlib; from tests.simulation.checker import play; "
    "print(hashlib.sha256(repr([play(seed, traced=True).trace for seed in range(5)]).encode()).hexdigest())"
)


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """What happens in a run depends on its seed alone: not on hashes, on the clock, or on what ran before."""
    play(99)
    mine = hashlib.sha256(repr([play(seed, traced=True).trace for seed in range(5)]).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "src")))}
    other = subprocess.run([sys.executable, "-c", SAME], env=environment, check=True, capture_output=True, text=True)
    assert other.stdout.strip() == mine


def test_seeds_differ() -> None:
    """No two seeds are the same run."""
    traces = {repr(play(seed, traced=True).trace) for seed in range(20)}
    assert len(traces) == 20


def story(style: int) -> Script:
    """Return a story that comes by every place: with poison, a transient fault and two processes."""
    one, other = UUID(int=1), UUID(int=2)
    return Script(
        style=STYLES[style],
        relays=2,
        things=(one, other),
        writers=([[one], [one, other], [other]], [[one], [other], [one]]),
        transient={(CONSUMERS[0], 1): 1},
        poison={CONSUMERS[1]: 3},
        patience=PATIENCE,
        direct=1,
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_process_may_die_at_each_place(point: str) -> None:
    """Whoever is killed at a crash point, the first time or later that it comes by, leaves nothing lost or doubled."""
    met = 0
    for time in range(1, SWEPT + 1):
        for style in range(len(STYLES)):
            outcome = play(time, script=story(style), target=(point, time))
            met += outcome.points.get(point, 0) >= time
            assert not outcome.violations, f"{point}:{time} with {STYLES[style].name}: {outcome.violations}"
    assert met, f"no story comes by {point}"

"""Thousands of lives of the same code, each with other faults in other places.

`SEEDS=10000` plays as many; `SEED=4711` plays that one and tells what happens in it:

    SEED=4711 .venv/bin/python -m pytest -s tests/simulation/test_seeds.py
"""

import os
from typing import Final

import pytest
from tests.simulation.checker import play

SEEDS: Final = int(os.environ.get("SEEDS", "1000"))
SEED: Final = os.environ.get("SEED", "")
PARTS: Final = 10


@pytest.mark.skipif(bool(SEED), reason="one seed is asked for")
@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_doubled_reordered_or_stuck(part: int) -> None:
    """Whatever goes wrong: one effect for each change in each consumer, in order, and only poison is parked."""
    failed = [outcome for seed in range(part, SEEDS, PARTS) if (outcome := play(seed)).violations]
    if failed:
        first = min(failed, key=lambda outcome: outcome.seed)
        told = "\n".join(play(first.seed, traced=True).trace)
        seeds = [outcome.seed for outcome in failed]
        pytest.fail(f"{told}\n\nseeds {seeds} fail; replay one with SEED={first.seed}: {first.violations}")


@pytest.mark.skipif(not SEED, reason="no seed is asked for")
def test_a_seed_replays() -> None:
    """The seed that is asked for does exactly what it did before, and tells of it."""
    outcome = play(int(SEED), traced=True)
    print("\n".join(outcome.trace))  # noqa: T201 - that is what it was asked for
    assert not outcome.violations

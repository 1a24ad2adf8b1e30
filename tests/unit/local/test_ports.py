"""Free ports."""

import random

from arnia.local.ports import free_port


def test_seeded_programs_do_not_choose_alike() -> None:
    """Two processes whose generators were seeded alike, as test tools do, still choose ports of their own."""
    chosen = set()
    for _ in range(4):
        random.seed(0)
        chosen.add(free_port())
    assert len(chosen) > 1

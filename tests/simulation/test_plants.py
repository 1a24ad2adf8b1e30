"""The tester, tested: bugs that are usual in outboxes, relays and consumers, each of which some seed has to find."""

import itertools
from typing import Final

import pytest
from tests.simulation import inbox_plants as inbox
from tests.simulation import outbox_plants as outbox
from tests.simulation.checker import play
from tests.simulation.story import Wiring

MOST: Final = 1000
"""Seeds that a planted bug may survive: what `make test` plays."""
SHY: Final[tuple[int, ...]] = (10, 12, 13, 17, 22, 37, 57, 104, 181, 276, 284, 495)
"""Seeds that found the bugs which most seeds miss: tried first, to save the others."""
LOST: Final = "has 0 effects instead of 1"
DOUBLED: Final = "has 2 effects instead of 1"
STUCK: Final = "it is not over"
ORDER: Final = "out of order"
PLANTS: Final[dict[type[Wiring], str]] = {
    outbox.CursorRelay: "unsent",
    outbox.SkipLocked: f"published {ORDER}",
    outbox.OneStatement: "published after it was marked",
    outbox.MarkBeforePublish: LOST,
    outbox.NewIdOnRetry: "published without a cause",
    outbox.PublishWithoutConfirm: LOST,
    outbox.SwallowedDoubt: LOST,
    inbox.AckBeforeCommit: LOST,
    inbox.AutoCommit: LOST,
    inbox.EffectOutside: DOUBLED,
    inbox.NoInbox: DOUBLED,
    inbox.SequenceIgnored: ORDER,
    inbox.GapsSkipped: "were dropped",
    inbox.Impatient: ORDER,
    inbox.AWhileIsEnough: ORDER,
    inbox.ParkedQueue: "are parked instead of",
    inbox.NewIdOnRedrive: "an effect without a cause",
    inbox.CountedWithTheEffect: STUCK,
    inbox.NoCare: STUCK,
    inbox.SuspectsTogether: "are parked instead of",
    inbox.Unfenced: DOUBLED,
    inbox.RunUnbegun: STUCK,
    inbox.RunRepeated: STUCK,
    inbox.RunParked: "are parked instead of",
    inbox.RunOverGaps: "were dropped",
    inbox.RunBackwards: ORDER,
    inbox.RunUnfenced: DOUBLED,
    inbox.GivenBackUnasked: "were dropped",
}


def find_seed(plant: type[Wiring], symptom: str) -> int | None:
    """Return a seed that shows a bug, by the symptom that it should have."""
    for seed in itertools.chain(SHY, range(MOST)):
        if any(symptom in violation for violation in play(seed, plant()).violations):
            return seed
    return None


@pytest.mark.parametrize(("plant", "symptom"), PLANTS.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_a_planted_bug_is_found(plant: type[Wiring], symptom: str) -> None:
    """A bug turns the seeds of `make test` red, with the symptom that is its own."""
    assert find_seed(plant, symptom) is not None, f"{MOST} seeds do not show: {plant.__doc__}"

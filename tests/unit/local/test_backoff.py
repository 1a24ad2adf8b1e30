from arnia.local.backoff import Backoff


def test_doubles_up_to_a_ceiling() -> None:
    """Each short life doubles the wait, until the longest wait is reached, and never beyond."""
    backoff = Backoff(first=0.1, most=1.0, stable=10)
    assert [backoff.after(0) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    for _ in range(2000):
        assert backoff.after(0) == 1.0


def test_begins_anew_after_a_stable_life() -> None:
    """A process that lived long enough is started again as soon as the first time."""
    backoff = Backoff(first=0.1, most=1.0, stable=10)
    for _ in range(5):
        backoff.after(0)
    assert backoff.after(10) == 0.1
    assert backoff.after(0) == 0.2

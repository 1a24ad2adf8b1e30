"""The aggregate: what a drone allows, refuses and promises."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from arnia.errors import Conflict
from drone.models.drones import LEGAL, TAKEN_BY, Action, Drone, Status
from drone.models.errors import CapacityReserved, NotRemovable, NotRetirable
from drone.models.values import Position, Specification, kilograms, whole_grams_covering, whole_grams_within

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MILAN = Position(latitude=45.46, longitude=9.19)
STATUSES = st.sampled_from(Status)


def specification(**changes: object) -> Specification:
    """Return what a small drone is, with `changes`."""
    plain: dict[str, object] = {
        "name": "Maia",
        "model": "M1",
        "capacity_grams": 5000,
        "battery": 80,
        "position": MILAN,
    }
    return Specification.model_validate(plain | changes)


def a_drone(**changes: object) -> Drone:
    """Return a drone as it is after it joined the fleet."""
    return Drone.register(UUID(int=1), specification(**changes), NOW)


def test_a_new_drone_is_available_and_wholly_free() -> None:
    """A drone joins the fleet available, with nothing of it promised."""
    drone = a_drone()
    assert (drone.status, drone.free_grams, drone.reserved_grams, drone.version) == (Status.AVAILABLE, 5000, 0, 1)


@pytest.mark.parametrize(("latitude", "longitude"), [(90.01, 0), (-90.01, 0), (0, 180.01), (0, -180.01)])
def test_a_position_is_on_earth(latitude: float, longitude: float) -> None:
    """A position beyond the poles or the date line cannot be made."""
    with pytest.raises(ValidationError):
        Position(latitude=latitude, longitude=longitude)


def test_a_position_is_replaced_never_changed() -> None:
    """A value object refuses a new content."""
    with pytest.raises(ValidationError):
        MILAN.latitude = 0  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("wrong", [{"capacity_grams": 0}, {"battery": -1}, {"battery": 101}, {"name": "ab"}])
def test_a_specification_keeps_its_limits(wrong: dict[str, object]) -> None:
    """A drone that carries nothing, or has an impossible charge or name, cannot be made."""
    with pytest.raises(ValidationError):
        specification(**wrong)


@given(start=STATUSES, wanted=STATUSES)
def test_only_the_legal_status_follows(start: Status, wanted: Status) -> None:
    """A status is reached exactly from where the table allows it, and reaching it twice changes nothing."""
    drone = a_drone().model_copy(update={"status": start})
    if start is wanted:
        assert drone.turn(wanted, LATER) is drone
    elif TAKEN_BY[wanted] in LEGAL[start]:
        turned = drone.turn(wanted, LATER)
        assert (turned.status, turned.version, turned.updated_at) == (wanted, drone.version + 1, LATER)
    else:
        with pytest.raises(Conflict):
            drone.turn(wanted, LATER)


@given(start=STATUSES, action=st.sampled_from(Action))
def test_what_is_shown_as_legal_is_what_is_accepted(start: Status, action: Action) -> None:
    """`allows` and `require` never disagree, so a link never leads to a refusal."""
    drone = a_drone().model_copy(update={"status": start, "free_grams": 4000})
    if drone.allows(action):
        drone.require(action)
    else:
        with pytest.raises(Conflict):
            drone.require(action)


def test_nobody_retires_a_drone_that_is_relied_on() -> None:
    """A drone with reservations neither retires nor is removed, and says why."""
    drone = a_drone().load(1500, NOW)
    with pytest.raises(NotRetirable, match=r"1\.5 kg"):
        drone.turn(Status.RETIRED, LATER)
    with pytest.raises(NotRemovable):
        drone.require(Action.REMOVE)


def test_capacity_shrinks_to_what_is_promised_and_no_further() -> None:
    """A new capacity keeps every reservation, or is refused."""
    drone = a_drone().load(3000, NOW)
    assert drone.specify(specification(capacity_grams=3000), LATER).free_grams == 0
    with pytest.raises(CapacityReserved):
        drone.specify(specification(capacity_grams=2999), LATER)


def test_the_same_specification_changes_nothing() -> None:
    """Replacing a drone by what it is already keeps its version."""
    drone = a_drone()
    assert drone.specify(specification(), LATER) is drone


@pytest.mark.parametrize(
    ("changes", "status", "carries"),
    [
        ({}, Status.AVAILABLE, True),
        ({"battery": 20}, Status.AVAILABLE, True),
        ({"battery": 19}, Status.AVAILABLE, False),
        ({"capacity_grams": 999}, Status.AVAILABLE, False),
        ({"capacity_grams": 1000}, Status.AVAILABLE, True),
        ({}, Status.CHARGING, False),
        ({}, Status.FLYING, False),
        ({}, Status.RETIRED, False),
    ],
)
def test_only_an_available_charged_free_drone_carries(
    changes: dict[str, object],
    status: Status,
    carries: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A kilogram is promised only by a drone that stands ready and has room for it."""
    assert a_drone(**changes).model_copy(update={"status": status}).carries(1000) is carries


@given(loads=st.lists(st.integers(min_value=-6000, max_value=6000)))
def test_no_sequence_of_loads_oversells_a_drone(loads: list[int]) -> None:
    """Whatever is promised and given back, what is free stays between nothing and the capacity."""
    drone = a_drone()
    for grams in loads:
        try:
            drone = drone.load(grams, LATER)
        except ValueError:
            continue
        assert 0 <= drone.free_grams <= drone.specification.capacity_grams


@given(mass=st.floats(min_value=0.001, max_value=1000))
def test_rounding_is_always_on_the_safe_side(mass: float) -> None:
    """A capacity is rounded down and a load up, by less than a gram."""
    within, covering = whole_grams_within(mass), whole_grams_covering(mass)
    assert within <= covering <= within + 1


@given(grams=st.integers(min_value=1, max_value=1_000_000))
def test_whole_grams_survive_kilograms(grams: int) -> None:
    """What is shown in kilograms is read back as the same grams."""
    assert whole_grams_within(kilograms(grams)) == whole_grams_covering(kilograms(grams)) == grams

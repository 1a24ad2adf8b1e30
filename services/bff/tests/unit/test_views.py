"""Putting views together, over memory."""

from uuid import UUID, uuid4

import pytest
from services.bff.tests.upstreams import FIRST, a_delivery, a_drone

from arnia.errors import DeadlineExceeded, Unavailable, UpstreamFailed, UpstreamRefused
from bff.models.deliveries import Delivery
from bff.models.drones import Drone
from bff.models.errors import DeliveryNotFound, PageNotFound
from bff.repositories.memory import MemoryDeliveries, MemoryDrones
from bff.services.views import ViewService

DELIVERIES = [Delivery.model_validate(a_delivery(number)) for number in range(1, 6)]


@pytest.fixture
def drones() -> MemoryDrones:
    """Return one drone, which carries the first delivery and the third."""
    return MemoryDrones([Drone.model_validate(a_drone(str(FIRST), str(UUID(int=3))))])


@pytest.fixture
def deliveries() -> MemoryDeliveries:
    """Return five deliveries."""
    return MemoryDeliveries(DELIVERIES)


async def test_each_delivery_has_its_drone(deliveries: MemoryDeliveries, drones: MemoryDrones) -> None:
    """A drone that carries several is with each of them, and each owner is asked once."""
    overview = await ViewService(deliveries, drones).page(3, None)
    assert [followed.drone is not None for followed in overview.items] == [True, False, True]
    assert (overview.cursor, overview.missing) == ("3", ())
    assert (deliveries.calls, drones.calls) == (1, 1)


async def test_an_empty_page_needs_no_drones(drones: MemoryDrones) -> None:
    """Where there is no delivery nobody is asked for drones."""
    overview = await ViewService(MemoryDeliveries(), drones).page(20, None)
    assert (overview.items, overview.cursor, drones.calls) == ((), None, 0)


@pytest.mark.parametrize(
    "fault", [Unavailable(), DeadlineExceeded(), UpstreamFailed(), UpstreamRefused("drone", 403)], ids=type
)
async def test_whatever_ails_the_drones_the_deliveries_are_shown(
    deliveries: MemoryDeliveries, drones: MemoryDrones, fault: Exception
) -> None:
    """No answer, a late one, a wrong one or a refusal: the part is missing, and the view says so."""
    drones.fault = fault
    service = ViewService(deliveries, drones)
    for overview in (await service.one(FIRST), await service.page(5, None)):
        assert overview.missing == ("drone",)
        assert overview.items[0].delivery == DELIVERIES[0]
        assert overview.items[0].drone is None


async def test_refusals_of_the_deliveries_are_the_views(deliveries: MemoryDeliveries, drones: MemoryDrones) -> None:
    """An unknown delivery and a wrong cursor end the view."""
    with pytest.raises(DeliveryNotFound):
        await ViewService(deliveries, drones).one(uuid4())
    with pytest.raises(PageNotFound):
        await ViewService(deliveries, drones).page(5, "made up")

"""What handlers ask for: FastAPI puts it together, a test puts something else in its place."""

from typing import Annotated

from fastapi import Depends

from bff.repositories.clients import DeliveryClient, DroneClient, RemoteDeliveries, RemoteDrones
from bff.services.views import ViewService


async def view_service(
    deliveries: Annotated[DeliveryClient, Depends(DeliveryClient.current)],
    drones: Annotated[DroneClient, Depends(DroneClient.current)],
) -> ViewService:
    """Return the use cases, for the caller of this request."""
    return ViewService(RemoteDeliveries(deliveries), RemoteDrones(drones))


Views = Annotated[ViewService, Depends(view_service)]

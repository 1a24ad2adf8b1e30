"""The measure: the same two routes as `chassis_service.py`, on FastAPI with nothing around it."""

import sys
from typing import Annotated
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Parcel(BaseModel):
    """What is posted."""

    name: Annotated[str, Field(min_length=3, max_length=50)]
    price: Annotated[float, Field(gt=0)]
    quantity: Annotated[int, Field(ge=0)]


class Order(BaseModel):
    """A validated body with some nesting."""

    reference: str
    parcels: list[Parcel]


class OrderView(BaseModel):
    """What both routes answer."""

    id: UUID
    reference: str
    parcels: list[Parcel]


PARCELS = [Parcel(name=f"parcel {index}", price=1.5, quantity=index) for index in range(3)]


@app.get("/api/v1/orders/{order_id}")
async def read_order(order_id: UUID) -> OrderView:
    """Answer from memory."""
    return OrderView(id=order_id, reference="r-1", parcels=PARCELS)


@app.post("/api/v1/orders", status_code=201)
async def post_order(body: Order) -> OrderView:
    """Answer with what was sent."""
    return OrderView(id=UUID(int=1), reference=body.reference, parcels=body.parcels)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, loop="uvloop", http="httptools", log_level="error")

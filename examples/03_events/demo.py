"""Orders at the shop and waits for the kitchen, knowing one address: `python demo.py http://127.0.0.1:8080`."""

import sys
import time

import httpx

EDGE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"


def tell(edge: httpx.Client) -> None:
    begun = time.monotonic()
    dishes = []
    for pizza in ("margherita", "marinara", "margherita"):
        order = edge.post(f"/api/v1/orders/{pizza}")
        print("Ordered:", order.status_code, pizza)
        dishes.append(order.headers["location"])
    for dish in dishes:
        while not (baked := edge.get(dish).json()["pizzas"]) and time.monotonic() - begun < 30:
            time.sleep(0.02)
        print("Baked:", *baked)


try:
    with httpx.Client(base_url=EDGE) as client:
        tell(client)
except httpx.TransportError:
    print(f"Nothing answers at {EDGE}: start it with `arnia up --ephemeral` in this folder.", file=sys.stderr)
    sys.exit(3)

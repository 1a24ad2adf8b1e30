"""Orders a pizza through the edge, knowing one address only: `python demo.py http://127.0.0.1:8080`."""

import sys
from uuid import uuid4

import httpx

EDGE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"


def tell(edge: httpx.Client) -> None:
    pizza = edge.get("/api/v1/pizzas/margherita").json()
    print("On the menu:", pizza["name"], f"{pizza['cents'] / 100:.2f}")

    order = pizza["_links"]["order"]
    once = {"Idempotency-Key": str(uuid4())}
    first = edge.request(order["method"], order["href"], json={"pizza": pizza["name"], "quantity": 2}, headers=once)
    again = edge.request(order["method"], order["href"], json={"pizza": pizza["name"], "quantity": 2}, headers=once)
    print("Ordered:", first.status_code, first.json()["quantity"], "x", first.json()["pizza"])
    print("Asked again with the same key:", again.status_code, "one order:", first.json()["id"] == again.json()["id"])
    other = edge.request(order["method"], order["href"], json={"pizza": "marinara"}, headers=once)
    print("Another order with that key:", other.status_code, other.json()["title"])

    kept = edge.get(first.headers["location"]).json()
    print("From the order back to the other service:", edge.get(kept["_links"]["pizza"]["href"]).json()["name"])
    print("At the edge, and nowhere else:", edge.get("/metrics").status_code, edge.get("/readyz").status_code)


try:
    with httpx.Client(base_url=EDGE) as client:
        tell(client)
except httpx.TransportError:
    print(f"Nothing answers at {EDGE}: start it with `arnia up --ephemeral` in this folder.", file=sys.stderr)
    sys.exit(3)

"""The story of a delivery, told to the running ecosystem: through the edge only, and only by following links.

Start `make up` in one terminal, then `make demo` in another. It logs in as the two users that `make up` has made. An
argument names the state file of an ecosystem whose data is elsewhere; ARNIA_TOKEN, where tokens come from somewhere
else, holds one of somebody who may order, and who keeps drones. Exit 0: the story went as it should; 1: it did not;
3: no ecosystem runs here.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

STATE = Path(".arnia/state.json")
PATIENCE = 60.0
"""Seconds after which what should follow by itself does not."""

ORDER = {
    "pickup": {"position": {"latitude": 45.4642, "longitude": 9.19}},
    "dropoff": {"position": {"latitude": 45.0703, "longitude": 7.6869}},
    "items": [{"name": "chestnut honey", "price": {"amount": "12.30", "currency": "EUR"}, "quantity": 2}],
    "schedule": {"pickup_time": "2027-05-01T08:00:00Z", "deadline": "2027-05-01T12:00:00Z"},
}
LATER = {"pickup_time": "2027-05-02T08:00:00Z", "deadline": "2027-05-02T12:00:00Z"}
DRONE = {
    "name": "Bee 7",
    "model": "Bumblebee 2",
    "capacity_kg": 5,
    "battery": 100,
    "position": {"latitude": 45.46, "longitude": 9.19},
}


class Storyteller:
    """Sends requests, shows each with its answer, and stops the story when one is not what it should be."""

    def __init__(self, edge: str, token: str | None = None) -> None:
        self._http = httpx.Client(base_url=edge, headers={"Authorization": f"Bearer {token}"} if token else {})

    def tell(self, sentence: str) -> None:
        """Print a sentence of the story."""
        print(f"\n{sentence}")

    def send(self, method: str, href: str, expected: int, body: object = None, **headers: str) -> httpx.Response:
        """Send a request and show it; end the story unless it is answered with `expected`."""
        content = None if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is not None:
            given.setdefault("content-type", "application/json")
        return self._shown(self._http.request(method, href, content=content, headers=given), expected)

    def log_in(self, username: str, credentials: dict[str, Any]) -> "Storyteller":
        """Exchange a password for an access token; return who tells on as that user."""
        password = credentials["users"][username]["password"]
        form = {"grant_type": "password", "client_id": credentials["client_id"], "username": username}
        answer = self._shown(self._http.post("/token", data={**form, "password": password}), 200)
        return Storyteller(str(self._http.base_url), answer.json()["access_token"])

    def _shown(self, answer: httpx.Response, expected: int) -> httpx.Response:
        request = answer.request
        href = request.url.raw_path.decode()
        print(f"  {request.method:6} {_shortened(href):58} {answer.status_code} {answer.reason_phrase}")
        if answer.status_code != expected:
            print(f"  expected {expected}; the answer was {answer.text}")
            sys.exit(1)
        return answer

    def follow(self, resource: dict[str, Any], relation: str, expected: int, body: object = None) -> httpx.Response:
        """Follow a link of a resource with the method that the link names."""
        link = resource["_links"][relation]
        return self.send(link["method"], link["href"], expected, body)

    def wait_for(self, delivery: dict[str, Any], status: str) -> dict[str, Any]:
        """Return the delivery once it has come that far; end the story when it does not."""
        return self._patiently(delivery["_links"]["self"]["href"], "status", lambda seen: seen == status)

    def wait_for_weight(self, delivery: dict[str, Any], kilograms: float) -> None:
        """Return once so much is reserved for the delivery; end the story when it is not."""
        assignment = f"/api/v1/assignments/{delivery['id']}"
        self._patiently(assignment, "weight_kg", lambda seen: seen == kilograms)
        self._patiently(assignment, "status", lambda seen: seen == "reserved")

    def wait_for_another(self, href: str, member: str, before: object) -> None:
        """Return once what is there is not what was there before; end the story when it stays."""
        self._patiently(href, member, lambda seen: seen not in {None, before})

    def _patiently(self, href: str, member: str, wanted: Callable[[object], bool]) -> dict[str, Any]:
        begun = time.monotonic()
        while True:
            answer = self._http.get(href)
            shown: dict[str, Any] = answer.json()
            if wanted(shown.get(member)) or time.monotonic() - begun > PATIENCE:
                self._shown(answer, 200)
                print(f"  {member}: {shown.get(member)}")
                if not wanted(shown.get(member)):
                    sys.exit(1)
                return shown
            time.sleep(0.05)


def _shortened(href: str) -> str:
    shown = re.sub(r"([0-9a-f]{8})-[0-9a-f-]{27}", r"\1..", href)
    return shown if len(shown) <= 58 else f"{shown[:56]}.."


def _ready(state: Path) -> dict[str, Any]:
    """Return what runs once all of it does; end the story where nothing does, or not in time."""
    begun = time.monotonic()
    while state.exists():
        running: dict[str, Any] = json.loads(state.read_text())
        if running["ready"]:
            return running
        if time.monotonic() - begun > PATIENCE:
            print("The ecosystem is not ready; `.venv/bin/arnia status` says what is missing.", file=sys.stderr)
            sys.exit(3)
        time.sleep(0.2)
    print("No ecosystem runs here: start one with `make up` first.", file=sys.stderr)
    sys.exit(3)


def _enter(state: Path) -> tuple[Storyteller, Storyteller]:
    """Return a customer and an operator, who are the same where somebody brings a token along."""
    running = _ready(state)
    stranger = Storyteller(running["edge_url"])
    token = os.environ.get("ARNIA_TOKEN")
    if token or not running.get("issuer"):
        anybody = Storyteller(running["edge_url"], token)
        return anybody, anybody
    stranger.tell("Nobody gets in without a token; whoever has a password gets one.")
    stranger.send("GET", "/api/v2/deliveries", 401)
    credentials = json.loads((Path(running["data"]) / "credentials.json").read_text())
    return stranger.log_in("demo", credentials), stranger.log_in("operator", credentials)


def main() -> None:
    """Tell the story."""
    story, operator = _enter(Path(sys.argv[1]) if len(sys.argv) > 1 else STATE)

    story.tell("A drone joins the fleet. Only operators may say so.")
    operator.send("POST", "/api/v1/drones", 201, DRONE)

    story.tell("A customer orders a delivery. The network fails, so the same request is sent again: one delivery.")
    key = f"order-{uuid4()}"
    first = story.send("POST", "/api/v2/deliveries", 201, ORDER, idempotency_key=key)
    again = story.send("POST", "/api/v2/deliveries", 201, ORDER, idempotency_key=key)
    delivery = first.json()
    print(f"  the same answer, byte for byte: {first.content == again.content}")

    story.tell(f"It is {delivery['status']}. What can be done with it now is in its links:")
    print(f"  {', '.join(sorted(delivery['_links']))}")

    story.tell("The order is told of; the scheduler hears it, and reserves a drone. Nobody asks it to.")
    story.wait_for(delivery, "scheduled")

    story.tell("The customer is late: the schedule is replaced. An impossible one is refused, and says which rule.")
    story.follow(delivery, "reschedule", 204, LATER)
    refused = story.follow(delivery, "reschedule", 422, {**LATER, "deadline": "2027-05-01T08:00:00Z"})
    print(f"  {refused.json()['errors'][0]['code']} at {refused.json()['errors'][0]['pointer']}")

    story.tell("Two colleagues change it at once; the second had not seen the first one's change.")
    tag = story.follow(delivery, "self", 200).headers["etag"]
    scheduled = story.follow(delivery, "self", 200).json()
    assigned = story.follow(scheduled, "assignment", 200).json()["assigned_at"]
    patch = {"items": [{**ORDER["items"][0], "quantity": 3}]}  # type: ignore[index]  # a literal above
    merge = "application/merge-patch+json"
    edit = delivery["_links"]["edit"]
    story.send(edit["method"], edit["href"], 200, patch, if_match=tag, content_type=merge)
    story.send(edit["method"], edit["href"], 412, patch, if_match=tag, content_type=merge)

    story.tell("It is heavier now, so a drone is reserved anew. It flies, and somebody signs.")
    operator.wait_for_weight(delivery, 1.5)
    # Until the delivery has heard that its first drone is taken away and another given, it shows the first one.
    story.wait_for_another(scheduled["_links"]["assignment"]["href"], "assigned_at", assigned)
    operator.follow(story.wait_for(delivery, "scheduled"), "depart", 201)
    flying = story.follow(delivery, "self", 200).json()
    print(f"  {flying['status']}: {', '.join(sorted(flying['_links']))}")
    operator.follow(flying, "confirm", 201, {"received_by": "Ada"})
    story.follow(story.follow(delivery, "self", 200).json(), "confirmation", 200)

    story.tell("What is done cannot be cancelled, so the link is gone; who tries all the same is told why.")
    refused = story.send("PUT", delivery["_links"]["cancel"]["href"], 409, {"reason": "too late"})
    print(f"  {refused.json()['detail']}")

    story.tell("Another delivery is cancelled before anybody flies.")
    other = story.send("POST", "/api/v2/deliveries", 201, ORDER).json()
    story.follow(other, "cancel", 201, {"reason": "no longer needed"})

    story.tell("The list, a page at a time, until there is no next one.")
    page = story.send("GET", "/api/v2/deliveries?limit=1&sort=-created_at", 200).json()
    for _ in range(2):
        if "next" in page["_links"]:
            page = story.follow(page, "next", 200).json()

    story.tell("Version 1 shows the same delivery in its own shape, and says when it ends.")
    old = story.send("GET", delivery["_links"]["self"]["href"].replace("/v2/", "/v1/"), 200)
    print(f"  deprecation: {old.headers['deprecation']}, sunset: {old.headers['sunset']}")

    story.tell("Both deliveries are removed, and whatever the edge does not expose is not there.")
    for each in (delivery, other):
        story.follow(story.follow(each, "self", 200).json(), "remove", 204)
        story.follow(each, "self", 404)
    story.send("GET", "/metrics", 404)
    print("\nThe end.")


if __name__ == "__main__":
    try:
        main()
    except httpx.ConnectError:
        print("The ecosystem does not answer: start it with `make up` first.", file=sys.stderr)
        sys.exit(3)

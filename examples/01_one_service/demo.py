"""Signs the guestbook through the edge: `python demo.py http://127.0.0.1:8080`."""

import sys

import httpx

ADA = "/api/v1/entries/ada"
EDGE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"


def tell(edge: httpx.Client) -> None:
    print("Ada signs:", edge.put(ADA, json={"message": "The honey!"}).status_code)
    print("Ada signs again:", edge.put(ADA, json={"message": "The honey, again!", "stars": 4}).status_code)
    entry = edge.get(ADA)
    print("The book says:", entry.json())
    print("Anything new?", edge.get(ADA, headers={"If-None-Match": entry.headers["etag"]}).status_code)
    stale = edge.put(ADA, json={"message": "Too late"}, headers={"If-Match": '"1"'})
    print("Who overwrites an old page:", stale.status_code, stale.json()["title"])
    refused = edge.put(ADA, json={"message": "Hm", "stars": 6})
    for error in refused.json()["errors"]:
        print("What is wrong:", refused.status_code, error["pointer"], error["code"])
    print("What can be done here:", edge.options(ADA).headers["allow"])
    nobody = edge.get("/api/v1/entries/nobody")
    print("Who never came:", nobody.status_code, nobody.headers["content-type"], nobody.json()["detail"])


try:
    with httpx.Client(base_url=EDGE) as client:
        tell(client)
except httpx.TransportError:
    print(f"Nothing answers at {EDGE}: start it with `arnia up --ephemeral` in this folder.", file=sys.stderr)
    sys.exit(3)

"""Links between resources, in the body (`_links`) and in the `Link` header (RFC 8288).

A resource shows a link to an action only while the action is legal, so a client that follows links never has to know
a service's state machine.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from pydantic import Field

from arnia.chassis.schemas import View

__all__ = ["Link", "Links", "Resource", "header"]


_URI_CHARACTERS: Final = "%-._~:/?#[]@!$&'()*+,;="


class Link(View):
    """Where a relation leads; `method` is what to send there."""

    href: str
    method: str = Field(default="GET", examples=["PUT"])


Links = dict[str, Link]


class Resource(View):
    """A view with its links."""

    links: Links = Field(default_factory=dict, alias="_links", description="Relations that lead on from here, now.")


def header(links: Mapping[str, Link]) -> str:
    """Return the value of a `Link` header."""
    return ", ".join(f'<{reference(link.href)}>; rel="{relation}"' for relation, link in links.items())


def reference(target: str) -> str:
    """Return `target` as a header may carry it: what is no character of a URI, such as a line's end, is encoded."""
    if target.isascii() and target.isprintable() and ">" not in target and " " not in target:
        return target
    return quote(target, safe=_URI_CHARACTERS)

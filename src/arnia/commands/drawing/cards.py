"""The card of one service: the lines that it shows, and the room that they need."""

from collections.abc import Iterator
from dataclasses import dataclass

from arnia.commands.drawing.view import EDGE, ServiceView, View

LINE = 19
HEAD = 50
PADDING = 16
LETTER = 7.3
"""Width of a letter of the lines, in pixels: an upper estimate, since a picture cannot measure its reader's fonts."""
NARROWEST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a card.

    Attributes:
        label: A word that says what it is; empty where it goes on with the line above.
        text: What it says.
        style: Name of its style: `plain`, `code` or `faint`.
    """

    label: str
    text: str
    style: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A service as the picture shows it; sizes in pixels."""

    name: str
    owner: str
    lines: tuple[Line, ...]
    resources: tuple[tuple[str, str], ...]

    @property
    def height(self) -> float:
        """Height of head, lines and resources."""
        return HEAD + PADDING + LINE * (len(self.lines) + len(self.resources))

    @property
    def width(self) -> float:
        """Width of the longest line."""
        longest = max((len(line.text) for line in self.lines), default=0)
        longest = max(longest, *(len(name) + 3 for name, _ in self.resources), 0)
        return round(max(NARROWEST, 2 * PADDING + 66 + LETTER * longest))


def build_card(service: ServiceView, view: View) -> Card:
    """Return the card of `service`."""
    kinds = {resource.name: resource.kind for resource in view.resources}
    return Card(
        name=service.name,
        owner=service.owner,
        lines=tuple(_lines(service, view)),
        resources=tuple((name, kinds[name]) for name in service.uses),
    )


def _lines(service: ServiceView, view: View) -> Iterator[Line]:
    for version in service.versions:
        for path in version.exposed:
            text = f"{path} (deprecated)" if version.deprecated else path
            yield Line(label=f"v{version.version}", text=text, style="faint" if version.deprecated else "code")
        consumers = [name for name in version.consumers if name != EDGE]
        if EDGE not in version.consumers:
            yield Line(label=f"v{version.version}", text="for other services only", style="faint")
        if consumers:
            yield Line(label="", text=f"used by {', '.join(consumers)}", style="faint")
    versioned = {path for version in service.versions for path in version.exposed}
    for path in service.exposes:
        if path not in versioned:
            yield Line(label="public" if path in service.public else "path", text=path, style="code")
    for domain in service.domains:
        yield Line(label="domain", text=domain.name)
    for label, events in (("emits", view.emitted_by(service.name)), ("hears", view.heard_by(service.name))):
        for position, event in enumerate(events):
            yield Line(label="" if position else label, text=event, style="code")

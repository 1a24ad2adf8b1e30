"""An ecosystem as a mermaid flowchart, which GitHub and GitLab draw inside Markdown."""

from collections.abc import Iterator

from arnia.commands.drawing.view import EDGE, ServiceView, View

_SHAPES = {"database": ("[(", ")]"), "cache": ("[[", "]]"), "broker": ("{{", "}}"), "secrets": ("[/", "/]")}


def draw_mermaid(view: View) -> str:
    """Return `view` as a mermaid flowchart, without a newline at the end."""
    lines = ["flowchart TB", f'  {EDGE}(["edge"])']
    for service in view.services:
        domains = f"<br/>{_text(', '.join(domain.name for domain in service.domains))}" if service.domains else ""
        lines.append(f'  {_id(service.name)}["<b>{service.name}</b><br/>{_text(service.owner)}{domains}"]')
    for resource in view.resources:
        opening, closing = _SHAPES[resource.kind]
        lines.append(f'  {_id(resource.name)}{opening}"{resource.name}"{closing}')
    for service in view.services:
        lines.extend(_edges(service))
    for event in view.events:
        lines.extend(f'  {_id(event.emitter)} -. "{event.told(hearer)}" .-> {_id(hearer)}' for hearer in event.hearers)
    return "\n".join(lines)


def _edges(service: ServiceView) -> Iterator[str]:
    for path in service.exposes:
        yield f'  {EDGE} -- "{path}" --> {_id(service.name)}'
    for name, major in service.calls.items():
        yield f'  {_id(service.name)} -- "v{major}" --> {_id(name)}'
    for name in service.uses:
        yield f"  {_id(service.name)} --- {_id(name)}"


def _id(name: str) -> str:
    # Mermaid has words of its own, such as `end`, that must not be names.
    return "n_" + name.replace("-", "_")


def _text(text: str) -> str:
    escapes = {"&": "#38;", '"': "#34;", "<": "#60;", ">": "#62;", "#": "#35;"}
    return "".join(escapes.get(letter, letter) for letter in text)

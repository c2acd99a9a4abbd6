"""Graphviz's SVG, improved: titles that say what a node is, colors for dark mode."""

import re
from typing import Any
from xml.etree import ElementTree

from . import text
from .dot import node_lines
from .fold import Group, View, plural
from .trace import TensorNode

SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)

STYLE = """
.computation .labels text { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
@media screen and (prefers-color-scheme: dark) {
  .computation .graph > polygon { fill: #16191d; } .computation text { fill: #e6e6e6; }
  .computation .scope path { stroke: #7a828b; } .computation .labels text { stroke: #16191d; }
  .computation .parameter polygon { fill: #10324a; stroke: #56b4e9; }
  .computation .input polygon { fill: #2a2d31; stroke: #a8a8a8; }
  .computation .value polygon { fill: #1d2126; stroke: #c8c8c8; }
  .computation .output polygon:first-of-type { fill: #4d2410; }
  .computation .output polygon { stroke: #ff9a56; } .computation .edge text { fill: #ffa968; }
  .computation .op ellipse { fill: #4a3f10; stroke: #d8c878; }
  .computation .folded polygon, .computation .folded polyline { fill: #0d3b2e; stroke: #2fc79a; }
  .computation .notfinite polygon, .computation .notfinite ellipse { stroke: #ff5c5c; }
  .computation .forward path { stroke: #56b4e9; }
  .computation .forward polygon { fill: #56b4e9; stroke: #56b4e9; }
  .computation .backward path { stroke: #ff9a56; }
  .computation .backward polygon { fill: #ff9a56; stroke: #ff9a56; }
}
"""


def dress(svg: bytes, view: View) -> str:
    """A picture for use by itself: with titles and styles, described as one image."""
    root, graph = _parsed(svg)
    titles = {node.id: ", ".join(node_lines(view, node)) for node in (*view.tensors, *view.items)}
    for group in graph.iter(f"{{{SVG}}}g"):
        for title in group.findall(f"{{{SVG}}}title"):  # an id, which says nothing
            title.text = titles.get(group.get("id", ""), "")
    title, style = ElementTree.Element(f"{{{SVG}}}title"), ElementTree.Element(f"{{{SVG}}}style")
    title.text, style.text = summary(view), STYLE
    root.set("role", "img")
    root[:0] = [title, style]
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def dress_for_page(svg: bytes, view: View, group: Group | None = None) -> str:
    """A picture for the page, which has styles and scripts of its own: of all, or of a group.

    Boxes are buttons that say what they are, and can be reached by keyboard, in topological order,
    leaves first. The ops are inside the boxes of what they make.
    """
    root, graph = _parsed(svg)
    root.attrib |= {"role": "group", "aria-label": summary(view)}
    if group:  # its picture is shown when it is opened, and has ids of its own
        root.attrib |= {"aria-label": ", ".join(group.lines()), "data-group": group.id}
        root.set("hidden", "")
    for element in graph.iter(f"{{{SVG}}}g"):
        for title in element.findall(f"{{{SVG}}}title"):
            element.remove(title)
    for element in graph:
        if not element.get("class", "").startswith("node"):
            element.set("aria-hidden", "true")
        if element.get("class", "").startswith("edge"):
            _add_stubs(element)
    place: dict[Any, int] = {item: i for i, item in enumerate(view.items)}
    for node in view.tensors:
        place[node] = place.get(view.item(node.maker), -1) if node.maker else -1
    elements = {element.get("id"): element for element in graph}
    for node in sorted((x for x in place if x.id in elements), key=lambda node: place[node]):
        element, label = elements[node.id], ", ".join(node_lines(view, node))
        element.set("aria-label", label)
        element.attrib |= {"data-id": node.id, "tabindex": "0", "role": "button"}
        if isinstance(node, TensorNode):
            element.set("data-tensor", text.clean(node.name))
        graph.remove(element)
        graph.append(element)
    for element in graph.iter():
        element.attrib.pop("font-family", None)  # as the page's styles say once
        if group and (name := element.get("id")):
            element.attrib |= {"data-id": name, "id": f"{group.id}-{name}"}
    return ElementTree.tostring(root, encoding="unicode")


def _parsed(svg: bytes) -> tuple[ElementTree.Element, ElementTree.Element]:
    """The picture and the graph in it, with the labels of scopes over the edges that cross them."""
    root = ElementTree.fromstring(svg)
    root.set("class", "computation")  # the styles are for it alone, wherever it is put in
    [graph] = root.findall(f"{{{SVG}}}g")
    labels = ElementTree.Element(f"{{{SVG}}}g", {"class": "labels"})
    for element in graph.findall(f"{{{SVG}}}g[@class='cluster scope']"):
        for label in element.findall(f"{{{SVG}}}text"):
            element.remove(label)
            labels.append(label)
    graph.append(labels)
    return root, graph


def _add_stubs(edge: ElementTree.Element) -> None:
    """Lines that close the gap at either end of an edge while the head there is not shown."""
    [curve], heads = edge.findall(f"{{{SVG}}}path"), edge.findall(f"{{{SVG}}}polygon")
    numbers = [float(x) for x in re.findall(r"-?[\d.]+", curve.get("d", ""))]
    for head, (x, y) in zip(heads, (numbers[:2], numbers[-2:]), strict=True):
        corners = [tuple(map(float, point.split(","))) for point in head.get("points", "").split()]
        tip = max(corners, key=lambda corner: (corner[0] - x) ** 2 + (corner[1] - y) ** 2)
        ends = {"x1": x, "y1": y, "x2": tip[0], "y2": tip[1]}
        ElementTree.SubElement(edge, f"{{{SVG}}}line", {k: f"{v:g}" for k, v in ends.items()})


def summary(view: View) -> str:
    """What a picture shows, in a few words."""
    names, ops = [x.name for x in view.trace.outputs[:5]], plural(len(view.trace.ops), "op")
    made = "that failed, of" if view.trace.failed else f"of {', '.join(map(text.clean, names))} by"
    return f"Computation {made} {ops}"

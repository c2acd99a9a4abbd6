"""Graphviz's SVG, improved: titles that say what a node is, colors for dark mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from . import text
from .dot import node_lines
from .fold import Item, View
from .trace import TensorNode

SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")

STYLE = """
.labels text { paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
@media screen and (prefers-color-scheme: dark) {
  .graph > polygon { fill: #16191d; }
  text { fill: #e6e6e6; }
  .scope path { stroke: #7a828b; }
  .labels text { stroke: #16191d; }
  .parameter polygon { fill: #10324a; stroke: #56b4e9; }
  .input polygon { fill: #2a2d31; stroke: #a8a8a8; }
  .value polygon { fill: #1d2126; stroke: #c8c8c8; }
  .output polygon:first-of-type { fill: #4d2410; }
  .output polygon { stroke: #ff9a56; }
  .op ellipse { fill: #4a3f10; stroke: #d8c878; }
  .folded polygon { fill: #0d3b2e; stroke: #2fc79a; }
  .folded polyline { stroke: #2fc79a; }
  .node.notfinite polygon { stroke: #ff5c5c; }
  .edge text { fill: #ffa968; }
  .forward path { stroke: #56b4e9; }
  .forward polygon { fill: #56b4e9; stroke: #56b4e9; }
  .backward path { stroke: #ff9a56; }
  .backward polygon { fill: #ff9a56; stroke: #ff9a56; }
}
"""


def dress(svg: bytes, view: View) -> str:
    """A picture for use by itself: with titles and styles, described as one image."""
    root = ElementTree.fromstring(svg)
    titles = {x.id: ", ".join(node_lines(view, x)) for x in (*view.tensors, *view.items)}
    for element, title in _titled(root):
        title.text = titles.get(element.get("id", ""), "")
    _labels_last(root)
    style, title = ElementTree.Element(f"{{{SVG}}}style"), ElementTree.Element(f"{{{SVG}}}title")
    style.text = STYLE
    title.text = _summary(view)
    root.set("role", "img")
    root.insert(0, title)
    root.insert(1, style)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def dress_for_page(svg: bytes, view: View) -> str:
    """A picture for the page, which has styles and scripts of its own.

    Nodes are buttons that say what they are, and can be reached by keyboard, in topological order.
    """
    root = ElementTree.fromstring(svg)
    root.set("role", "group")
    root.set("aria-label", _summary(view))
    for element, title in _titled(root):
        element.remove(title)
    graph = root.find(f"{{{SVG}}}g")
    assert graph is not None
    found = {element.get("id", ""): element for element in graph}
    for element in graph:
        if element.get("class", "").split()[0:1] != ["node"]:
            element.set("aria-hidden", "true")
        if element.get("class", "").startswith("edge"):
            _add_stubs(element)
    for node, lines in _in_order(view):
        element = found[node]
        element.set("tabindex", "0")
        element.set("role", "button")
        element.set("aria-label", ", ".join(lines))
        graph.remove(element)
        graph.append(element)
    _labels_last(root)
    return ElementTree.tostring(root, encoding="unicode")


def _labels_last(root: ElementTree.Element) -> None:
    """Draw the labels of scopes over the edges that cross them."""
    graph = root.find(f"{{{SVG}}}g")
    assert graph is not None
    labels = ElementTree.SubElement(
        graph, f"{{{SVG}}}g", {"class": "labels", "aria-hidden": "true"}
    )
    for element in graph.findall(f"{{{SVG}}}g[@class='cluster scope']"):
        for label in element.findall(f"{{{SVG}}}text"):
            element.remove(label)
            labels.append(label)


def _add_stubs(edge: ElementTree.Element) -> None:
    """Lines that close the gap at either end of an edge while the head there is not shown."""
    curve = edge.find(f"{{{SVG}}}path")
    heads = edge.findall(f"{{{SVG}}}polygon")
    assert curve is not None
    numbers = [float(x) for x in re.findall(r"-?[\d.]+", curve.get("d", ""))]
    for head, (x, y) in zip(heads, (numbers[:2], numbers[-2:]), strict=True):
        corners = [tuple(map(float, point.split(","))) for point in head.get("points", "").split()]
        tip = max(corners, key=lambda corner: (corner[0] - x) ** 2 + (corner[1] - y) ** 2)
        ends = {"x1": x, "y1": y, "x2": tip[0], "y2": tip[1]}
        ElementTree.SubElement(edge, f"{{{SVG}}}line", {k: f"{v:g}" for k, v in ends.items()})


def _titled(root: ElementTree.Element) -> list[tuple[ElementTree.Element, ElementTree.Element]]:
    """All groups with their titles, in which Graphviz has put ids, which say nothing."""
    groups = ((group, group.find(f"{{{SVG}}}title")) for group in root.iter(f"{{{SVG}}}g"))
    return [(group, title) for group, title in groups if title is not None]


def _in_order(view: View) -> Iterator[tuple[str, list[str]]]:
    """The ids of the nodes and what they say: leaves first, then each op with what it makes."""
    made: dict[Item, list[TensorNode]] = {}
    for node in view.tensors:
        if node.maker:
            made.setdefault(view.item(node.maker), []).append(node)
        else:
            yield node.id, node_lines(view, node)
    for item in view.items:
        yield item.id, node_lines(view, item)
        for node in made.get(item, ()):
            yield node.id, node_lines(view, node)


def _summary(view: View) -> str:
    outputs = ", ".join(text.clean(node.name) for node in view.trace.outputs[:5])
    return f"Computation of {outputs} by {len(view.trace.ops):,} ops"

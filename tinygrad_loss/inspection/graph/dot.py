"""The picture in DOT, Graphviz's language: Tensors are boxes, ops ellipses, uses edges.

It is drawn by Graphviz' program ``dot``, else by pygraphviz, which contains it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import graphviz
import numpy as np

from . import text
from .fold import LONG, Arrow, Group, Item, View
from .scopes import Scope
from .trace import OpNode, TensorNode

# Fill and border. The line style is a second cue, for those who cannot tell the colors apart.
STYLES = {
    "parameter": {"fillcolor": "#D6E6F5", "color": "#0072B2", "style": "filled", "penwidth": "2"},
    "input": {"fillcolor": "#F2F2F2", "color": "#666666", "style": "filled,dashed"},
    "value": {"fillcolor": "#FFFFFF", "color": "#333333", "style": "filled"},
    "output": {"fillcolor": "#FBE0D2", "color": "#C04E00", "style": "filled", "peripheries": "2"},
    "op": {"fillcolor": "#FFF3C4", "color": "#333333", "style": "filled", "shape": "ellipse"},
    "folded": {"fillcolor": "#E4F3EE", "color": "#009E73", "style": "filled", "shape": "box3d"},
}
FORWARD, BACKWARD, NOT_FINITE = "#0072B2", "#B84A00", "#D00000"
FONT = "DejaVu Sans Mono,Menlo,Consolas,monospace"
FONT_SIZE = 10
# With more ops in a row, or characters in their boxes, left to right is too wide to read.
DEEP, WIDE = 14, 200


def as_dot(view: View, rankdir: str | None = None, *, dpi: int | None = None) -> str:
    """DOT source of a view; ``rankdir`` None for what suits the depth.

    For formats made of pixels ``dpi``, dots per inch. On the page each edge has two heads, of which
    it shows one at a time.
    """
    rankdir = rankdir or ("LR" if _fits_across(view) else "TB")
    picture = graphviz.Digraph("computation")
    across = "0.15" if rankdir == "LR" else "0.2"
    picture.attr(rankdir=rankdir, nodesep=across, ranksep="0.25", fontname=FONT, bgcolor="#FFFFFF")
    picture.attr(fontsize=str(FONT_SIZE), labeljust="l")
    picture.attr(label=escape(note for note in (view.note(), view.trace.note()) if note))
    # Good layouts are found early; looking on can take minutes where many edges are long.
    picture.attr(nslimit="2", nslimit1="2")
    if view.span() > LONG:
        picture.attr(splines="line")
    if dpi:
        picture.attr(dpi=str(dpi))
    picture.attr("node", shape="box", fontname=FONT, fontsize=str(FONT_SIZE))
    picture.attr("edge", fontname=FONT, fontsize="9", fontcolor=BACKWARD, arrowsize="0.7")
    picture.attr("edge", dir="both" if view.for_page else "forward")
    _Writer(view).add_scope(picture, None)
    # Heavy edges are straight: those of long paths, such as the state of a recurrent network.
    weight = {item: str(10 * depth) for item, depth in view.depths().items()}
    for arrow in view.arrows:
        label = escape([f" {arrow_label(arrow)} "]) if arrow_label(arrow) else None
        style = _edge_style(arrow.uses[0].op)
        if arrow.source.maker:
            style["weight"] = weight[view.item(arrow.source.maker)]
        picture.edge(arrow.source.id, arrow.target.id, label, id=arrow.uses[0].id, **style)
    for node in view.tensors:
        if node.maker:
            maker = view.item(node.maker)
            style = _edge_style(node.maker) | {"weight": weight[maker]}
            picture.edge(maker.id, node.id, id=f"{node.id}-made", **style)
    return str(picture.source)


def escape(lines: Iterable[str]) -> str:
    """Lines as a DOT label in which no character has a special meaning."""
    escaped = (graphviz.escape(line.replace("&", "&amp;")) for line in lines)
    label: str = graphviz.nohtml(r"\n".join(escaped))
    return label


def columns_of(line: str) -> int:
    """The width of a line in a monospaced font, where East Asian characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def node_lines(view: View, node: TensorNode | Item) -> list[str]:
    """What a box says: name and shape, value, gradient. An ellipse: the op and its constants."""
    if isinstance(node, Group):
        return node.lines()
    if isinstance(node, OpNode):
        constants = (f"{text.clean(k)} = {text.constant(x)}" for k, x in node.constants.items())
        return [text.clean(node.op.name), *constants]
    lines = [text.title(node), f"value {text.value(node)}"]
    if view.trace.has_backward_graph:  # then gradients are boxes of their own
        return lines
    return [*lines, f"grad {text.gradient(node)}"]


def arrow_label(arrow: Arrow) -> str:
    """The gradient that came back along an edge, or the sum if it stands for several."""
    count = f"{len(arrow.uses)} uses " if len(arrow.uses) > 1 else ""
    sent = [use for use in arrow.uses if use.gradient is not None]
    if sent and all(use.rounding for use in sent):
        return count + text.gradient(sent[0])
    if len({use.source for use in sent}) > 1:
        return count.strip()
    with np.errstate(all="ignore"):
        total = text.short(np.sum([use.gradient for use in sent], axis=0)) if sent else ""
    return (count + total).strip()


def _fits_across(view: View) -> bool:
    """Whether the longest path through the picture is short enough for left to right."""
    deepest = max(view.depths().values(), default=0)
    values = (node for node in view.tensors if node.maker)
    widest = max((columns_of(x) for node in values for x in node_lines(view, node)), default=0)
    return deepest <= DEEP and deepest * widest <= WIDE


class _Writer:
    """Writes nodes and clusters, scope by scope."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.members: dict[Scope | None, list[TensorNode | Item]] = {}
        for node in (*view.tensors, *view.items):
            self.members.setdefault(self.scope_of(node), []).append(node)
        shown = {scope for inner in self.members if inner for scope in inner.path()}
        self.children: dict[Scope | None, list[Scope]] = {}
        for scope in sorted(shown, key=lambda scope: scope.order):
            self.children.setdefault(scope.parent, []).append(scope)

    def scope_of(self, node: TensorNode | Item) -> Scope | None:
        """The scope of a node; what a group made, or what only a group uses, is in the group's."""
        if isinstance(node, TensorNode) and node.scope:
            groups = (item for item in self.view.ends(node) if isinstance(item, Group))
            return next((group.scope for group in groups), node.scope)
        return node.scope

    def add_scope(self, picture: Any, scope: Scope | None) -> None:
        """Write the nodes of a scope, and the scopes inside it as clusters."""
        for node in self.members.get(scope, ()):
            self.add_node(picture, node)
        for inner in self.children.get(scope, ()):
            with picture.subgraph(name=f"cluster_{inner.id}") as cluster:
                cluster.attr(label=escape([text.clean(inner.label)]), labeljust="l", id=inner.id)
                cluster.attr(style="rounded", color="#999999", fontcolor="#333333")
                cluster.attr(bgcolor="transparent", **{"class": "scope"})
                self.add_scope(cluster, inner)

    def add_node(self, picture: Any, node: TensorNode | Item) -> None:
        """Write a node, of a fixed size for monospaced text, so that all renderers agree."""
        lines, later = node_lines(self.view, node), ""
        kind = "folded" if isinstance(node, Group) else getattr(node, "kind", "op")
        stretch = 1.25 if kind == "op" else 1.0
        if self.view.for_page and isinstance(node, TensorNode) and len(node.uses) > 1:
            later = f"grad 1 of {len(node.uses)} parts"
        style = STYLES[kind] | {"class": kind}
        if not isinstance(node, OpNode) and node.wrong:
            style["class"] += " notfinite"
            if not self.view.for_page:  # which colors it once it is there
                style |= {"color": NOT_FINITE, "penwidth": "3"}
        width = (max(map(columns_of, [*lines, later])) * 0.61 * FONT_SIZE + 14) * stretch / 72
        height = (len(lines) * 1.25 * FONT_SIZE + 8) * stretch / 72
        size = {"width": f"{width:.2f}", "height": f"{height:.2f}", "fixedsize": "true"}
        picture.node(node.id, escape(lines), id=node.id, **size, **style)


def _edge_style(op: OpNode) -> dict[str, str]:
    if op.backward:
        return {"class": "backward", "color": BACKWARD, "style": "dashed"}
    return {"class": "forward", "color": FORWARD}


def render(source: str, form: str) -> bytes:
    """Lay out DOT source and draw it in a format of Graphviz: "svg", "png" or "pdf"."""
    with suppress(graphviz.ExecutableNotFound):
        return bytes(graphviz.pipe("dot", form, source.encode(), quiet=True))
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            f"drawing as {form} needs Graphviz. Either install the program dot (apt install "
            "graphviz, brew install graphviz, or graphviz.org/download), or the Python package "
            "that contains it: pip install 'pygraphviz>=2.0.1'. Without them, .text() and .dot() "
            "still work."
        ) from None
    return bytes(pygraphviz.AGraph(string=source).draw(format=form, prog="dot"))

"""The picture in DOT, Graphviz's language: Tensors are boxes, ops ellipses, uses edges."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
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


def as_dot(
    view: View,
    rankdir: str | None = None,
    *,
    dpi: int | None = None,
    two_heads: bool = False,
    columns: dict[TensorNode, int] | None = None,
) -> str:
    """DOT source of a view.

    Parameters
    ----------
    view
        What to show.
    rankdir
        "LR", "TB", or None for what suits the depth.
    dpi
        Dots per inch, for formats made of pixels.
    two_heads
        Give edges a head at either end, of which the page shows one at a time.
    columns
        The least width, in characters, of the boxes of some Tensors.
    """
    rankdir = rankdir or ("LR" if _fits_across(view) else "TB")
    picture = graphviz.Digraph("computation")
    across, along = ("0.15", "0.25") if rankdir == "LR" else ("0.2", "0.25")
    picture.attr(rankdir=rankdir, nodesep=across, ranksep=along, fontname=FONT, bgcolor="#FFFFFF")
    picture.attr(fontsize=str(FONT_SIZE), label=escape([view.note()]), labeljust="l")
    # Good layouts are found early; looking on can take minutes where many edges are long.
    picture.attr(nslimit="2", nslimit1="2")
    if view.span() > LONG:
        picture.attr(splines="line")
    if dpi:
        picture.attr(dpi=str(dpi))
    picture.attr("node", shape="box", fontname=FONT, fontsize=str(FONT_SIZE))
    heads = {"dir": "both"} if two_heads else {}
    picture.attr("edge", fontname=FONT, fontsize="9", fontcolor=BACKWARD, arrowsize="0.7", **heads)
    _Writer(view, columns or {}).add_scope(picture, None)
    for arrow in view.arrows:
        label = escape([f" {arrow_label(arrow)} "]) if arrow_label(arrow) else None
        op = arrow.uses[0].op
        picture.edge(
            arrow.source.id, arrow.target.id, label, id=arrow.uses[0].id, **_edge_style(op)
        )
    for node in view.tensors:
        if node.maker:
            maker = view.item(node.maker)
            picture.edge(maker.id, node.id, id=f"{node.id}-made", **_edge_style(node.maker))
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
    lines = [text.title(node), f"value {text.summary(node.value)}"]
    if view.trace.has_backward_graph:  # then gradients are boxes of their own
        return lines
    return [*lines, f"grad {'-' if node.gradient is None else text.summary(node.gradient)}"]


def arrow_label(arrow: Arrow) -> str:
    """The gradient that came back along an edge, or the sum if it stands for several."""
    count = f"{len(arrow.uses)} uses " if len(arrow.uses) > 1 else ""
    sent = [use.gradient for use in arrow.uses if use.gradient is not None]
    with np.errstate(all="ignore"):
        return (count + (text.short(np.sum(sent, axis=0)) if sent else "")).strip()


def _fits_across(view: View) -> bool:
    """Whether the longest path through the picture is short enough for left to right."""
    characters = {
        view.item(x.maker): max(map(columns_of, node_lines(view, x)))
        for x in view.tensors
        if x.maker
    }
    ops, wide = view.longest(lambda item: 1), view.longest(lambda item: characters.get(item, 0))
    return ops <= DEEP and wide <= WIDE


class _Writer:
    """Writes nodes and clusters, scope by scope."""

    def __init__(self, view: View, columns: dict[TensorNode, int]) -> None:
        self.view = view
        self.columns = columns
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
            items = [
                self.view.item(op) for op in (node.maker, *(use.op for use in node.uses)) if op
            ]
            return next((item.scope for item in items if isinstance(item, Group)), node.scope)
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
        kind, style, stretch = _look(node)
        lines = node_lines(self.view, node)
        minimum = self.columns.get(node, 0) if isinstance(node, TensorNode) else 0
        columns = max(minimum, *map(columns_of, lines))
        width = (columns * 0.61 * FONT_SIZE + 14) * stretch / 72
        height = (len(lines) * 1.25 * FONT_SIZE + 8) * stretch / 72
        picture.node(
            node.id, escape(lines), id=node.id, width=f"{width:.2f}", height=f"{height:.2f}",
            fixedsize="true", **{"class": kind}, **style,
        )  # fmt: skip


def _look(node: TensorNode | Item) -> tuple[str, dict[str, str], float]:
    """Class, style, and how much larger than its text a node is."""
    if isinstance(node, OpNode):
        return "op", STYLES["op"], 1.25
    if isinstance(node, Group):
        kind, finite = "folded", node.is_finite()
    else:
        kind, finite = node.kind, text.is_finite(node.value) and text.is_finite(node.gradient)
    if finite:
        return kind, STYLES[kind], 1.0
    return f"{kind} notfinite", STYLES[kind] | {"color": NOT_FINITE, "penwidth": "3"}, 1.0


def _edge_style(op: OpNode) -> dict[str, str]:
    if op.backward:
        return {"class": "backward", "color": BACKWARD, "style": "dashed"}
    return {"class": "forward", "color": FORWARD}

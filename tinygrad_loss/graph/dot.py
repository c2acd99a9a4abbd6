"""The picture in DOT, Graphviz's language: a box for each tensor, an ellipse for each op, an edge for each use."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

import graphviz

from . import text
from .scopes import Scope
from .trace import OpNode, TensorNode, Trace, Use

# Fill and border; the line style is the second cue, for those who cannot tell the colours apart.
STYLES = {
    "parameter": {"fillcolor": "#D6E6F5", "color": "#0072B2", "style": "filled", "penwidth": "2"},
    "input": {"fillcolor": "#F2F2F2", "color": "#666666", "style": "filled,dashed"},
    "value": {"fillcolor": "#FFFFFF", "color": "#333333", "style": "filled"},
    "output": {"fillcolor": "#FBE0D2", "color": "#C04E00", "style": "filled", "peripheries": "2"},
    "op": {"fillcolor": "#FFF3C4", "color": "#333333", "style": "filled", "shape": "ellipse"},
    "folded": {"fillcolor": "#E4F3EE", "color": "#009E73", "style": "filled", "shape": "box3d"},
}
FORWARD, BACKWARD, WRONG = "#0072B2", "#B84A00", "#D00000"
FONT = "DejaVu Sans Mono,Menlo,Consolas,monospace"
FONT_SIZE = 10
DEEP = 14  # ops in a row beyond which a picture from left to right becomes too wide to read


def escape(lines: Iterable[str]) -> str:
    """Lines as a DOT label in which nothing means anything but itself."""
    return graphviz.nohtml(
        r"\n".join(graphviz.escape(line.replace("&", "&amp;")) for line in lines)
    )


def size(lines: list[str]) -> dict[str, str]:
    """Width and height for lines of a monospaced font: all renderers draw a box alike, whatever fonts they have."""
    columns = max(
        sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line) for line in lines
    )
    width = (columns * 0.61 * FONT_SIZE + 14) / 72
    return {
        "width": f"{width:.2f}",
        "height": f"{(len(lines) * 1.25 * FONT_SIZE + 8) / 72:.2f}",
        "fixedsize": "true",
    }


def tensor_lines(node: TensorNode) -> list[str]:
    """What a box says."""
    gradient = "-" if node.gradient is None else text.summary(node.gradient)
    return [text.title(node), f"value {text.summary(node.value)}", f"grad {gradient}"]


def op_lines(op: OpNode) -> list[str]:
    """What an ellipse says: the op, and the arguments that are no tensors."""
    return [text.clean(op.op.name)] + [
        f"{text.clean(name)} = {text.constant(x)}" for name, x in op.constants.items()
    ]


def depth(trace: Trace) -> int:
    """The number of ops on the longest way from a leaf to an output."""
    longest: dict[TensorNode, int] = {}
    for op in trace.ops:
        longest[op.output] = 1 + max((longest.get(use.source, 0) for use in op.uses), default=0)
    return max(longest.values(), default=0)


def as_dot(trace: Trace, rankdir: str | None = None) -> str:
    """DOT source of the picture."""
    picture = graphviz.Digraph("computation")
    picture.attr(
        rankdir=rankdir or ("TB" if depth(trace) > DEEP else "LR"),
        fontname=FONT, fontsize=str(FONT_SIZE), nodesep="0.2", ranksep="0.3",
    )  # fmt: skip
    picture.attr("node", shape="box", fontname=FONT, fontsize=str(FONT_SIZE))
    picture.attr(
        "edge", fontname=FONT, fontsize="9", color=FORWARD, fontcolor=BACKWARD, arrowsize="0.7"
    )
    members: dict[Scope | None, list[TensorNode | OpNode]] = {}
    for node in (*trace.tensors, *trace.ops):
        members.setdefault(node.scope, []).append(node)
    _add_scope(picture, None, members, _children(trace.scopes))
    for use in trace.uses:
        _add_use(picture, use)
    for op in trace.ops:
        picture.edge(op.id, op.output.id, id=f"{op.id}-{op.output.id}", **_edge_style(op))
    return picture.source


def _children(scopes: list[Scope]) -> dict[Scope | None, list[Scope]]:
    children: dict[Scope | None, list[Scope]] = {}
    for scope in scopes:
        children.setdefault(scope.parent, []).append(scope)
    return children


def _add_scope(picture: Any, scope: Scope | None, members: Any, children: Any) -> None:
    for node in members.get(scope, ()):
        if isinstance(node, TensorNode):
            _add_tensor(picture, node)
        else:
            lines = op_lines(node)
            picture.node(
                node.id,
                escape(lines),
                id=node.id,
                **{"class": "op"},
                **STYLES["op"],
                **_ellipse(lines),
            )
    for inner in children.get(scope, ()):
        with picture.subgraph(name=f"cluster_{inner.id}") as cluster:
            cluster.attr(
                label=escape([text.clean(inner.label)]), id=inner.id, style="rounded", color="#999999",
                fontcolor="#333333", **{"class": "scope"},
            )  # fmt: skip
            _add_scope(cluster, inner, members, children)


def _ellipse(lines: list[str]) -> dict[str, str]:
    box = size(lines)
    return box | {
        "width": f"{float(box['width']) * 1.25:.2f}",
        "height": f"{float(box['height']) * 1.3:.2f}",
    }


def _add_tensor(picture: Any, node: TensorNode) -> None:
    lines = tensor_lines(node)
    style = dict(STYLES[node.kind])
    classes = node.kind
    if not (text.is_finite(node.value) and text.is_finite(node.gradient)):
        style |= {"color": WRONG, "penwidth": "3"}
        classes += " wrong"
    picture.node(node.id, escape(lines), id=node.id, **{"class": classes}, **style, **size(lines))


def _edge_style(op: OpNode) -> dict[str, str]:
    if op.backward:
        return {"class": "backward", "color": BACKWARD, "style": "dashed"}
    return {"class": "forward"}


def _add_use(picture: Any, use: Use) -> None:
    label = "" if use.gradient is None else text.summary(use.gradient)
    picture.edge(
        use.source.id,
        use.op.id,
        escape([label]) if label else None,
        id=use.id,
        **_edge_style(use.op),
    )

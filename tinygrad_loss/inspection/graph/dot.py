"""The picture in DOT, Graphviz's language: Tensors are boxes, ops ellipses, uses edges."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from textwrap import wrap
from typing import Any

import graphviz
import numpy as np

from . import text
from .fold import LONG, Arrow, Group, Item, View
from .scopes import Scope
from .trace import OpNode, TensorNode, Use

# Fill and border. The line style is a second cue, for those who cannot tell the colors apart.
STYLES = {
    "parameter": {"fillcolor": "#D6E6F5", "color": "#0072B2", "style": "filled", "penwidth": "2"},
    "input": {"fillcolor": "#F2F2F2", "color": "#666666", "style": "filled,dashed"},
    "value": {"fillcolor": "#FFFFFF", "color": "#333333", "style": "filled"},
    "output": {"fillcolor": "#FBE0D2", "color": "#C04E00", "style": "filled", "peripheries": "2"},
    "op": {"fillcolor": "#FFF3C4", "color": "#333333", "style": "filled", "shape": "ellipse"},
    "folded": {"fillcolor": "#E4F3EE", "color": "#009E73", "style": "filled", "shape": "box3d"},
}
FORWARD = {"class": "forward", "color": "#0072B2"}
BACKWARD = {"class": "backward", "color": "#B84A00", "style": "dashed"}
NOT_FINITE = {"color": "#D00000", "penwidth": "3"}
FONT = "DejaVu Sans Mono,Menlo,Consolas,monospace"
FONT_SIZE = 10
# With more ops in a row, or characters in their boxes, left to right is too wide to read.
DEEP, WIDE = 14, 200


def as_dot(view: View, rankdir: str | None = None, **attributes: str) -> str:
    """DOT source of a view; ``rankdir`` None for what suits the depth; more attributes, as ``dpi``.

    On the page each edge has two heads, of which it shows one at a time.
    """
    rankdir = rankdir or ("LR" if _fits_across(view) else "TB")
    picture = graphviz.Digraph("computation")
    across = "0.12" if view.for_page else "0.15" if rankdir == "LR" else "0.2"
    along = "0.2" if view.for_page else "0.25"
    picture.attr(rankdir=rankdir, nodesep=across, ranksep=along, fontname=FONT, bgcolor="#FFFFFF")
    picture.attr(fontsize=str(FONT_SIZE), labeljust="l", **attributes)
    notes = [line for note in (view.note(), view.trace.note()) for line in wrap(note, 110)]
    picture.attr(label=escape(notes))
    # Good layouts are found early; looking on can take minutes where many edges are long.
    picture.attr(nslimit="2", nslimit1="2")
    if view.span() > LONG:
        picture.attr(splines="line")
    picture.attr("node", shape="box", fontname=FONT, fontsize=str(FONT_SIZE))
    picture.attr("edge", fontname=FONT, fontsize="9", fontcolor=BACKWARD["color"], arrowsize="0.7")
    picture.attr("edge", dir="both" if view.for_page else "forward")
    inside: dict[Any, list[Any]] = defaultdict(list)  # nodes, and then scopes, by the scope around
    boxes = [item for item in view.items if not view.for_page or isinstance(item, Group)]
    for node in (*view.tensors, *boxes):
        inside[_scope_of(view, node)].append(node)
    shown = {scope for inner in inside if inner for scope in inner.path()}
    for scope in filter(shown.__contains__, view.trace.scopes):
        inside[scope.parent].append(scope)
    _add_inside(picture, view, inside, None)
    # Heavy edges are straight: those of long paths, such as the state of a recurrent network.
    weight = {item: str(10 * depth) for item, depth in view.depths().items()}
    for arrow in view.arrows:
        said = "" if view.for_page else arrow_label(arrow)  # the page shows it while it is sent
        label = escape([f" {said} "]) if said else None
        style = dict(BACKWARD if arrow.uses[0].op.backward else FORWARD)
        if arrow.source.maker:
            style["weight"] = weight.get(view.item(arrow.source.maker), "1")
        target = view.box(arrow.uses[0].op)
        picture.edge(arrow.source.id, target.id, label, id=arrow.id, **style)
    for node in view.tensors:
        if node.maker and view.box(node.maker) is not node:
            maker = view.item(node.maker)
            style = BACKWARD if node.maker.backward else FORWARD
            picture.edge(maker.id, node.id, id=f"{node.id}-made", weight=weight[maker], **style)
    return str(picture.source)


def escape(lines: Iterable[str]) -> str:
    """Lines as a DOT label in which no character has a special meaning."""
    escaped = (graphviz.escape(line.replace("&", "&amp;")) for line in lines)
    label: str = graphviz.nohtml(r"\n".join(escaped))  # no plain str: "<b>" would be HTML again
    return label


def columns_of(line: str) -> int:
    """The width of a line in a monospaced font, where East Asian characters take two columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def node_lines(view: View, node: TensorNode | Item) -> list[str]:
    """What a box says: name and shape, value, gradient. An ellipse: the op and its constants."""
    if isinstance(node, Group):
        return node.lines()
    if isinstance(node, OpNode):
        given = dict(zip(node.argument_names, node.arguments, strict=True)) | node.options
        hidden = text.PROMISES | {k for k, x in given.items() if isinstance(x, Use)}
        shown = [f"{text.clean(k)} = {text.constant(given[k])}" for k in given if k not in hidden]
        return [text.clean(node.op.name), *shown]
    lines = [text.title(node), f"value {text.value(node)}", f"grad {text.gradient(node)}"]
    lines = lines[:2] if view.trace.has_backward_graph else lines  # there gradients are boxes
    inside = node.maker is not None and view.box(node.maker) is node
    return [*lines, f"= {text.formula(node.maker, 16)}"] if inside and node.maker else lines


def arrow_label(arrow: Arrow) -> str:
    """The gradient that came back along an edge, or the sum if it stands for several."""
    count = f"{len(arrow.uses)} uses " if len(arrow.uses) > 1 else ""
    sent = [use for use in arrow.uses if use.gradient is not None]
    total = ""
    if sent and all(use.rounding for use in sent):
        total = text.ROUNDING
    elif len({use.source for use in sent}) == 1:
        with np.errstate(all="ignore"):
            total = text.short(np.sum([use.gradient for use in sent], axis=0))
    return (count + total).strip()


def _fits_across(view: View) -> bool:
    """Whether the longest path through the picture is short enough for left to right."""
    deepest = max(view.depths().values(), default=0)
    lines = (line for node in view.tensors if node.maker for line in node_lines(view, node))
    widest = max(map(columns_of, lines), default=0)
    return deepest <= DEEP and deepest * widest <= WIDE


def _scope_of(view: View, node: TensorNode | Item) -> Scope | None:
    """The scope of a node; what a group made, or what only a group uses, is in the group's."""
    ends = view.ends(node) if isinstance(node, TensorNode) and node.scope else []
    return next((item.scope for item in ends if isinstance(item, Group)), node.scope)


def _add_inside(picture: Any, view: View, inside: dict[Any, list[Any]], scope: Any) -> None:
    """Write the nodes of a scope, and the scopes inside it as clusters."""
    for node in inside[scope]:
        if not isinstance(node, Scope):
            _add_node(picture, view, node)
            continue
        with picture.subgraph(name=f"cluster_{node.id}") as cluster:
            cluster.attr(label=escape([text.clean(node.label)]), labeljust="l", id=node.id)
            cluster.attr(style="rounded", color="#999999", fontcolor="#333333")
            cluster.attr(bgcolor="transparent", **{"class": "scope"})
            _add_inside(cluster, view, inside, node)


def _add_node(picture: Any, view: View, node: TensorNode | Item) -> None:
    """Write a node, of a fixed size for monospaced text, so that all renderers agree."""
    lines, later = node_lines(view, node), ""
    kind = "folded" if isinstance(node, Group) else getattr(node, "kind", "op")
    stretch = 1.25 if kind == "op" else 1.0
    if view.for_page and isinstance(node, TensorNode) and len(node.uses) > 1:
        later = f"grad 1 of {len(node.uses)} parts"
    style = STYLES[kind] | {"class": kind}
    failed = view.trace.failed and node is view.trace.ops[-1]
    if failed or (not isinstance(node, OpNode) and node.wrong):
        style["class"] += " notfinite"
        if not view.for_page:  # which colors it once it is there
            style |= NOT_FINITE
    width = (max(map(columns_of, [*lines, later])) * 0.61 * FONT_SIZE + 14) * stretch / 72
    height = (len(lines) * 1.25 * FONT_SIZE + 8) * stretch / 72
    size = {"width": f"{width:.2f}", "height": f"{height:.2f}", "fixedsize": "true"}
    picture.node(node.id, escape(lines), id=node.id, **size, **style)


def render(source: str, form: str) -> bytes:
    """Lay out DOT source and draw it as "svg", "png" or "pdf", with the program dot or without."""
    with suppress(graphviz.ExecutableNotFound):
        return bytes(graphviz.pipe("dot", form, source.encode(), quiet=True))
    try:
        import pygraphviz
    except ImportError:
        raise RuntimeError(
            f"drawing as {form} needs Graphviz (apt install graphviz, brew install graphviz, or "
            "graphviz.org/download), or pip install 'pygraphviz>=2.0.1', which contains it. "
            "Without them, .text() and .dot() still work."
        ) from None
    return bytes(pygraphviz.AGraph(string=source).draw(format=form, prog="dot"))

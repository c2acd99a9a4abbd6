"""Lesson 12: the nodes of a graph on a line of time, and the way back along it."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt


def walk_by_stamps(nodes):
    """Inputs of nodes above (blue), parts of gradients below (orange), whose turn it is in circles."""
    first = min(node.stamp for node in nodes.values())
    place = {node: node.stamp - first for node in nodes.values()}
    newest_first = sorted(place, key=place.get, reverse=True)
    _, axes = plt.subplots(figsize=(7.5, 3.7))
    axes.axis("off")
    axes.axhline(0, color=GRAY, lw=0.8, zorder=0)

    gradient = {newest_first[0]: 1.0}
    for turn, node in enumerate(newest_first, 1):
        if node.origin is None:
            continue
        _text(axes, place[node], 0.5, str(turn), ORANGE, boxstyle="circle,pad=0.2")
        op, inputs, arrays, options = node.origin
        sent = {}
        for x, rule in zip(inputs, op.rules, strict=True):
            if x in place:
                part = float(rule(gradient[node], node.data, *arrays, **options))
                gradient[x] = gradient.get(x, 0.0) + part
                sent[x] = sent.get(x, 0.0) + part
        for x, part in sent.items():
            _arc(axes, place[x], place[node], 1, BLUE, "-", "")
            _arc(axes, place[node], place[x], -1, ORANGE, "--", f"{part:g}")

    for name, node in nodes.items():
        at, value = place[node], f"{node.item():g}"
        _text(axes, at, 0, f"${name} = {value}$", "black", boxstyle="round,pad=0.35")
        axes.text(
            *(at, -0.5, f"{gradient[node]:g}"),
            ha="center",
            va="center",
            color=ORANGE,
            fontsize=13,
            fontweight="bold",
        )
        axes.text(at, -1.78, str(at), ha="center", va="center", color="0.35")
    last = max(place.values())
    time = {"arrowstyle": "->", "color": "0.35"}
    axes.annotate("", (last + 0.45, -1.6), (-0.4, -1.6), arrowprops=time)
    axes.set(xlim=(-0.45, last + 0.5), ylim=(-1.95, 1.45))


def _text(axes, x, y, text, edge, **box):
    box = {"fc": "white", "ec": edge} | box
    axes.text(x, y, text, ha="center", va="center", fontsize=12, bbox=box)


def _arc(axes, start, end, side, color, style, label):
    """Half an ellipse from node to node, above or below the line, with its head at the end."""
    aside = 0.17 * np.sign(end - start)
    start, end = start + aside, end - aside
    angle = np.linspace(0, np.pi, 60)
    x = (start + end) / 2 - (end - start) / 2 * np.cos(angle)
    y = side * (0.24 + 0.55 * np.sqrt(abs(end - start)) * np.sin(angle))
    axes.plot(x, y, color=color, ls=style, lw=1.4)
    head = {"arrowstyle": "-|>", "color": color, "lw": 1.4, "mutation_scale": 13}
    axes.annotate("", (x[-1], y[-1]), (x[-3], y[-3]), arrowprops=head)
    if label:
        box = {"fc": "white", "ec": "none", "pad": 1.5}
        at = {"ha": "center", "va": "center", "fontsize": 12}
        axes.text(x[30], y[30], label, color=color, bbox=box, **at)

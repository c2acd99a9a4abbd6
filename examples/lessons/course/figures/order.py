"""Lesson 4: the same graph walked forward, once for each input, and backward, once for all."""

from course.figures import BLUE, GRAY, ORANGE, plt
from course.scalar_engine import topological_order

PLACES = {
    "a": (0, 2),
    "b": (0, 1),
    "c": (0, 0),
    "u": (1.35, 1.6),
    "v": (1.35, 0.4),
    "y": (2.6, 1),
}

# Where a node's number stands, and how it is aligned there.
BESIDE = {
    **dict.fromkeys("abc", ((-0.24, 0), "right")),
    "u": ((0, 0.44), "center"),
    "v": ((0, -0.44), "center"),
    "y": ((0.24, 0), "left"),
}


def forward_and_backward(inputs, y):
    """Three panels with the slopes in a, b, c pushed forward; one with the gradients handed back."""
    u, v = (parent for parent, _ in y.parents)
    names = dict(zip([*inputs, u, v, y], "abcuvy", strict=True))
    _, panels = plt.subplots(2, 2, figsize=(7.5, 4.4))
    for panel, x in zip(panels.flat[:3], inputs, strict=True):
        title = rf"$\partial\,\cdot\,/\,\partial {names[x]}$"
        _sweep(panel, names, x, slopes(y, x), BLUE, title)
    _sweep(
        panels[1, 1],
        names,
        y,
        gradients(y),
        ORANGE,
        r"$\partial y\,/\,\partial\,\cdot$",
    )


def _sweep(panel, names, start, numbers, color, title):
    """A graph with what one sweep brings to each node; gray is an edge that only a 0 goes along."""
    panel.set(xlim=(-0.75, 3.2), ylim=(-0.45, 2.45))
    panel.axis("off")
    panel.text(3.15, 2.3, title, ha="right", va="center", fontsize=13, color=color)
    backward = not any(start is parent for node in names for parent, _ in node.parents)
    for node, name in names.items():
        for parent, local in node.parents:
            ends = PLACES[names[parent]], PLACES[name]
            carries = backward or numbers[parent] != 0
            _edge(
                panel,
                ends[::-1] if backward else ends,
                local,
                color if carries else "0.75",
            )
        _node(panel, name, numbers[node], color, filled=node is start)


def _edge(panel, ends, local, color):
    """An arrow from the first end to the second, with the local derivative on it."""
    tail, head = ends
    arrow = {
        "arrowstyle": "-|>,head_width=0.3,head_length=0.6",
        "color": color,
        "lw": 1.3 if color == "0.75" else 2,
        "shrinkA": 14,
        "shrinkB": 14,
    }
    panel.annotate("", head, tail, arrowprops=arrow)
    box = {"boxstyle": "round,pad=0.12", "fc": "white", "ec": "none"}
    middle = [(one + other) / 2 for one, other in zip(tail, head, strict=True)]
    dark = "0.6" if color == "0.75" else "0.25"
    panel.text(*middle, f"{local:g}", ha="center", va="center", color=dark, bbox=box)


def _node(panel, name, number, color, filled):
    """A circle with its name, and beside it its number."""
    x, y = PLACES[name]
    fill, ink = (color, "white") if filled else ("white", "black")
    panel.plot(x, y, "o", ms=25, mfc=fill, mec="black", mew=1.2)
    panel.text(x, y, f"${name}$", ha="center", va="center", fontsize=13, color=ink)
    away, align = BESIDE[name]
    style = {"fontweight": "bold", "color": color} if number else {"color": GRAY}
    at = (x + away[0], y + away[1])
    panel.text(*at, f"{number:g}", ha=align, va="center", fontsize=13, **style)


def slopes(y, x):
    found = {}
    for node in topological_order(y, [], set()):
        found[node] = sum(local * found[parent] for parent, local in node.parents)
        if node is x:
            found[node] = 1.0
    return found


def gradients(y):
    found = {y: 1.0}
    for node in reversed(topological_order(y, [], set())):
        for parent, local in node.parents:
            found[parent] = found.get(parent, 0.0) + local * found[node]
    return found

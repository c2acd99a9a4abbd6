"""Lesson 3: the price of the apples as a computation graph, values forward and gradients back."""

import numpy as np

from course.figures import BLUE, ORANGE, plt

HALF = {"p": 0.42, "c": 0.42, "r": 0.42, "s": 0.58, "L": 0.58}
AT = {
    "p": (0.5, 3.6),
    "c": (0.5, 1.3),
    "r": (4.6, 0.4),
    "s": (4.6, 2.45),
    "L": (8.6, 1.45),
}
WRITTEN = {"s": r"$s = p\,c$", "L": r"$L = s\,r$"}


def apple(values, gradients):
    """s = p c and L = s r: values in blue along the lines, gradients in orange against them."""
    p, c, r, s, total = values
    d_price, d_count, d_tax, d_s, d_total = gradients
    _, ax = plt.subplots(figsize=(7.6, 3.3))
    ax.set(xlim=(0, 10.1), ylim=(0, 4.0))
    ax.axis("off")
    for name, (x, y) in AT.items():
        half = HALF[name]
        box = plt.Rectangle((x - half, y - 0.3), 2 * half, 0.6, fc="white", ec="black")
        ax.add_patch(box)
        label = WRITTEN.get(name, f"${name}$")
        ax.text(x, y, label, ha="center", va="center", fontsize=14)
    for start, end, value, local, g, gradient in (
        ("p", "s", p, c, d_s, d_price),
        ("c", "s", c, p, d_s, d_count),
        ("s", "L", s, r, d_total, d_s),
        ("r", "L", r, s, d_total, d_tax),
    ):
        product = rf"${local:g} \cdot {g:g} = \mathbf{{{gradient:g}}}$"
        left = np.add(AT[start], (HALF[start], 0))
        right = np.subtract(AT[end], (HALF[end], 0))
        _edge(ax, left, right, f"{value:g}", product)
    right = np.add(AT["L"], (HALF["L"], 0))
    _edge(
        ax,
        right,
        np.array([10.1, right[1]]),
        f"{total:g}",
        rf"$\mathbf{{{d_total:g}}}$",
    )


def _edge(ax, left, right, value, gradient):
    """Two arrows side by side, with what flows along them written beside."""
    side, text = np.array([0, 0.08]), np.array([0, 0.18])
    ax.annotate("", right + side, left + side, arrowprops=_arrow(BLUE))
    ax.annotate("", left - side, right - side, arrowprops=_arrow(ORANGE, "--"))
    origin, one = ax.transData.transform([(0, 0), (1, 1)])
    across, up = (right - left) * (one - origin)
    middle = (left + right) / 2
    style = {"ha": "center", "rotation_mode": "anchor", "fontsize": 12}
    style["rotation"] = np.degrees(np.arctan2(up, across))
    ax.text(*middle + text, value, color=BLUE, va="bottom", **style)
    ax.text(*middle - text, gradient, color=ORANGE, va="top", **style)


def _arrow(color, line="-"):
    return {
        "arrowstyle": "-|>",
        "color": color,
        "lw": 1.6,
        "ls": line,
        "shrinkA": 0,
        "shrinkB": 0,
    }

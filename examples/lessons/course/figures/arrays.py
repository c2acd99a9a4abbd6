"""Lesson 5: the paths of one weight through y = x @ W, and the product that adds them up."""

import numpy as np

from course.figures import plt

BLUE, ORANGE, GREEN, PLAIN = "#9ecae8", "#fdae6b", "#c7e9c0", "white"


def _array(axes, left, middle, numbers, name, lit, color):
    """Draw an array as cells, its vertical middle at `middle`; those where lit(row, column) in color."""
    rows, columns = numbers.shape
    top = middle + rows / 2
    for i, j in np.ndindex(rows, columns):
        corner = (left + j, top - i - 1)
        face = color if lit(i, j) else PLAIN
        edge = {"edgecolor": "black", "linewidth": 2.2 if lit(i, j) else 0.6}
        zorder = 3 if lit(i, j) else 2
        axes.add_patch(
            plt.Rectangle(corner, 1, 1, facecolor=face, zorder=zorder, **edge)
        )
        axes.text(
            corner[0] + 0.5,
            corner[1] + 0.47,
            f"{numbers[i, j]:.0f}".replace("-", "\N{MINUS SIGN}"),
            ha="center",
            va="center",
            fontsize=14,
            fontweight="bold" if lit(i, j) else "normal",
            zorder=4,
        )
    axes.text(
        left + columns / 2, middle + 1.72, name, ha="center", va="bottom", fontsize=15
    )


def paths_of_one_weight(x, W, g, k, j):
    """Above: W[k, j] meets column k of x and goes into column j of y. Below: x.T @ g at [k, j]."""
    x, W, g = np.asarray(x), np.asarray(W), np.asarray(g)
    _, axes = plt.subplots(figsize=(9, 5.2))

    def weight(row, column):
        return (row, column) == (k, j)

    for left, middle, numbers, name, lit, color in (
        (0.0, 6.2, x, "$x$", lambda _, column: column == k, BLUE),
        (4.4, 6.2, W, "$W$", weight, ORANGE),
        (8.4, 6.2, x @ W, "$y = x\\,W$", lambda _, column: column == j, GREEN),
        (0.5, 1.0, x.T, "$x^T$", lambda row, _: row == k, BLUE),
        (
            4.4,
            1.0,
            g,
            r"$g = \partial L / \partial y$",
            lambda _, column: column == j,
            GREEN,
        ),
        (8.4, 1.0, x.T @ g, r"$x^T g = \partial L / \partial W$", weight, ORANGE),
    ):
        _array(axes, left, middle, numbers, name, lit, color)
    for middle in (6.2, 1.0):
        axes.text(3.7, middle, "@", ha="center", va="center", fontsize=15)
        axes.text(7.4, middle, "=", ha="center", va="center", fontsize=17)
    axes.set(xlim=(-0.2, 11.2), ylim=(-0.7, 8.8), aspect="equal")
    axes.axis("off")

"""Lesson 11: two maps of handwritten digits; the best discriminator, and the way of a generator."""

import numpy as np

from course.figures import BLUE, ORANGE, plt

COLORS = (BLUE, ORANGE, "black", "0.55")


def maps(contrastive, triplet, digits):
    """Images on the plane, each drawn as its digit. Left: contrastive. Right: triplet."""
    _, axes = plt.subplots(1, 2, figsize=(7.5, 3.7))
    for ax, groups in zip(axes, (contrastive, triplet), strict=True):
        for points, digit, color in zip(groups, digits, COLORS, strict=True):
            ax.plot(*points.T, ls="", marker=f"${digit}$", ms=8, color=color, mew=0.3)
        left, low = groups.min(axis=(0, 1))
        ax.plot([left, left + 1], [low - 0.2] * 2, color="black", lw=2.5)
        ax.annotate(
            "1",
            (left + 1, low - 0.2),
            textcoords="offset points",
            xytext=(5, -4),
        )
        ax.set(aspect="equal", xticks=[], yticks=[])
        ax.margins(0.08)
        ax.axis("off")


def game(path):
    """Left: densities p, q and p / (p + q). Right: the generator's a and b, step by step: rows a, b, loss."""
    _, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.2))
    x = np.linspace(-2.5, 5.5, 300)
    q = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    p = np.exp(-((x - 3) ** 2) / 0.5) / np.sqrt(0.5 * np.pi)
    left.fill_between(x, p, color="0.8", lw=0)
    left.plot(x, q, color=ORANGE, lw=2)
    left.plot(x, p / (p + q), color=BLUE, lw=2, ls="--")
    left.text(3.5, 0.62, "$p$", fontsize=13)
    left.text(-1.3, 0.3, "$q$", color=ORANGE, fontsize=13)
    left.text(1.85, 0.8, "$D$", color=BLUE, ha="right", fontsize=13)
    left.set(xlabel="$x$", ylim=(0, 1.08))

    a, b = np.array(path).T[:2]
    right.plot(a, b, color=BLUE, lw=1.2)
    right.plot(3, 0.5, "*", color=ORANGE, ms=14, mec="black", mew=0.5)
    offsets = {
        50: (-2, 8),
        100: (7, -5),
        200: (-28, -6),
        300: (7, 4),
        400: (-28, -4),
        500: (-28, -4),
    }
    for step, offset in offsets.items():
        right.plot(a[step], b[step], "o", color=BLUE, ms=5)
        right.annotate(
            f"{step}",
            (a[step], b[step]),
            textcoords="offset points",
            xytext=offset,
        )
    right.set(xlabel="$a$", ylabel="$b$", xlim=(2.3, 3.4), ylim=(-0.03, 0.9))

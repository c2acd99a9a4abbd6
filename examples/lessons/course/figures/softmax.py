"""Lesson 6: p, t and p - t as bars; the gradients of two losses in the logit."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt


def pushes(p, t):
    """Left: the way from p to t, class by class. Right: the gradient p - t."""
    _, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.6))
    k = np.arange(1, len(p) + 1)
    left.bar(k, p, width=0.6, color=BLUE, alpha=0.75)
    left.bar(
        k[t > 0],
        t[t > 0],
        width=0.7,
        facecolor="none",
        edgecolor="black",
        lw=1.4,
        ls="--",
    )
    for at, start, end in zip(k, p, t, strict=True):
        way = {
            "arrowstyle": "-|>",
            "color": "black",
            "lw": 2,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        left.annotate("", (at, end), (at, start), arrowprops=way)
    left.set(xlim=(0.4, len(p) + 0.6), ylim=(0, 1.1), ylabel="$p,\\ t$")
    left.set_xticks(k, [f"$p_{i}$\n{share:.3f}" for i, share in zip(k, p, strict=True)])

    right.bar(k, p - t, width=0.6, color=ORANGE)
    right.axhline(0, color="black", lw=0.8)
    for at, push in zip(k, p - t, strict=True):
        above = push > 0
        right.text(
            at,
            push + (0.03 if above else -0.03),
            f"${push:+.3f}$",
            ha="center",
            va="bottom" if above else "top",
        )
    right.set(
        xlim=left.get_xlim(), ylim=(-1, 1), ylabel=r"$\partial L / \partial z = p - t$"
    )
    right.set_xticks(k, [f"$z_{i}$" for i in k])
    right.set_yticks([-1, -0.5, 0, 0.5, 1])


def gradients(z, cross_entropy, squared_error):
    """The gradients in the logit, of a sample with t = 1, against the logit."""
    _, axes = plt.subplots(figsize=(6.6, 2.7))
    axes.axhline(0, color=GRAY, lw=0.8)
    axes.plot(z, cross_entropy, color=BLUE, lw=2)
    axes.plot(z, squared_error, color=ORANGE, lw=2, ls="--")
    axes.text(-9.8, -0.93, "$p - 1$", color=BLUE, va="bottom", fontsize=13)
    axes.text(
        -2.6,
        -0.37,
        "$2\\,(p - 1)\\,p\\,(1 - p)$",
        color=ORANGE,
        ha="right",
        fontsize=13,
    )
    for curve, color, offset in (
        (cross_entropy, BLUE, (8, -14)),
        (squared_error, ORANGE, (8, 6)),
    ):
        axes.plot(z[0], curve[0], "o", color=color, clip_on=False)
        axes.annotate(
            f"${curve[0]:.5f}$",
            (z[0], curve[0]),
            textcoords="offset points",
            xytext=offset,
            color=color,
        )
    axes.set(
        xlabel="$z$",
        ylabel=r"$\partial L / \partial z$",
        xlim=(-10, 6),
        ylim=(-1.12, 0.15),
    )

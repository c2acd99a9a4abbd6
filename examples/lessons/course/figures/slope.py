"""Lesson 1: the slope as h goes to 0, and a walk down the loss."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt


def secants_and_walk(ws, losses):
    """Left: secants of x**2 at 3 turn into the tangent. Right: steps down a loss, with its slopes."""
    _, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.3))
    x = np.linspace(1.5, 6.3, 100)
    left.plot(x, x**2, color="black")
    for h, color in ((3.0, "0.75"), (1.5, "0.55"), (0.5, BLUE)):
        secant = ((3 + h) ** 2 - 9) / h
        left.plot(x, 9 + secant * (x - 3), color=color, lw=1.2)
        left.plot(3 + h, (3 + h) ** 2, "o", color=color, ms=5)
        label_color = color if color == BLUE else "0.35"
        left.text(
            6.5, 8.2 + 3.35 * secant, f"$h = {h:g}$: {secant:g}", color=label_color
        )
    left.plot(x, 9 + 6 * (x - 3), color=ORANGE)
    left.text(6.5, 25.4, r"$h \to 0$: 6", color=ORANGE)
    left.plot(3, 9, "o", color="black", ms=5)
    left.set(xlabel="$x$", ylabel="$x^2$", xlim=(1.5, 8.6), ylim=(0, 40))

    w = np.linspace(-0.3, 3.3, 100)
    right.plot(w, 2.5 * (w - 2) ** 2, color="black")
    for i, (at, loss) in enumerate(zip(ws, losses, strict=True)):
        slope = 5 * (at - 2)
        near = np.array([at - 0.25, at + 0.25])
        right.plot(near, loss + slope * (near - at), color=ORANGE, lw=2)
        right.plot(at, loss, "o", color=BLUE, ms=5)
        if i < 3:
            right.annotate(
                f"$w_{i}$", (at, loss), textcoords="offset points", xytext=(8, 4)
            )
    right.plot(ws, losses, color=GRAY, lw=0.8, ls="--")
    right.set(xlabel="$w$", ylabel="$L$", ylim=(-0.6, 12))

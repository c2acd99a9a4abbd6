"""Lesson 10: two penalties in one dimension; paths of weights, and the U of the validation loss."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt


def valleys(a, strengths):
    """(w - a)**2 with an L2 penalty (left) and an L1 penalty (right), and where each is least."""
    _, axes = plt.subplots(1, 2, figsize=(6.6, 2.5), sharey=True)
    w = np.linspace(-0.8, 1.9, 400)
    for i, lam in enumerate(strengths):
        color = str(round(0.72 * (1 - i / (len(strengths) - 1)), 2))
        minima = a / (1 + lam), max(a - lam / 2, 0)
        penalties = np.square, np.abs
        for axis, penalty, least in zip(axes, penalties, minima, strict=True):
            axis.plot(w, (w - a) ** 2 + lam * penalty(w), color=color, lw=1.5)
            bottom = (least - a) ** 2 + lam * penalty(least)
            axis.plot(least, bottom, "o", color=ORANGE, ms=6, mec="black", zorder=3)
    for axis, formula in zip(axes, ("w^2", "|w|"), strict=True):
        axis.axvline(0, color=GRAY, lw=0.8, zorder=0)
        axis.set(xlabel="$w$", ylim=(-0.15, 4), xlim=(w[0], w[-1]))
        axis.set_title(rf"$(w - {a})^2 + \lambda\, {formula}$", fontsize=12)


def paths_and_validation(l2, l1, strengths, train, validation):
    """Weights against lambda under L2 and L1; losses against lambda, least at the dot."""
    _, (left, middle, right) = plt.subplots(1, 3, figsize=(7.5, 3.0))
    for axis, (lams, path), name in ((left, l2, "L2"), (middle, l1, "L1")):
        axis.axhline(0, color=GRAY, lw=0.8)
        for j, weights in enumerate(path.T):
            special = {2: (BLUE, 2.4, "-"), 8: (ORANGE, 2.4, "--")}
            color, width, style = special.get(j, ("0.45", 1.1, "-"))
            axis.plot(lams, weights, color=color, lw=width, ls=style)
        axis.set(xscale="log", xlabel=r"$\lambda$", ylim=(-38, 38))
        axis.set_title(name, fontsize=12)
    left.set_ylabel("$w_j$")
    left.set_xticks([1e-3, 1, 1e3])

    right.plot(strengths, train, color="black", ls="--")
    right.plot(strengths, validation, color="black")
    best = validation.argmin()
    right.plot(strengths[best], validation[best], "o", color=ORANGE, mec="black")
    right.axhline(train[-1], color=GRAY, ls=":")
    right.set(xscale="log", xlabel=r"$\lambda$", ylabel="$L$", ylim=(2000, 6400))
    right.set_xticks([1e-3, 1, 1e3])
    right.set_yticks([2000, 4000, 6000])

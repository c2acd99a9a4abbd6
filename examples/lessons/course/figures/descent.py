"""Lesson 8: the valley of a line's loss, paths down it, the loss on a log axis as two lines."""

import numpy as np

from course.figures import BLUE, ORANGE, plt

LEVELS = (0.4, 3, 12, 30, 60)


def contours(axes, best, H):
    """The loss above its minimum as level curves; equal scales, so that right angles are right."""
    w, b = np.meshgrid(np.linspace(-1.6, 8.2, 120), np.linspace(-1.4, 7.4, 120))
    u, v = w - best[0], b - best[1]
    above = 0.5 * (H[0, 0] * u * u + 2 * H[0, 1] * u * v + H[1, 1] * v * v)
    axes.contour(w, b, above, levels=LEVELS, colors="0.75", linewidths=0.8)
    axes.plot(*best, "*", color="black", ms=11, zorder=5)
    axes.set(xlabel="$w$", ylabel="$b$", aspect="equal")


def valley(path, best, H, excess):
    """Left: level curves, the two directions, the path. Right: its loss, as a sum of two lines."""
    _, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.9))
    contours(left, best, H)
    eigenvalues, vectors = np.linalg.eigh(H)
    for vector, color, style in zip(
        vectors.T, (ORANGE, "0.3"), ("--", ":"), strict=True
    ):
        vector = vector * np.sign(best @ vector)
        ends = best + np.outer((-7, 3), vector)
        left.plot(*ends.T, ls=style, color=color, lw=1.6)
    left.plot(*path.T, "o-", color=BLUE, ms=4, lw=1)
    left.text(4.35, 1.15, r"$\lambda_1$", color=ORANGE, fontsize=13)
    left.text(0.3, 2.0, r"$\lambda_2$", color="0.3", fontsize=13)
    left.annotate("0", path[0], textcoords="offset points", xytext=(8, -5), color=BLUE)
    left.annotate("1", path[1], textcoords="offset points", xytext=(8, -5), color=BLUE)
    left.set(xlim=(-1.6, 5.9), ylim=(-1.4, 6.4))

    k = np.arange(len(path))
    along = (path[0] - best) @ vectors
    parts = [
        0.5 * rate * c**2 * (1 - 0.1 * rate) ** (2 * k)
        for rate, c in zip(eigenvalues, along, strict=True)
    ]
    right.semilogy(k, parts[0], ls="--", color=ORANGE, lw=1.6)
    right.semilogy(k, parts[1], ls=":", color="0.3", lw=2)
    right.semilogy(k, excess, "o", color=BLUE, ms=3.5)
    right.text(31, 0.045, r"$\lambda_1 = 0.2504$", color=ORANGE)
    right.text(11.5, 0.0012, r"$\lambda_2 = 4.4479$", color="0.3")
    right.set(xlabel="$k$", ylabel=r"$L - L_\min$", ylim=(3e-4, 200), xlim=(-1, 51))


def with_momentum(paths, best, H):
    """Thirty steps of each path. Keys are the values of mu."""
    _, axes = plt.subplots(figsize=(5.8, 3.4))
    contours(axes, best, H)
    looks = {
        0.0: {"color": BLUE, "marker": "o", "ms": 3.5, "lw": 1},
        0.7: {"color": ORANGE, "marker": "s", "ms": 3.5, "lw": 1},
        0.9: {"color": "0.35", "ls": "--", "lw": 1.2},
    }
    for mu, path in reversed(paths.items()):
        axes.plot(*path[:31].T, **looks[mu], label=rf"$\mu = {mu:g}$")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
    axes.set(xlim=(-1.6, 8.2), ylim=(-1.4, 7.4))

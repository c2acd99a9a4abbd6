"""Lesson 9: five activations with their slopes; the norm of the gradient by layer."""

import numpy as np

from course.figures import BLUE, GRAY, ORANGE, plt

NAMES = (
    r"$\sigma(z)$",
    r"$\tanh\,z$",
    r"$\max(z, 0)$",
    r"$\max(z, a\,z)$",
    r"$z\,\Phi(z)$",
)
LINES = {
    "relu": (r"$\max(z, 0)$", BLUE, "-"),
    "tanh": (r"$\tanh\,z$", "tab:green", ":"),
    "sigmoid": (r"$\sigma(z)$", ORANGE, "--"),
}


def curves(z, values_and_slopes):
    """A panel for each activation: the curve, and dashed its slope."""
    _, panels = plt.subplots(1, 5, figsize=(8.8, 2.7), sharey=True)
    for axes, name, (value, slope) in zip(
        panels, NAMES, values_and_slopes, strict=True
    ):
        axes.axhline(0, color=GRAY, lw=0.8)
        axes.axvline(0, color=GRAY, lw=0.8)
        for level in (0.25, 1):
            axes.axhline(level, color=GRAY, lw=0.8, ls=":")
        axes.plot(z, value, color=BLUE, lw=2.2)
        # No line is drawn up or down the jump of a slope.
        jumps = np.flatnonzero(np.abs(np.diff(slope)) > 0.5)
        axes.plot(
            np.insert(z, jumps + 1, np.nan),
            np.insert(slope, jumps + 1, np.nan),
            color=ORANGE,
            lw=2.2,
            ls="--",
        )
        axes.set_title(name, fontsize=13)
        axes.set(xlim=(-4, 4), ylim=(-1.15, 2.1), xticks=(-3, 0, 3))
    panels[0].set_yticks((-1, 0, 0.25, 1, 2), ("-1", "0", "1/4", "1", "2"))


def norms_by_layer(norms):
    """The norm of the gradient at each layer, for several seeds of each activation."""
    _, axes = plt.subplots(figsize=(7.2, 3))
    for name, (label, color, style) in LINES.items():
        for run in norms[name]:
            layers = np.arange(1, len(run) + 1)
            axes.semilogy(layers, run, color=color, ls=style, lw=1.6)
        last = {"relu": 3e4, "tanh": 1e-1, "sigmoid": 2e-9}[name]
        axes.text(2.5, last, label, color=color, fontsize=13)
    axes.set(
        xlabel="$k$",
        ylabel=r"$\Vert\,\partial L / \partial z_k\,\Vert$",
        xlim=(0.8, 20.2),
        ylim=(1e-12, 1e6),
        xticks=(1, 5, 10, 15, 20),
    )

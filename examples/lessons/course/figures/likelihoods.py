"""Lesson 7: likelihoods above, their negative logarithms, the losses, below."""

import math

import numpy as np

from course.figures import BLUE, ORANGE, plt

# The area under exp(-huber(e)) with delta = 1.
HUBER_AREA = math.sqrt(2 * math.pi) * math.erf(math.sqrt(0.5)) + 2 * math.exp(-0.5)


def huber_density(e):
    c = np.clip(e, -1, 1)
    return np.exp(-c * (e - c / 2)) / HUBER_AREA


def likelihoods_and_losses():
    """Left: of an error. Middle: of a label, by its logit. Right: of a count, by its log-rate."""
    _, axes = plt.subplots(2, 3, figsize=(7.2, 4.6), sharex="col")
    e = np.linspace(-4, 4, 401)
    z = np.linspace(-5, 5, 401)
    log_rate = np.linspace(-3, 3, 401)
    rate = np.exp(log_rate)
    solid = {"lw": 2}
    dashed = {"lw": 1.6, "ls": "--"}
    columns = [
        (
            e,
            [
                (np.exp(-(e**2) / 2) / math.sqrt(2 * math.pi), BLUE, solid),
                (np.exp(-np.abs(e)) / 2, ORANGE, solid),
                (huber_density(e), "black", dashed),
            ],
        ),
        (
            z,
            [
                (1 / (1 + np.exp(-z)), BLUE, solid),
                (1 / (1 + np.exp(z)), ORANGE, solid),
            ],
        ),
        (
            log_rate,
            [
                (rate**3 * np.exp(-rate) / 6, BLUE, solid),
                (np.exp(-rate), ORANGE, solid),
            ],
        ),
    ]
    for (above, below), (x, curves) in zip(axes.T, columns, strict=True):
        for likelihood, color, style in curves:
            above.plot(x, likelihood, color=color, **style)
            loss = -np.log(likelihood)
            # A density has constants, by which its loss does not begin at 0.
            constant = loss.min() if x is e else 0
            below.plot(x, loss - constant, color=color, **style)
        above.set(ylim=(0, None))
        below.set(ylim=(0, 6.2))
        below.set_yticks([0, 2, 4, 6])

    inputs = ("$e = y - t$", "$z$", r"$z = \log\,\mu$")
    for below, name in zip(axes[1], inputs, strict=True):
        below.set_xlabel(name, fontsize=12)
    axes[0, 0].set_ylabel("$f(t)$", fontsize=12)
    axes[0, 1].set_ylabel("$P(t)$", fontsize=12)
    axes[1, 0].set_ylabel("$L$", fontsize=12)

    (_, label, count), (error, cost, events) = axes
    error.set_xticks([-4, -2, 0, 2, 4])
    error.text(0, 5.4, "$e^2/2$", color=BLUE, ha="center", fontsize=12)
    error.text(4.3, 4.3, "$|e|$", color=ORANGE, ha="right", fontsize=12)
    for axis, y, x, names in (
        (label, 0.8, 4.9, ("$t = 0$", "$t = 1$")),
        (cost, 4.6, 3.4, ("$t = 1$", "$t = 0$")),
    ):
        for name, at, side in zip(names, (-x, x), ("left", "right"), strict=True):
            color = BLUE if "1" in name else ORANGE
            axis.text(at, y, name, color=color, ha=side)
    count.text(-0.9, 0.75, "$t = 0$", color=ORANGE)
    count.text(1.3, 0.27, "$t = 3$", color=BLUE)
    events.text(-0.9, 5.4, "$t = 3$", color=BLUE)
    events.text(-2.9, 0.6, "$t = 0$", color=ORANGE)
    at = math.log(3)
    lowest = 3 - 3 * at + math.log(6)
    events.plot(at, lowest, "o", color=BLUE, ms=5)
    events.plot([at, at], [0, lowest], color=BLUE, lw=0.8, ls=":")

# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Steps to the minimum: the absolute error walks and never arrives, Huber's loss does.

Claim: the gradient of the absolute error does not shrink, so that steps with a fixed learning rate
walk slowly from far away and jump back and forth at the end. That of the squared error shrinks in
proportion to the error. Huber's loss walks first, and then converges like the squared error.

One number is fitted to the target 0 by gradient descent, from 10.05 with lr = 0.1. Then one can
count the steps beforehand. With the squared error, gradient 2 e, each step leaves 0.8 of the error.
With the absolute error each takes off 0.1; after 100 it is 0.05, then -0.05, 0.05, ... for ever.
With huber(delta=1), 91 steps of 0.1 lead into |e| <= 1, from where each leaves 0.9.

Where the absolute error jumps to depends on the start: between r and 0.1 - r, if r is left after
the last whole step. The larger of the two is at least 0.05. And it is the fixed learning rate that
does this: with one that falls to 0, the absolute error arrives as well.

In the picture: left, from far away, the gradient of the squared error is large, and it is fast.
Right, on a logarithmic axis, straight lines mean that each step gains the same share: digits
without end. The absolute error stops at half a step.

Run it with

    python examples/steps_to_the_minimum.py

It takes two seconds, prints two tables and saves examples/output/steps_to_the_minimum.png.
"""

import math

import numpy as np
from _common import plt, print_table, run, save_figure

import tinygrad_loss as tl
from tinygrad_loss import optim

START, LEARNING_RATE, TOLERANCES = 10.05, 0.1, (1.0, 0.1, 1e-3, 1e-6)
OTHER_STARTS = 10 + 0.1 * np.random.default_rng(0).random(5)
LOSSES = {
    "squared error": tl.mean_squared_error,
    "absolute error": tl.mean_absolute_error,
    "Huber(1)": tl.huber,
}


def errors(loss, start=START, steps=300, falling=False):
    """The distance from the target before each step, and in the end."""
    w = tl.Tensor(start, requires_grad=True)
    optimizer = optim.GD([w], LEARNING_RATE)
    distances = [start]
    for step in range(steps):
        optimizer.zero_grad()
        if falling:
            optimizer.lr = optim.linear_decay(step, steps, LEARNING_RATE, 0.0)
        loss(w, 0.0).backward()
        optimizer.step()
        distances.append(abs(w.item()))
    return np.array(distances)


def first_within(distances, tolerance):
    inside = distances <= tolerance
    return int(inside.argmax()) if inside.any() else math.inf


def expected(tolerance):
    """The steps that each loss needs, by the rules above."""
    squared = math.ceil(math.log(tolerance / START) / math.log(0.8))
    absolute = math.ceil((START - tolerance) / LEARNING_RATE) if tolerance >= 0.05 else math.inf
    walk = 91  # from 10.05 to 0.95
    huber = walk + max(0, math.ceil(math.log(tolerance / 0.95) / math.log(0.9)))
    return dict(zip(LOSSES, (squared, absolute, huber), strict=True))


def main(quick=False):
    """Count the steps to each tolerance; return what was measured."""
    curves = {name: errors(loss) for name, loss in LOSSES.items()}
    counts = {name: [first_within(c, t) for t in TOLERANCES] for name, c in curves.items()}
    rows = []
    for i, tolerance in enumerate(TOLERANCES):
        by_hand = expected(tolerance)
        rows.append((f"{tolerance:g}", *(f"{counts[n][i]} ({by_hand[n]})" for n in LOSSES)))
    print("\nSteps with lr = 0.1 until the error is at most this, and by hand in brackets")
    print_table(("error", *LOSSES), rows)

    absolute = tl.mean_absolute_error
    ends = [errors(absolute, start)[-2:].max() for start in OTHER_STARTS]
    falling = [errors(absolute, start, falling=True)[-1] for start in OTHER_STARTS]
    print("The absolute error after 300 steps, from five starts between 10 and 10.1")
    print_table(
        ("lr", "error: median", "smallest", "largest"),
        [
            (name, np.median(found), min(found), max(found))
            for name, found in (("0.1", ends), ("falls from 0.1 to 0", falling))
        ],
    )
    draw(curves)
    return {
        "tolerances": TOLERANCES, "steps": counts, "errors": curves, "ends": ends,
        "falling": falling,
    }  # fmt: skip


def draw(curves):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    for distances in curves.values():
        left.plot(distances)
        right.semilogy(distances)
    left.set(xlabel="step", ylabel="error", xlim=(0, 150))
    left.set_title("Far away, a bounded gradient is slow")
    left.text(12, 1.2, "squared error")
    left.text(45, 6.2, "absolute error and Huber(1)")
    right.text(95, 1e-7, "squared error")
    right.text(190, 0.15, "absolute error")
    right.text(215, 1e-5, "Huber(1)")
    right.set(xlabel="step", ylabel="error", ylim=(1e-9, 30))
    right.set_title("The absolute error stops at half a step")
    save_figure(figure, "steps_to_the_minimum")


if __name__ == "__main__":
    run(main, __doc__)

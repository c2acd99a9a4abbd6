"""Steps to the minimum: the absolute error walks and never arrives, Huber's loss does.

Claim: the gradient of the absolute error does not shrink, so that steps of a fixed size walk slowly
from far away and jump back and forth at the end. That of the squared error shrinks in proportion to
the error. Huber's loss walks first, and then converges like the squared error.

One number is fitted to the target 0 by gradient descent, from 10.05 with the step 0.1. Then one can
count the steps beforehand. With the squared error, gradient 2 e, each step leaves 0.8 of the error.
With the absolute error each takes off 0.1; after 100 it is 0.05, then -0.05, 0.05, ... for ever.
With huber(delta=1), 91 steps of 0.1 lead into |e| <= 1, from where each leaves 0.9.

In the picture: the straight lines of the squared error and, in the end, of Huber's loss mean that
each step gains the same share: digits without end. The absolute error stops at half a step's size.

Run it with

    python examples/steps_to_the_minimum.py

It takes a second, prints a table and saves examples/output/steps_to_the_minimum.png.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure

from tinygrad_loss import Tensor, losses
from tinygrad_loss.optim import GD

START, LR, TOLERANCES = 10.05, 0.1, (1.0, 0.1, 1e-3, 1e-6)
LOSSES = {
    "squared": losses.mean_squared_error,
    "absolute": losses.mean_absolute_error,
    "Huber(1)": losses.huber,
}


def errors(loss, steps):
    """The distance from the target before each step."""
    w = Tensor(START, requires_grad=True)
    optimizer = GD([w], LR)
    distances = []
    for _ in range(steps):
        distances.append(abs(w.item()))
        optimizer.zero_grad()
        loss(w, 0.0).backward()
        optimizer.step()
    return np.array(distances)


def first_within(distances, tolerance):
    inside = distances <= tolerance
    return int(inside.argmax()) if inside.any() else math.inf


def expected(tolerance):
    """The steps that each loss needs, by the rules above."""
    squared = math.ceil(math.log(tolerance / START) / math.log(0.8))
    absolute = math.ceil((START - tolerance) / LR) if tolerance >= 0.05 else math.inf
    walk = 91  # from 10.05 to 0.95
    huber = walk + max(0, math.ceil(math.log(tolerance / 0.95) / math.log(0.9)))
    return {"squared": squared, "absolute": absolute, "Huber(1)": huber}


def main(quick=False):
    """Count the steps, print the table, save the picture, return the numbers."""
    curves = {name: errors(loss, steps=300) for name, loss in LOSSES.items()}
    counts = {name: [first_within(c, t) for t in TOLERANCES] for name, c in curves.items()}
    rows = []
    for i, tolerance in enumerate(TOLERANCES):
        by_hand = expected(tolerance)
        pairs = [(counts[name][i], by_hand[name]) for name in LOSSES]
        rows.append((f"{tolerance:g}", *(f"{found} ({rule})" for found, rule in pairs)))
    print(f"\nSteps of size {LR} until the error is at most this, and by hand in brackets")
    print_table(("error", *LOSSES), rows)

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    for name, distances in curves.items():
        left.plot(distances, label=name)
        right.semilogy(distances, label=name)
    left.set(xlabel="step", ylabel="error", xlim=(0, 150), title="From far away")
    right.set(xlabel="step", ylabel="error", ylim=(1e-9, 30), title="To the last digit")
    left.legend(loc="upper right")
    save_figure(figure, "steps_to_the_minimum")
    return {"tolerances": TOLERANCES, "steps": counts, "errors": curves}


if __name__ == "__main__":
    run(main, __doc__)

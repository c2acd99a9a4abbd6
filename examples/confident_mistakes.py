# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Confident mistakes: cross-entropy mends them, the squared error does not feel them.

Claim: the logarithm punishes confident mistakes. With p = sigmoid(z) and the true class y = 1, the
gradient of cross-entropy -log p against the logit z is p - 1: about -1 where the model is surely
wrong. That of the squared error (p - 1)^2 is 2 (p - 1) p (1 - p): the sigmoid is flat there, and
the model that most needs to learn gets the smallest gradient. (Books that define the squared error
with a factor 1/2 find half of it.)

Both losses then train a single logit that starts out surely wrong, at z = -10, by gradient descent
with lr = 0.5. How long it takes to p = 1/2 one can integrate. The path dz/dt = 1 - p takes
10 + 1 - e^-10 units of time, so 22 steps. dz/dt = 2 p (1 - p)^2 takes half of
e^10 + 29 + 3 (1 - e^-10) + (1 - e^-20) / 2, so 22,059 steps. It is a matter of time: the squared
error gets there, too.

Numbers to check by hand come first, so that one knows what the functions compute.

In the picture: left, the gradient of the squared error vanishes at both ends, that of cross-entropy
only where the model is right. Right, what becomes of the single logit.

Run it with

    python examples/confident_mistakes.py

It takes four seconds, prints three tables and saves examples/output/confident_mistakes.png.
"""

import math
from functools import partial

import numpy as np
from _common import plt, print_table, run, save_figure
from sklearn.metrics import log_loss
from tqdm import tqdm

import tinygrad_loss as tl
from tinygrad_loss import optim

LEARNING_RATE = 0.5


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def by_hand():
    """Losses and slopes of a few numbers: name, what the engine finds, and a reference."""
    predictions, targets = np.array([2.5, 0, 2, 8]), np.array([3, -0.5, 2, 7])
    mean = np.full(4, targets.mean())  # a bad model: it predicts the same for all
    tenfold = 10 * predictions, 10 * targets
    p, y = [0.1, 0.2, 0.7], [0.0, 0.0, 1.0]
    one_sample = partial(tl.cross_entropy_from_probs, [p], [y])
    slope_of_yes = tl.grad(lambda p: tl.binary_cross_entropy(p, 1.0))
    slope_of_no = tl.grad(lambda p: tl.binary_cross_entropy(p, 0.0))
    return [
        ("sum of squares", tl.sum_squared_error(predictions, targets), 1.5),
        ("the mean for all: sum of errors", np.sum(mean - targets), 0.0),
        ("the mean for all: MSE", tl.mean_squared_error(mean, targets), np.var(targets)),
        ("numbers ten times as large: MAE", tl.mean_absolute_error(*tenfold), 10 * 0.5),
        ("numbers ten times as large: MSE", tl.mean_squared_error(*tenfold), 100 * 0.375),
        ("cross-entropy, nats", one_sample(), -math.log(0.7)),
        ("cross-entropy, bits", one_sample(base=2), -math.log2(0.7)),
        ("three yes or no", tl.binary_cross_entropy(p, y), log_loss(y, p)),
        ("slope at p = .3, y = 1", slope_of_yes(0.3), -1 / 0.3),
        ("slope at p = .3, y = 0", slope_of_no(0.3), 1 / 0.7),
        ("slope of log2 at .3", tl.grad(tl.log2)(0.3), 1 / (0.3 * math.log(2))),
    ]


def cross_entropy(z):
    return tl.binary_cross_entropy_with_logits(z, np.ones(z.shape), reduction="sum")


def squared_error(z):
    return tl.sum_squared_error(tl.sigmoid(z), np.ones(z.shape))


LOSSES = {"cross-entropy": cross_entropy, "squared error": squared_error}


def way_out(loss, start, name):
    """The probability of the true class before each step, until it is above 0.99."""
    z = tl.Tensor(start, requires_grad=True)
    optimizer = optim.GD([z], LEARNING_RATE)
    probabilities = [sigmoid(start)]
    with tqdm(desc=name, unit="step") as progress:
        while probabilities[-1] < 0.99:
            optimizer.zero_grad()
            loss(z).backward()
            optimizer.step()
            probabilities.append(sigmoid(z.item()))
            progress.update()
    return np.array(probabilities)


def expected_steps(start):
    """The steps to p = 1/2, by the integrals above."""
    s = math.exp(start)
    times = {
        "cross-entropy": -start + 1 - s,
        "squared error": (1 / s - 1 - 3 * start + 3 * (1 - s) + (1 - s**2) / 2) / 2,
    }
    return {name: round(time / LEARNING_RATE) for name, time in times.items()}


def main(quick=False):
    """Check numbers by hand, compute the gradients, train both; return what was measured."""
    hand = [(name, float(found), float(reference)) for name, found, reference in by_hand()]
    print("\nBy hand")
    print_table(("", "measured", "reference"), [(n, f"{x:.8f}", f"{r:.8f}") for n, x, r in hand])

    logits = np.array([-10.0, -5, 0, 5, 10])
    gradients = {name: tl.grad(loss)(logits) for name, loss in LOSSES.items()}
    print("The gradient against the logit z, where the true class is y = 1")
    print_table(
        ("z", "p", *LOSSES, "half of it"),
        [
            (f"{z:g}", sigmoid(z), c, s, s / 2)
            for z, c, s in zip(logits, *gradients.values(), strict=True)
        ],
    )
    print("reference at z = -10: -0.99995, and -4.5e-5 with the factor 1/2\n")

    start = -5.0 if quick else -10.0
    paths = {name: way_out(loss, start, name) for name, loss in LOSSES.items()}
    learned = {name: int((p > 0.5).argmax()) for name, p in paths.items()}
    expected = expected_steps(start)
    print(f"\nSteps from z = {start:g} until p > 1/2")
    print_table(("loss", "measured", "integral"), [(n, learned[n], expected[n]) for n in LOSSES])
    draw(paths, learned, start)
    return {
        "by_hand": {name: (found, reference) for name, found, reference in hand},
        "logits": logits, "gradients": gradients, "steps": learned, "expected": expected,
    }  # fmt: skip


def draw(paths, learned, start):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    z = np.linspace(-10, 10, 401)
    for name, loss in LOSSES.items():
        left.plot(z, tl.grad(loss)(z))
        right.semilogx(np.arange(1, len(paths[name]) + 1), paths[name])
    left.text(0.8, -0.6, "cross-entropy")
    left.text(-9.5, -0.14, "squared error")
    left.set(xlabel="logit z of the true class", ylabel="gradient")
    left.set_title("The squared error is flat where it is wrong")
    fast, slow = learned.values()
    right.text(2 * fast, 0.7, "cross-entropy")
    right.text(0.7 * slow, 0.3, "squared error", ha="right")
    right.set(xlabel="step", ylabel="probability of the true class")
    right.set_title(f"From z = {start:g} in {fast} steps, or in {slow:,}")
    save_figure(figure, "confident_mistakes")


if __name__ == "__main__":
    run(main, __doc__)

"""Confident mistakes: cross-entropy mends them, the squared error does not feel them.

Claim: the logarithm punishes confident mistakes. With p = sigmoid(z) and the true class y = 1, the
gradient of cross-entropy -log p against the logit z is p - 1: about -1 where the model is surely
wrong. That of the squared error (p - 1)^2 is 2 (p - 1) p (1 - p): the sigmoid is flat there, and
the model that most needs to learn gets the smallest gradient. (Books that define the squared error
with a factor 1/2 find half of it.)

Both losses then train a single weight that starts out surely wrong, at z = -10. The squared error
stays where it is: to leave the plateau by gradient descent with the step 0.5 takes about
e^10 / (2 * 0.5) = 22,000 steps.

Two losses by hand come first, so that one knows what the functions compute.

In the picture: left, the gradient of the squared error vanishes at both ends, that of cross-entropy
only where the model is right. Right, what becomes of the single weight.

Run it with

    python examples/confident_mistakes.py

It takes four seconds, prints two tables and saves examples/output/confident_mistakes.png.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from tqdm import trange

from tinygrad_loss import Tensor, losses, sigmoid
from tinygrad_loss.optim import GD


def cross_entropy(z):
    return losses.binary_cross_entropy_with_logits(z, np.ones(z.shape), reduction="sum")


def squared_error(z):
    return losses.sum_squared_error(sigmoid(z), np.ones(z.shape))


def by_hand():
    sse = losses.sum_squared_error([3, -0.5, 2, 7], [2.5, 0, 2, 8])
    probs, target = np.array([[0.1, 0.2, 0.7]]), np.array([[0.0, 0.0, 1.0]])
    nats = losses.cross_entropy_from_probs(probs, target)
    bits = losses.cross_entropy_from_probs(probs, target, base=2)
    print("\nBy hand")
    print_table(
        ("loss", "measured", "reference"),
        [
            ("squared errors .5, -.5, 0, -1, summed", float(sse), "1.5"),
            ("cross-entropy at p = 0.7, -ln 0.7", float(nats), "0.35667 nats"),
            ("cross-entropy at p = 0.7, -log2 0.7", float(bits), "0.51457 bits"),
        ],
    )
    return {"sse": float(sse), "nats": float(nats), "bits": float(bits)}


def gradient(loss, z):
    z = Tensor(z, requires_grad=True)
    loss(z).backward()
    return z.grad


def learn(loss, steps, lr=0.5):
    """The probability of the true class, before each step, from z = -10."""
    z = Tensor(-10.0, requires_grad=True)
    optimizer = GD([z], lr)
    probabilities = []
    for _ in trange(steps, desc=loss.__name__, unit="step"):
        probabilities.append(float(sigmoid(z.data)))
        optimizer.zero_grad()
        loss(z).backward()
        optimizer.step()
    return np.array(probabilities)


def main(quick=False):
    """Compute the gradients, train both, print the tables, save the picture, return the numbers."""
    numbers = by_hand()
    logits = np.array([-10.0, -5, 0, 5, 10])
    slopes = {loss.__name__: gradient(loss, logits) for loss in (cross_entropy, squared_error)}
    print("The gradient against the logit z, where the true class is y = 1")
    print_table(
        ("z", "p", "cross-entropy", "squared", "squared / 2"),
        [
            (f"{z:g}", float(sigmoid(z)), c, s, s / 2)
            for z, c, s in zip(logits, *slopes.values(), strict=True)
        ],
    )
    print("reference at z = -10: -0.99995, and -4.5e-5 with the factor 1/2\n")

    steps = 2_000 if quick else 40_000
    paths = {loss.__name__: learn(loss, steps) for loss in (cross_entropy, squared_error)}
    learned = {
        name: int((p > 0.5).argmax()) if p[-1] > 0.5 else math.inf for name, p in paths.items()
    }
    print("\nSteps until p > 1/2:", ", ".join(f"{name} {n}" for name, n in learned.items()))
    draw(paths)
    return {**numbers, "logits": logits, "gradients": slopes, "steps": learned}


def draw(paths):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    z = np.linspace(-10, 10, 401)
    for loss, label in ((cross_entropy, "cross-entropy"), (squared_error, "squared error")):
        left.plot(z, gradient(loss, z), label=label)
        p = paths[loss.__name__]
        right.semilogx(np.arange(1, len(p) + 1), p, label=label)
    left.set(xlabel="logit z (y = 1)", ylabel="gradient", title="The gradient of one sample")
    left.legend(loc="lower right")
    right.set(xlabel="step", ylabel="p of the true class", title="From z = -10, lr 0.5")
    save_figure(figure, "confident_mistakes")


if __name__ == "__main__":
    run(main, __doc__)

"""Two mistakes that raise no error elsewhere: softmax twice, and shape (N,) against (N, 1).

1. ``cross_entropy`` contains the softmax. Given probabilities instead of logits, it takes the
   softmax of numbers between 0 and 1: the largest share that a class can get is e / (e + 9), of
   ten, so the loss never falls below log(1 + 9/e) = 1.461. The net learns all the same, but not all
   digits, for the second softmax flattens the gradient, and nobody is told. This library warns.
2. Predictions of shape (N, 1) less targets of shape (N,) broadcast to (N, N): every prediction is
   compared with every target. The best that can be done then is to predict the mean: the
   coefficients go to 0, R2 = 0, and the loss stops at the variance of the targets. This library
   refuses, and says what to do. (What happens elsewhere is shown by a loss written by hand.)

In the picture: left, the loss with softmax twice hangs above its floor: one of the digits is never
named, and no longer learned. Right, predictions against targets: scattered about the diagonal, or,
if broadcast, all the same.

Run it with

    python examples/silent_mistakes.py

It takes five seconds, prints a table, and saves examples/output/silent_mistakes.png.
"""

import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression
from tqdm import tqdm

from tinygrad_loss import Tensor, softmax
from tinygrad_loss.losses import cross_entropy, mean_squared_error
from tinygrad_loss.nn import MLP
from tinygrad_loss.optim import GD, Adam

FLOOR = math.log(1 + 9 / math.e)


def train_digits(last, steps):
    """The loss at each step; at the end, the share of right answers and the digits never named."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    net = MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(0))
    optimizer = Adam(net.parameters(), lr=0.01)
    curve = []
    for _ in tqdm(range(steps), desc=f"digits, {last.__name__} before the loss"):
        optimizer.zero_grad()
        loss = cross_entropy(last(net(X)), y)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    named = net(X).data.argmax(axis=1)
    return curve, float(np.mean(named == y)), 10 - len(set(named))


def logits(x):
    return x


def softmax_of_logits(x):
    return softmax(x)


def fit_diabetes(loss, X, y, steps):
    """Linear regression by gradient descent: coefficients, last loss, predictions."""
    w = Tensor(np.zeros((X.shape[1], 1)), requires_grad=True)
    b = Tensor(np.zeros(1), requires_grad=True)
    optimizer = GD([w, b], lr=0.2)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(X @ w + b, y)
        value.backward()
        optimizer.step()
    return float(np.abs(w.data).max()), value.item(), (X @ w + b).data[:, 0]


def by_broadcasting(pred, target):
    """What a library without a check computes."""
    return ((pred - target) ** 2).mean()


def r2(predicted, y):
    return float(1 - np.square(y - predicted).sum() / np.square(y - y.mean()).sum())


def main(quick=False):
    """Make both mistakes, print what the library says, draw, return the numbers."""
    steps = 100 if quick else 500
    once, *end_once = train_digits(logits, steps)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        twice, *end_twice = train_digits(softmax_of_logits, steps)
    print(f"\nThe library warns: {caught[0].message}\n")
    print("Digits: the loss after training, and the share of training images that is right")
    rows = [("cross_entropy(logits, y)", once[-1], 0.0, *end_once)]
    rows += [("cross_entropy(softmax(logits), y)", twice[-1], FLOOR, *end_twice)]
    print_table(("", "loss", "can fall to", "right", "digits never named"), rows)

    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    try:
        mean_squared_error(Tensor(np.zeros((442, 1))), y)
    except ValueError as error:
        message = str(error)
    print(f"The library refuses: {message}\n")
    good = fit_diabetes(mean_squared_error, X, y.reshape(-1, 1), 10 * steps)
    bad = fit_diabetes(by_broadcasting, X, y, steps)
    least_squares = LinearRegression().fit(X, y).predict(X)
    print("Diabetes: linear regression by gradient descent")
    rows = [("(N, 1) and (N, 1)", good[1], np.mean((y - least_squares) ** 2), r2(good[2], y))]
    rows += [("(N, 1) and (N,), broadcast", bad[1], np.var(y), r2(bad[2], y))]
    print_table(("shapes", "loss", "reference: least squares, Var(y)", "R2"), rows)

    draw(once, twice, y, good[2], bad[2])
    return {
        "once": once[-1], "twice": twice[-1], "warnings": [str(w.message) for w in caught],
        "message": message, "loss": (good[1], bad[1]), "r2": (r2(good[2], y), r2(bad[2], y)),
        "largest_coefficient": bad[0], "right": (end_once[0], end_twice[0]),
    }  # fmt: skip


def draw(once, twice, y, good, bad):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    left.plot(once, label="logits")
    left.plot(twice, label="softmax(logits)")
    left.axhline(FLOOR, color="0.6", linewidth=1, linestyle="-")
    left.text(len(once), FLOOR - 0.13, "log(1 + 9/e) = 1.461", ha="right", fontsize=8)
    left.set(xlabel="step", ylabel="what cross_entropy returns", ylim=(0, None))
    left.set_title("Softmax twice: 10 digits")
    left.legend(loc="upper right", bbox_to_anchor=(1, 0.9))
    right.plot(y, good, ".", markersize=3, label="(N, 1) and (N, 1)")
    right.plot(y, bad, "x", markersize=3, color="tab:orange", label="(N, 1) and (N,)")
    right.plot([25, 346], [25, 346], color="0.6", linewidth=1, linestyle="-")
    right.set(xlabel="target", ylabel="prediction", ylim=(0, 420))
    right.set_title("Broadcasting: diabetes")
    right.legend(loc="upper left", markerscale=2)
    save_figure(figure, "silent_mistakes")


if __name__ == "__main__":
    run(main, __doc__)

# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Two mistakes that raise no error elsewhere: softmax twice, and shape (N,) against (N, 1).

1. ``cross_entropy`` contains the softmax. Given probabilities instead of logits, it takes the
   softmax of numbers between 0 and 1: the largest share that a class can get is e / (e + 9), of
   ten, so the loss never falls below log(1 + 9/e) = 1.461. The net learns all the same, so that
   nobody is told. In 4 of 8 seeds it ends near the floor, and reads nearly all images; in the
   others it never names one of the ten digits, for the second softmax flattens the gradient.
   (Which seeds these are may depend on the machine.) This library warns.
2. Predictions of shape (N, 1) less targets of shape (N,) broadcast to (N, N): every prediction is
   compared with every target. The best that can be done then is to predict the mean: the
   coefficients go to 0, R2 = 0, and the loss stops at the variance of the targets. This library
   refuses, and says what to do. (What happens elsewhere is shown by a loss written by hand.)

In the picture: left, the loss of eight runs, with softmax twice and with logits. Right, predictions
against targets: scattered about the diagonal, or, if broadcast, all the same.

Run it with

    python examples/silent_mistakes.py

It takes ten seconds, prints two tables, and saves examples/output/silent_mistakes.png.
"""

import math
import warnings

import numpy as np
from _common import diabetes, plt, print_table, run, save_figure
from sklearn.datasets import load_digits
from sklearn.linear_model import LinearRegression
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import nn, optim

FLOOR = math.log(1 + 9 / math.e)


def train_digits(last, seed, steps):
    """The loss at each step, the share of images read rightly, the digits never named."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    net = nn.MLP([64, 64, 10], activation="relu", rng=np.random.default_rng(seed))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    curve = []
    for _ in trange(steps, desc=f"seed {seed}, {last.__name__}", unit="step"):
        optimizer.zero_grad()
        loss = tl.cross_entropy(last(net(X)), y)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    with tl.no_grad():
        named = net(X).data.argmax(axis=1)
    return {"curve": curve, "right": np.mean(named == y), "lost": 10 - len(set(named))}


def logits(x):
    return x


def fit_diabetes(loss, X, y, steps):
    """Linear regression by gradient descent: coefficients, last loss, predictions."""
    w = tl.Tensor(np.zeros((X.shape[1], 1)), requires_grad=True)
    b = tl.Tensor(np.zeros(1), requires_grad=True)
    optimizer = optim.GD([w, b], lr=0.2)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(X @ w + b, y)
        value.backward()
        optimizer.step()
    return np.abs(w.data).max(), value.item(), (X @ w + b).data[:, 0]


def by_broadcasting(pred, target):
    """What a library without a check computes."""
    return ((pred - target) ** 2).mean()


def r2(predicted, y):
    return 1 - np.square(y - predicted).sum() / np.square(y - y.mean()).sum()


def ranges(runs):
    """The last loss and the share of images read rightly, smallest and largest."""
    for values in ([r["curve"][-1] for r in runs], [r["right"] for r in runs]):
        yield f"{min(values):.3f} to {max(values):.3f}" if values else ""


def softmax_twice(quick):
    """Train on the digits with and without the mistake; what the library says."""
    seeds, steps = (range(2), 40) if quick else (range(8), 100)
    once = [train_digits(logits, seed, steps) for seed in seeds]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        twice = [train_digits(tl.softmax, seed, steps) for seed in seeds]
    print(f"\nThe library warns: {caught[0].message}\n")
    print(f"Digits, {len(seeds)} seeds, {steps} steps: smallest to largest")
    groups = {
        "cross_entropy(logits)": once,
        "cross_entropy(softmax(logits))": twice,
        "  that names all ten digits": [r for r in twice if r["lost"] == 0],
        "  that never names one": [r for r in twice if r["lost"] > 0],
    }
    print_table(
        ("", "runs", "loss", "images read rightly"),
        [(name, str(len(runs)), *ranges(runs)) for name, runs in groups.items()],
    )
    print(f"With softmax twice, the loss can fall to log(1 + 9/e) = {FLOOR:.3f}\n")
    return once, twice, [str(w.message) for w in caught]


def main(quick=False):
    """Make both mistakes; return what was measured, and what the library said."""
    once, twice, said = softmax_twice(quick)

    X, y = diabetes()
    try:
        tl.mean_squared_error(tl.Tensor(np.zeros((442, 1))), y)
    except ValueError as error:
        refused = str(error)
    print(f"The library refuses: {refused}\n")
    good = fit_diabetes(tl.mean_squared_error, X, y.reshape(-1, 1), steps=500 if quick else 5000)
    bad = fit_diabetes(by_broadcasting, X, y, steps=50 if quick else 500)
    least_squares = LinearRegression().fit(X, y).predict(X)
    print("Diabetes: linear regression by gradient descent")
    rows = [("(N, 1) and (N, 1)", good[1], np.mean((y - least_squares) ** 2), r2(good[2], y))]
    rows += [("(N, 1) and (N,), broadcast", bad[1], np.var(y), r2(bad[2], y))]
    print_table(("shapes", "loss", "reference: least squares, Var(y)", "R2"), rows)

    draw(once, twice, y, good[2], bad[2])
    return {
        "once": once, "twice": twice, "warnings": said, "refused": refused,
        "loss": (good[1], bad[1]), "r2": (r2(good[2], y), r2(bad[2], y)),
        "largest_coefficient": bad[0],
    }  # fmt: skip


def draw(once, twice, y, good, bad):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    for runs, style in ((once, {"color": "black"}), (twice, {"color": "tab:blue"})):
        for r in runs:
            left.plot(r["curve"], "-", linewidth=1, **style)
    steps = len(once[0]["curve"])
    lost = f"softmax(logits): {sum(r['lost'] > 0 for r in twice)} of {len(twice)} lose a digit"
    left.text(0.98 * steps, 0.2, "logits", ha="right")
    left.text(0.98 * steps, 2, lost, ha="right", color="tab:blue")
    left.axhline(FLOOR, color="tab:orange", linewidth=1, linestyle="--")
    left.text(0.98 * steps, FLOOR - 0.13, "log(1 + 9/e) = 1.461", ha="right")
    left.set(xlabel="step", ylabel="loss", ylim=(0, 2.6))
    left.set_title("With softmax twice the loss stays above 1.461")
    right.plot(y, good, ".", markersize=3, label="(N, 1) and (N, 1)")
    right.plot(y, bad, "x", markersize=3, color="tab:orange", label="(N, 1) and (N,)")
    right.set(xlabel="target", ylabel="prediction", ylim=(0, 420))
    right.set_title("Broadcast, every prediction is the mean")
    right.legend(loc="upper left", markerscale=2)
    save_figure(figure, "silent_mistakes")


if __name__ == "__main__":
    run(main, __doc__)

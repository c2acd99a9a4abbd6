# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Weight decay is L2 regularization under plain gradient descent, and something else under Adam.

Claim 1: with l2(w, strength) in the loss, the update is w - lr (dL/dw + 2 strength w), which
shrinks w by the factor 1 - 2 lr strength at every step: "weight decay". Under SGD the two are the
same algorithm, with weight_decay = 2 strength (PyTorch's convention, and ours).

Claim 2: under Adam they differ. It divides the gradient, and with it that of the penalty, by the
gradient's usual size, but not the decay (Loshchilov and Hutter 2019, "Decoupled Weight Decay
Regularization"). It comes to rest where the decay of a weight balances a step of at most lr, so
that no weight stays beyond 1 / weight_decay; what it minimizes is the loss within these bounds (Xie
and Li 2024, "Implicit Bias of AdamW"). How far that is from L2 depends on the bounds beside the
weights: here they are -10 and 10, and the largest weight of ridge regression is 24.

Linear regression on scikit-learn's diabetes data, standardized. L2 has a closed form, ridge
regression; for least squares within bounds, SciPy's lsq_linear is the reference. All is exact: no
number depends on a seed.

In the picture: left, the distance from ridge regression; SGD's two runs are one line. Right, the
weights after the last step. Beside those of ridge regression, Adam with decay has held the large
ones at the bounds, and made small ones larger.

Run it with

    python examples/weight_decay.py

It takes a few seconds, prints a table and saves examples/output/weight_decay.png.
"""

import numpy as np
from _common import diabetes, plt, print_table, run, save_figure
from scipy.optimize import lsq_linear
from sklearn.datasets import load_diabetes
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import optim

STRENGTH, STEPS = 0.05, 2000
DECAY = 2 * STRENGTH
RATES = {"SGD": 0.2, "Adam": 1.0}


def train(name, in_loss, steps=STEPS):
    """The weights after each step, with L2 in the loss or with weight decay."""
    X, y = diabetes(centered=True)
    w = tl.Tensor(np.zeros(10), requires_grad=True)
    decay = 0.0 if in_loss else DECAY
    optimizer = getattr(optim, name)([w], RATES[name], weight_decay=decay)
    path = []
    for step in trange(steps, desc=f"{name}, {'L2' if in_loss else 'decay'}", unit="step"):
        optimizer.zero_grad()
        optimizer.lr = optim.linear_decay(step, steps, start=RATES[name], end=0.0)
        loss = tl.mean_squared_error(X @ w, y)
        if in_loss:
            loss = loss + tl.l2(w, STRENGTH)
        loss.backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


def by_hand():
    """SGD's update in NumPy: w - lr (dL/dw + 2 strength w)."""
    X, y = diabetes(centered=True)
    w, path = np.zeros(10), []
    for step in range(STEPS):
        lr = optim.linear_decay(step, STEPS, start=RATES["SGD"], end=0.0)
        gradient = 2 / len(y) * X.T @ (X @ w - y)
        w = w - lr * (gradient + 2 * STRENGTH * w)
        path.append(w)
    return np.array(path)


def apart(path, other):
    """The distance of the weights after each step, relative to their size."""
    return np.linalg.norm(path - other, axis=-1) / np.linalg.norm(other, axis=-1)


def main(quick=False):
    """Check both claims; return what was measured."""
    X, y = diabetes(centered=True)
    ridge = np.linalg.solve(X.T @ X + len(y) * STRENGTH * np.eye(10), X.T @ y)
    bounded = lsq_linear(X, y, (-1 / DECAY, 1 / DECAY), tol=1e-12).x
    with_l2 = {name: train(name, in_loss=True) for name in RATES}
    with_decay = {name: train(name, in_loss=False) for name in RATES}
    longer = 500 if quick else 20_000  # when quick, it is shorter
    long_run = train("Adam", in_loss=False, steps=longer)
    rows = {
        "SGD, L2 against decay": apart(with_l2["SGD"], with_decay["SGD"]).max(),
        "SGD, L2 against by hand": apart(with_l2["SGD"], by_hand()).max(),
        "Adam, L2 against decay": apart(with_l2["Adam"], with_decay["Adam"])[-1],
        "SGD, L2 or decay, against ridge": apart(with_decay["SGD"], ridge)[-1],
        "Adam, L2, against ridge": apart(with_l2["Adam"], ridge)[-1],
        "Adam, decay, against ridge": apart(with_decay["Adam"], ridge)[-1],
        "Adam, decay, against bounded": apart(with_decay["Adam"], bounded)[-1],
        f"the same after {longer:,} steps": apart(long_run, bounded)[-1],
    }
    expected = ("0", "0", "not 0", "0", "0", "not 0", "0 in the limit", "0 in the limit")
    print(f"\nRelative differences of the weights after {STEPS:,} steps (SGD's two: the largest in")
    print("all steps). Bounded: least squares with all weights from -10 to 10.")
    print_table(
        ("", "measured", "expected"),
        [(name, float(d), e) for (name, d), e in zip(rows.items(), expected, strict=True)],
    )
    draw(with_l2, with_decay, ridge)
    return {name: float(d) for name, d in rows.items()} | {"largest weight of ridge": ridge.max()}


def draw(with_l2, with_decay, ridge):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4), width_ratios=(1.2, 1))
    runs = {
        "SGD, L2": with_l2["SGD"],
        "SGD, decay": with_decay["SGD"],
        "Adam, L2": with_l2["Adam"],
        "Adam, decay": with_decay["Adam"],
    }
    for name, path in runs.items():
        left.semilogy(apart(path, ridge), label=name)
    left.set(xlabel="step", ylabel="relative distance from ridge regression")
    left.set_title("Three runs of four end at ridge regression")
    left.legend(loc="lower left")

    rows = np.arange(10)
    right.plot(ridge, rows, "o", fillstyle="none", markersize=9, label="ridge regression")
    for name, marker, color in (("Adam, L2", ".", "black"), ("Adam, decay", "x", "tab:blue")):
        right.plot(runs[name][-1], rows, marker, color=color, label=name)
    for sign in (-1, 1):
        right.axvline(sign / DECAY, color="0.6", linestyle="--", linewidth=0.8, zorder=0)
        right.text(sign / DECAY, -1, f" {sign} / decay", va="center", fontsize=8)
    right.set(xlabel="weight", ylabel="feature", xlim=(-13, 27), ylim=(9.6, -1.4))
    right.set_title("Adam's decay bounds the weights")
    right.set_yticks(rows, load_diabetes().feature_names)
    below = {"loc": "upper center", "bbox_to_anchor": (0.45, -0.16), "ncols": 3, "fontsize": 8}
    right.legend(**below, handlelength=1, columnspacing=1)
    save_figure(figure, "weight_decay")


if __name__ == "__main__":
    run(main, __doc__)

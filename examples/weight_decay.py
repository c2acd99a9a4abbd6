"""Weight decay is L2 regularization under plain gradient descent, and something else under Adam.

Claim: with l2(w, strength) in the loss, the update is w - lr (dL/dw + 2 strength w), which shrinks
w by the factor 1 - 2 lr strength at every step: "weight decay". Under SGD the two are the same
algorithm, with weight_decay = 2 strength (PyTorch's convention, and ours). Adam divides the
gradient, and with it that of the penalty, by the gradient's usual size, but not the decay
(Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization").

Linear regression on scikit-learn's diabetes data, standardized. SGD is also written out by hand.
Three of the runs end at ridge regression, the minimum of mse + l2(w, strength), which has a closed
form. Adam with weight decay does not: where it rests, the decay equals a step of at most lr, so
that no weight exceeds 1 / weight_decay = 10 (Xie and Li 2024, "Implicit Bias of AdamW").

In the picture: left, the distance from ridge regression; SGD's two runs are one line. Right, the
weights in the end: Adam with decay has held the large ones below 10, and let small ones grow.

Run it with

    python examples/weight_decay.py

It takes two seconds, prints a table and saves examples/output/weight_decay.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_diabetes
from tqdm import trange

from tinygrad_loss import Tensor, l2, losses
from tinygrad_loss.optim import SGD, Adam, linear_decay

STRENGTH, STEPS = 0.05, 2000
OPTIMIZERS = {"SGD": (SGD, 0.2), "Adam": (Adam, 1.0)}  # and the learning rate


def data():
    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()


def train(name, in_loss):
    """The weights after each step, with L2 in the loss or with weight decay."""
    X, y = data()
    w = Tensor(np.zeros(10), requires_grad=True)
    kind, lr = OPTIMIZERS[name]
    optimizer = kind([w], lr, weight_decay=0.0 if in_loss else 2 * STRENGTH)
    path = []
    for step in trange(STEPS, desc=f"{name}, {'L2' if in_loss else 'decay'}", unit="step"):
        optimizer.lr = linear_decay(step, STEPS, start=lr, end=0.0)
        loss = losses.mean_squared_error(X @ w, y)
        if in_loss:
            loss = loss + l2(w, STRENGTH)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


def by_hand():
    """SGD's update in NumPy: w - lr (dL/dw + 2 strength w)."""
    X, y = data()
    w, path = np.zeros(10), []
    for step in range(STEPS):
        lr = linear_decay(step, STEPS, start=OPTIMIZERS["SGD"][1], end=0.0)
        gradient = 2 / len(y) * X.T @ (X @ w - y)
        w = w - lr * (gradient + 2 * STRENGTH * w)
        path.append(w)
    return np.array(path)


def apart(path, other):
    """The distance of the weights after each step, relative to their size."""
    return np.linalg.norm(path - other, axis=-1) / np.linalg.norm(other, axis=-1)


def main(quick=False):
    """Run all pairs, print the table, save the picture, return the numbers."""
    X, y = data()
    ridge = np.linalg.solve(X.T @ X + len(y) * STRENGTH * np.eye(10), X.T @ y)
    with_l2 = {name: train(name, in_loss=True) for name in OPTIMIZERS}
    with_decay = {name: train(name, in_loss=False) for name in OPTIMIZERS}
    rows = {
        "SGD, L2 against decay": apart(with_l2["SGD"], with_decay["SGD"]).max(),
        "SGD, L2 against by hand": apart(with_l2["SGD"], by_hand()).max(),
        "Adam, L2 against decay": apart(with_l2["Adam"], with_decay["Adam"])[-1],
        "SGD, L2 or decay, against ridge": apart(with_decay["SGD"], ridge)[-1],
        "Adam, L2, against ridge": apart(with_l2["Adam"], ridge)[-1],
        "Adam, decay, against ridge": apart(with_decay["Adam"], ridge)[-1],
        "Adam, decay, largest weight": abs(with_decay["Adam"][-1]).max(),
    }
    expected = ("0", "0", "not 0", "0", "0", "not 0", "< 10")
    print("\nRelative differences of the weights (SGD's two: the largest in all steps)")
    print_table(
        ("", "measured", "expected"),
        [(name, float(d), e) for (name, d), e in zip(rows.items(), expected, strict=True)],
    )
    draw(with_l2, with_decay, ridge)
    return {name: float(d) for name, d in rows.items()}


def draw(with_l2, with_decay, ridge):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=(1.3, 1))
    runs = {
        "SGD, L2": with_l2["SGD"],
        "SGD, decay": with_decay["SGD"],
        "Adam, L2": with_l2["Adam"],
        "Adam, decay": with_decay["Adam"],
    }
    for name, path in runs.items():
        left.semilogy(apart(path, ridge), label=name)
    left.set(xlabel="step", ylabel="relative distance", title="Distance from ridge regression")
    left.legend(loc="lower left")

    rows = np.arange(10)
    right.plot(ridge, rows, "o", color="black", fillstyle="none", markersize=9, label="ridge")
    for name, marker in (("Adam, L2", "."), ("Adam, decay", "x")):
        right.plot(runs[name][-1], rows, marker, label=name)
    for bound in (-10, 10):
        right.axvline(bound, color="0.8", linestyle="-", linewidth=0.8, zorder=0)
    right.set(xlabel="weight", ylabel="feature", title="In the end")
    right.set_yticks(rows, load_diabetes().feature_names)
    right.invert_yaxis()
    right.legend(loc="lower left", frameon=True, handlelength=1, fontsize=8)
    save_figure(figure, "weight_decay")


if __name__ == "__main__":
    run(main, __doc__)

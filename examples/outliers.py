"""Outliers pull the squared error, and hardly move the absolute error or Huber's loss.

Claim: the gradient of the squared error, 2 e, grows with the error e. Those of the absolute error
and of Huber's loss are bounded, so that no single sample can pull harder than others (Huber
1964, "Robust Estimation of a Location Parameter").

1. The best *constant* prediction of 1, 2, 3, 4 and 100 shows what a loss asks for: the squared
   error the mean, the absolute error the median, pinball(0.9) the value below which 90 % lie.
2. Linear regression on scikit-learn's diabetes data, standardized. 1000 is added to every tenth
   target, as a misplaced decimal point would do. How far do the coefficients move from those of
   least squares on the clean data? Huber's delta is 1.35 times the noise's standard deviation, as
   estimated by scikit-learn's HuberRegressor.

In the picture: left, where the best constant lies. Right, the coefficients of least squares on the
clean data (rings), and of each loss on the spoiled data: those of Huber's loss hardly move, those
of the squared error fly off.

Run it with

    python examples/outliers.py

It takes four seconds, prints two tables and saves examples/output/outliers.png.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_diabetes
from tqdm import tqdm

from tinygrad_loss import Tensor, losses
from tinygrad_loss.optim import Adam, linear_decay

VALUES = np.array([1.0, 2, 3, 4, 100])
# name: loss, best constant
CONSTANTS = {
    "squared": (losses.mean_squared_error, 22.0),
    "log-cosh": (losses.log_cosh, 3.0188),
    "Huber(1)": (losses.huber, 3.0),
    "absolute": (losses.mean_absolute_error, 3.0),
    "pinball(0.9)": (partial(losses.pinball, quantile=0.9), 100.0),
}
# name: loss, distance from the coefficients of the clean data, with scikit-learn 1.9
REGRESSIONS = {
    "squared": (losses.mean_squared_error, 215.26),  # LinearRegression
    "Huber": (partial(losses.huber, delta=58.2248), 15.70),  # HuberRegressor
    "absolute": (losses.mean_absolute_error, 15.58),  # QuantileRegressor
}


def best_constant(loss, steps):
    c = Tensor(0.0, requires_grad=True)
    minimize(lambda: loss(c * np.ones(len(VALUES)), VALUES), [c], lr=1.0, steps=steps)
    return c.item()


def coefficients(loss, X, y, steps):
    w = Tensor(np.zeros(X.shape[1]), requires_grad=True)
    b = Tensor(0.0, requires_grad=True)
    minimize(lambda: loss(X @ w + b, y), [w, b], lr=2.0, steps=steps)
    return w.data


def minimize(loss, params, lr, steps):
    """Take ever smaller steps: at a kink steps of one size would jump back and forth forever."""
    optimizer = Adam(params, lr)
    for step in range(steps):
        optimizer.lr = linear_decay(step, steps, start=lr, end=0.0)
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


def main(quick=False):
    """Fit everything, print the tables, save the picture, return the numbers."""
    X, y = load_diabetes(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    spoiled = y.copy()
    spoiled[np.random.RandomState(0).choice(442, 44, replace=False)] += 1000
    steps = 2000 if quick else 4000

    clean = coefficients(losses.mean_squared_error, X, y, steps)
    constants, fits = {}, {}
    with tqdm(total=len(CONSTANTS) + len(REGRESSIONS), desc="fitting", unit="loss") as progress:
        for name, (loss, _) in CONSTANTS.items():
            constants[name] = best_constant(loss, steps)
            progress.update()
        for name, (loss, _) in REGRESSIONS.items():
            fits[name] = coefficients(loss, X, spoiled, steps)
            progress.update()
    distances = {name: float(np.linalg.norm(w - clean)) for name, w in fits.items()}

    print("\nThe best constant prediction of 1, 2, 3, 4 and 100")
    print_table(
        ("loss", "measured", "reference"),
        [(name, constants[name], reference) for name, (_, reference) in CONSTANTS.items()],
    )
    print(f"Every tenth target spoiled: how far coefficients move ({np.linalg.norm(clean):.1f})")
    print_table(
        ("loss", "measured", "reference"),
        [(name, distances[name], reference) for name, (_, reference) in REGRESSIONS.items()],
    )
    draw(constants, clean, fits)
    return {"constants": constants, "distances": distances}


def draw(constants, clean, fits):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=(1, 1.25))
    for row, c in enumerate(constants.values()):
        left.plot(VALUES, np.full(5, row), "|", color="0.6", markersize=14)
        left.plot(c, row, "o", color="black")
    left.set(xscale="log", xlabel="the samples (bars) and the best constant (dot)", ylabel="loss")
    left.set_xticks([*VALUES, 22], ["1", "2", "3", "4", "100", "22"])
    left.set_xticks([], minor=True)
    left.set_yticks(range(len(constants)), list(constants))
    left.invert_yaxis()
    left.set_title("What a loss asks for")

    rows = np.arange(10)
    right.plot(clean, rows, "o", color="black", fillstyle="none", markersize=9, label="clean")
    for (name, w), marker in zip(fits.items(), ("x", ".", "+"), strict=True):
        right.plot(w, rows, marker, label=name)
    right.set(xlabel="coefficient", ylabel="feature")
    right.set_yticks(rows, load_diabetes().feature_names)
    right.invert_yaxis()
    right.set_title("Diabetes, every tenth target + 1000")
    right.legend(loc="upper left", frameon=True, handlelength=1)
    save_figure(figure, "outliers")


if __name__ == "__main__":
    run(main, __doc__)

# /// script
# requires-python = ">=3.10"
# dependencies = ["tinygrad_loss[examples]"]
# [tool.uv.sources]
# tinygrad_loss = { path = "..", editable = true }
# ///
"""Dropout regularizes: for linear regression it is ridge regression, in expectation.

Claim: dropout sets each input to 0 with probability p and divides the others by 1 - p. The mean
over all masks of the squared error is the error without dropout plus the penalty
p / (1 - p) sum_j w_j^2 |x_j|^2 (Wager, Wang and Liang 2013, "Dropout Training as Adaptive
Regularization"). With standardized inputs |x_j|^2 = n: it is Ridge(alpha=n p / (1 - p)).

scikit-learn's diabetes data have 10 inputs, and so 1024 masks: the mean over all of them can be
computed, not only estimated. Its gradient at the weights of Ridge is 0, so that they are its
minimum. Then gradient descent, with a new mask at each step, comes to the same weights, on average:
five runs, each with masks of its own.

In the picture: left, the coefficients. Right, how far training is from ridge regression: the
weights go on jumping with the masks, their mean over the steps so far comes nearer and nearer.

Run it with

    python examples/dropout_is_ridge.py

It takes some seconds, prints two tables and saves examples/output/dropout_is_ridge.png.
"""

from itertools import product

import numpy as np
from _common import diabetes, plt, print_table, run, save_figure
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge
from tqdm import trange

import tinygrad_loss as tl
from tinygrad_loss import optim

P = 0.2
BELOW = {"loc": "upper center", "bbox_to_anchor": (0.45, -0.16), "ncols": 3, "fontsize": 8}


def expected_loss(w, X, y):
    """The sum over all masks of their probability times the squared error."""
    total = 0.0
    for mask in product((0, 1), repeat=X.shape[1]):
        probability = (1 - P) ** sum(mask) * P ** (len(mask) - sum(mask))
        dropped = X * (np.array(mask) / (1 - P))
        total = total + probability * tl.sum_squared_error(dropped @ w, y)
    return total


def train_with_dropout(X, y, seed, steps):
    """The weights after each step."""
    rng = np.random.default_rng(seed)
    w = tl.Tensor(np.zeros(X.shape[1]), requires_grad=True)
    optimizer, path = optim.GD([w], lr=0.05), []
    for _ in trange(steps, desc=f"training with dropout, seed {seed}", unit="step"):
        optimizer.zero_grad()
        tl.mean_squared_error(tl.dropout(X, P, rng=rng) @ w, y).backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


def main(quick=False):
    """Compare dropout with ridge regression; return what was measured."""
    X, y = diabetes(centered=True)
    alpha = len(y) * P / (1 - P)
    ridge = Ridge(alpha=alpha).fit(X, y).coef_
    plain = LinearRegression().fit(X, y).coef_

    w = tl.Tensor(ridge, requires_grad=True)
    expectation = expected_loss(w, X, y)
    expectation.backward()
    by_formula = tl.sum_squared_error(X @ ridge, y) + tl.l2(ridge, alpha)
    size = np.linalg.norm(2 * X.T @ y)  # of the gradient at w = 0, to compare with

    steps, seeds = (1000, 2) if quick else (10_000, 5)
    paths = np.array([train_with_dropout(X, y, seed, steps) for seed in range(seeds)])
    paths = paths[:, steps // 10 :]  # the way to ridge regression is not counted
    means = paths.cumsum(axis=1) / np.arange(1, paths.shape[1] + 1)[:, None]

    def distance(w):
        return np.linalg.norm(w - ridge, axis=-1) / np.linalg.norm(ridge)

    exact = {
        "mean over all masks, and the formula": float(abs(expectation.item() / by_formula - 1)),
        "its gradient at ridge's weights": float(np.linalg.norm(w.grad) / size),
        "weights of least squares": float(distance(plain)),
    }
    noisy = {
        "weights trained with dropout, last": distance(paths[:, -1]),
        "weights trained with dropout, mean": distance(means[:, -1]),
    }
    print(f"\nDiabetes, dropout {P}: relative differences from ridge regression")
    rows = zip(exact.items(), ("0", "0", "not 0"), strict=True)
    print_table(("", "measured", "expected"), [(*item, e) for item, e in rows])
    print(f"The same for {seeds} seeds")
    rows = zip(noisy.items(), ("noise", "0, but for noise"), strict=True)
    print_table(
        ("", "median", "smallest", "largest", "expected"),
        [(name, np.median(d), d.min(), d.max(), e) for (name, d), e in rows],
    )
    coefficients = {
        "least squares": plain,
        "ridge regression": ridge,
        "dropout, mean": means[0, -1],
    }
    draw(coefficients, range(steps // 10, steps), distance(paths), distance(means), distance(plain))
    return exact | noisy


def draw(coefficients, step, weights, means, plain):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
    for (name, w), marker in zip(coefficients.items(), "|ox", strict=True):
        left.plot(w, range(10), marker, fillstyle="none", markersize=8, label=name)
    left.set(xlabel="coefficient", ylabel="feature")
    left.set_title("Dropout comes to ridge regression")
    left.set_yticks(range(10), load_diabetes().feature_names)
    left.invert_yaxis()
    left.legend(**BELOW, handlelength=1, columnspacing=1)

    right.semilogy(step, weights[0], color="0.7", linestyle="-", linewidth=0.7, label="weights")
    for mean, label in zip(means, ["their mean, by seed"] + [""] * len(means), strict=False):
        right.semilogy(step, mean, color="black", linestyle="-", linewidth=0.9, label=label)
    right.axhline(plain, color="tab:orange", linestyle="--", label="least squares")
    right.set(xlabel="step", ylabel="relative distance from ridge regression")
    right.set_title("The mean over the steps comes nearer")
    right.legend(**BELOW, columnspacing=1)
    save_figure(figure, "dropout_is_ridge")


if __name__ == "__main__":
    run(main, __doc__)

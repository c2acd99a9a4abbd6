"""Dropout regularizes: for linear regression it is ridge regression, in expectation.

Claim: dropout sets each input to 0 with probability p and divides the others by 1 - p. The mean
over all masks of the squared error is the error without dropout plus the penalty
p / (1 - p) sum_j w_j^2 |x_j|^2 (Wager, Wang and Liang 2013, "Dropout Training as Adaptive
Regularization"). With standardized inputs |x_j|^2 = n: it is Ridge(alpha=n p / (1 - p)).

scikit-learn's diabetes data have 10 inputs, and so 1024 masks: the mean over all of them can be
computed, not only estimated. Its gradient at the weights of Ridge is 0, so that they are its
minimum. Then gradient descent, with a new mask at each step, comes to the same weights, on average.

In the picture: left, the coefficients. Right, how far training is from ridge regression: the
weights go on jumping with the masks, their mean comes nearer and nearer.

Run it with

    python examples/dropout_is_ridge.py

It takes two seconds, prints a table and saves examples/output/dropout_is_ridge.png.
"""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from _common import print_table, run, save_figure
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge
from tqdm import trange

from tinygrad_loss import Tensor, dropout, l2, losses
from tinygrad_loss.optim import GD

P = 0.2


def expected_loss(w, X, y):
    """The sum over all masks of their probability times the squared error."""
    total = 0.0
    for mask in product((0, 1), repeat=X.shape[1]):
        probability = (1 - P) ** sum(mask) * P ** (len(mask) - sum(mask))
        dropped = X * (np.array(mask) / (1 - P))
        total = total + probability * losses.sum_squared_error(dropped @ w, y)
    return total


def train_with_dropout(X, y, steps):
    """The weights after each step."""
    rng = np.random.default_rng(0)
    w = Tensor(np.zeros(X.shape[1]), requires_grad=True)
    optimizer, path = GD([w], lr=0.05), []
    for _ in trange(steps, desc="training with dropout", unit="step"):
        optimizer.zero_grad()
        losses.mean_squared_error(dropout(X, P, rng=rng) @ w, y).backward()
        optimizer.step()
        path.append(w.data.copy())
    return np.array(path)


def main(quick=False):
    """Compare dropout with ridge, print the table, save the picture, return the numbers."""
    X, y = load_diabetes(return_X_y=True)
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), y - y.mean()
    alpha = len(y) * P / (1 - P)
    ridge = Ridge(alpha=alpha).fit(X, y).coef_
    plain = LinearRegression().fit(X, y).coef_

    w = Tensor(ridge, requires_grad=True)
    expectation = expected_loss(w, X, y)
    expectation.backward()
    by_formula = losses.sum_squared_error(X @ ridge, y) + l2(ridge, alpha)
    size = np.linalg.norm(2 * X.T @ y)  # of the gradient at w = 0, to compare with

    steps = 1000 if quick else 10_000
    path = train_with_dropout(X, y, steps)[steps // 10 :]  # the way to ridge is not counted
    means = path.cumsum(axis=0) / np.arange(1, len(path) + 1)[:, None]

    def distance(w):
        return np.linalg.norm(w - ridge, axis=-1) / np.linalg.norm(ridge)

    numbers = {
        "mean over all masks, and the formula": float(abs(expectation.item() / by_formula - 1)),
        "its gradient at ridge's weights": float(np.linalg.norm(w.grad) / size),
        "weights trained with dropout, last": float(distance(path[-1])),
        "weights trained with dropout, mean": float(distance(means[-1])),
        "weights of least squares": float(distance(plain)),
    }
    expected = ("0", "0", "noise", "0, but for noise", "not 0")
    print(f"\nDiabetes, dropout {P}: relative differences from ridge regression")
    print_table(
        ("", "measured", "expected"),
        [(*item, e) for item, e in zip(numbers.items(), expected, strict=True)],
    )

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
    coefficients = {"least squares": plain, "ridge": ridge, "dropout, mean": means[-1]}
    for (name, w), marker in zip(coefficients.items(), "|ox", strict=True):
        left.plot(w, range(10), marker, fillstyle="none", markersize=8, label=name)
    left.set(xlabel="coefficient", ylabel="feature", title=f"Diabetes, dropout {P}")
    left.set_yticks(range(10), load_diabetes().feature_names)
    left.invert_yaxis()
    left.legend(loc="lower left", frameon=True, handlelength=1, fontsize=8)
    step = np.arange(len(path)) + steps // 10
    right.semilogy(step, distance(path), color="0.7", linestyle="-", linewidth=0.7, label="weights")
    right.semilogy(step, distance(means), color="black", linestyle="-", label="their mean")
    right.axhline(distance(plain), color="tab:orange", linestyle="--", label="least squares")
    right.set(xlabel="step", ylabel="relative distance", title="Distance from ridge regression")
    right.set_ylim(1e-3, 9)
    right.legend(loc="upper center", ncols=3, fontsize=8, handlelength=1.6)
    save_figure(figure, "dropout_is_ridge")
    return numbers


if __name__ == "__main__":
    run(main, __doc__)

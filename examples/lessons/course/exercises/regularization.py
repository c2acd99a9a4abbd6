"""The exercises of lesson 10: penalties and their gradients, the soft threshold, dropout."""

import itertools

import numpy as np

from course.judge import Exercise, numerical_gradient


def squared_error(w, X, t):
    return np.mean((X @ w - t) ** 2)


def loss_gradient(w, X, t):
    return 2 * X.T @ (X @ w - t) / len(X)


def but_the_bias(w):
    return np.concatenate([[0.0], w[1:]])


def penalized_gradient(w, X, t, lam):
    """By differences; the first weight is the bias, and costs nothing."""
    return numerical_gradient(
        lambda w: squared_error(w, X, t) + lam * np.sum(w[1:] ** 2), w
    )


def ridge_slope(x, t, lam):
    return np.mean(x * t) / (np.mean(x**2) + lam)


def soft(a, s):
    return np.sign(a) * np.maximum(np.abs(a) - s, 0)


def mean_over_masks(x, w, t, p, *, factor=None, equal=False):
    """The squared error of each mask, times the probability of the mask, added up."""
    total = 0.0
    factor = 1 / (1 - p) if factor is None else factor
    for kept in itertools.product([0, 1], repeat=len(x)):
        probability = np.prod([0.5 if equal else 1 - p if k else p for k in kept])
        total += probability * (np.dot(x * np.array(kept) * factor, w) - t) ** 2
    return total


INPUTS = np.array(
    [[1.0, 2.0, -1.0], [1.0, 0.5, 3.0], [1.0, -1.5, 0.5], [1.0, 1.0, 2.0]]
)
SLOPES = np.array([-5.2, 4.1, 1.3])
CANDIDATES = np.array([0.01, 0.1, 1.0, 10.0])
TRAINING = np.array([12.0, 15.0, 19.0, 36.0])
FOLDS = np.array([[31, 26, 28, 40], [22, 20, 21, 38], [40, 34, 25, 44]])
X, W, T, P = np.array([2.0, 1.0]), np.array([1.0, -3.0]), 3.0, 0.2
PLAIN = (X @ W - T) ** 2
SQUARES = np.sum(W**2 * X**2)

EXERCISES = {
    "10.1": Exercise(
        truth=penalized_gradient,
        at=(
            (
                np.array([2.0, -1.0, 0.5]),
                INPUTS,
                np.array([1.0, 0.0, -2.0, 3.0]),
                0.3,
            ),
            (np.array([-1.0, 3.0]), INPUTS[:2, :2], np.array([2.0, 1.0]), 1.5),
        ),
        slips={
            "10.1 bias": lambda w, X, t, lam: loss_gradient(w, X, t) + 2 * lam * w,
            "10.1 no factor": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * but_the_bias(w)
            ),
            "10.1 no factor, bias": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * w
            ),
            "10.1 value": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * but_the_bias(w) ** 2
            ),
            "10.1 no penalty": lambda w, X, t, lam: loss_gradient(w, X, t),
            "10.1 penalty in the mean": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + 2 * lam * but_the_bias(w) / len(X)
            ),
            "10.1 L1": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * np.sign(but_the_bias(w))
            ),
            "10.1 L1, bias": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * np.sign(w)
            ),
            "10.1 half": lambda w, X, t, lam: (
                loss_gradient(w, X, t) / 2 + lam * but_the_bias(w)
            ),
            "10.1 half, bias": lambda w, X, t, lam: (
                loss_gradient(w, X, t) / 2 + lam * w
            ),
            "10.1 sum": lambda w, X, t, lam: (
                len(X) * loss_gradient(w, X, t) + 2 * lam * but_the_bias(w)
            ),
            "10.1 loss without 2": lambda w, X, t, lam: (
                loss_gradient(w, X, t) / 2 + 2 * lam * but_the_bias(w)
            ),
            "10.1 wrong N": lambda w, X, t, lam: (
                loss_gradient(w, X, t) * len(X) / len(w) + 2 * lam * but_the_bias(w)
            ),
            "10.1 no bias": lambda w, X, t, lam: (
                loss_gradient(but_the_bias(w), X, t) + 2 * lam * but_the_bias(w)
            ),
            "10.1 bias held": lambda w, X, t, lam: but_the_bias(
                loss_gradient(w, X, t) + 2 * lam * w
            ),
            "10.1 minus": lambda w, X, t, lam: (
                loss_gradient(w, X, t) - 2 * lam * but_the_bias(w)
            ),
            "10.1 error turned": lambda w, X, t, lam: (
                -loss_gradient(w, X, t) + 2 * lam * but_the_bias(w)
            ),
            "10.1 weights summed": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + 2 * lam * np.sum(w[1:])
            ),
            "10.1 squares summed": lambda w, X, t, lam: (
                loss_gradient(w, X, t) + lam * np.sum(w[1:] ** 2)
            ),
        },
    ),
    "10.2": Exercise(
        truth=ridge_slope,
        at=(
            (np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 7.0]), 2.0),
            (np.array([-1.0, 0.5, 2.0, 4.0]), np.array([3.0, 0.0, -1.0, -2.0]), 0.4),
        ),
        slips={
            "10.2 sum": lambda x, t, lam: np.sum(x * t) / (np.sum(x**2) + lam),
            "10.2 twice": lambda x, t, lam: ridge_slope(x, t, 2 * lam),
            "10.2 half": lambda x, t, lam: ridge_slope(x, t, lam / 2),
            "10.2 no penalty": lambda x, t, lam: ridge_slope(x, t, 0.0),
            "10.2 shrunk": lambda x, t, lam: ridge_slope(x, t, 0.0) / (1 + lam),
            "10.2 product of means": lambda x, t, lam: (
                np.mean(x) * np.mean(t) / (np.mean(x**2) + lam)
            ),
            "10.2 square of the mean": lambda x, t, lam: (
                np.mean(x * t) / (np.mean(x) ** 2 + lam)
            ),
            "10.2 without w": lambda x, t, lam: (np.mean(x * t) - lam) / np.mean(x**2),
            "10.2 L1": lambda x, t, lam: (np.mean(x * t) - lam / 2) / np.mean(x**2),
            "10.2 minus": lambda x, t, lam: ridge_slope(x, t, -lam),
            "sign": lambda x, t, lam: -ridge_slope(x, t, lam),
        },
    ),
    "10.3": Exercise(
        truth=soft,
        at=(
            (np.array([3.0, -0.5, -2.0, 0.2, 0.0]), 0.8),
            (np.array([[-4.0, 1.0], [1.5, -1.0]]), 1.2),
        ),
        slips={
            "10.3 hard": lambda a, s: np.where(np.abs(a) > s, a, 0),
            "10.3 beyond 0": lambda a, s: np.sign(a) * (np.abs(a) - s),
            "10.3 no sign": lambda a, s: np.maximum(np.abs(a) - s, 0),
            "10.3 one side": lambda a, s: np.maximum(a - s, 0),
            "10.3 subtracted": lambda a, s: a - s,
            "10.3 away": lambda a, s: np.sign(a) * (np.abs(a) + s),
            "10.3 rest": lambda a, s: np.clip(a, -s, s),
            "10.3 half": lambda a, s: soft(a, s / 2),
            "10.3 twice": lambda a, s: soft(a, 2 * s),
            "10.3 factor": lambda a, s: a * (1 - s),
            "10.3 divided": lambda a, s: a / (1 + s),
            "10.3 times a": lambda a, s: a * np.maximum(np.abs(a) - s, 0),
            "10.3 to the left": lambda a, s: np.where(np.abs(a) > s, a - s, 0),
            "10.3 two cases": lambda a, s: np.where(a > s, a - s, a + s),
            "10.3 0 moves": lambda a, s: np.where(a > 0, a - s, a + s),
            "10.3 0 moves to the left": lambda a, s: np.where(a >= 0, a - s, a + s),
        },
    ),
    "10.4": Exercise(
        truth=np.abs(SLOPES).max(),
        slips={
            "10.4 signed": SLOPES.max(),
            "10.4 one zero": np.abs(SLOPES).min(),
            "10.4 half": np.abs(SLOPES).max() / 2,
            "10.4 twice": np.abs(SLOPES).max() * 2,
            "10.4 sum": np.abs(SLOPES).sum(),
            "10.4 length": np.sqrt(np.sum(SLOPES**2)),
            "10.4 mean": np.abs(SLOPES).mean(),
            "10.4 negative": SLOPES.min(),
        },
    ),
    "10.5": Exercise(
        truth=float(CANDIDATES[FOLDS.mean(axis=0).argmin()]),
        slips={
            "10.5 training": float(CANDIDATES[TRAINING.argmin()]),
            "10.5 most folds": float(CANDIDATES[FOLDS.min(axis=0).argmin()]),
            "10.5 gap": float(CANDIDATES[(FOLDS.mean(axis=0) - TRAINING).argmin()]),
            "10.5 place": float(FOLDS.mean(axis=0).argmin()),
            "10.5 column": float(FOLDS.mean(axis=0).argmin() + 1),
            "10.5 loss": FOLDS.mean(axis=0).min(),
        },
    ),
    "10.6": Exercise(
        truth=lambda a, l1, l2: soft(a, l1 / 2) / (1 + l2),
        at=(
            (np.array([3.0, -0.3, -2.0, 0.7, 0.0]), 1.0, 0.5),
            (np.array([-4.0, 1.0, 1.5]), 2.4, 3.0),
        ),
        slips={
            "10.6 L1 alone": lambda a, l1, l2: soft(a, l1 / 2),
            "10.6 L2 alone": lambda a, l1, l2: a / (1 + l2),
            "10.6 factor first": lambda a, l1, l2: soft(a / (1 + l2), l1 / 2),
            "10.6 not halved": lambda a, l1, l2: soft(a, l1) / (1 + l2),
            "10.6 twice": lambda a, l1, l2: soft(a, l1 / 2) / (1 + 2 * l2),
            "10.6 half": lambda a, l1, l2: soft(a, l1 / 2) / (1 + l2 / 2),
            "10.6 beyond 0": lambda a, l1, l2: (
                np.sign(a) * (np.abs(a) - l1 / 2) / (1 + l2)
            ),
            "10.6 one side": lambda a, l1, l2: np.maximum(a - l1 / 2, 0) / (1 + l2),
            "10.6 one case": lambda a, l1, l2: (a - l1 / 2) / (1 + l2),
            "10.6 two cases": lambda a, l1, l2: (
                np.where(a > 0, a - l1 / 2, a + l1 / 2) / (1 + l2)
            ),
            "10.6 to the left": lambda a, l1, l2: (
                np.where(np.abs(a) > l1 / 2, a - l1 / 2, 0) / (1 + l2)
            ),
            "10.6 multiplied": lambda a, l1, l2: soft(a, l1 / 2) * (1 + l2),
            "10.6 half square": lambda a, l1, l2: soft(a, l1) / (1 + 2 * l2),
            "10.6 hard": lambda a, l1, l2: (
                np.where(np.abs(a) > l1 / 2, a, 0) / (1 + l2)
            ),
            "10.6 no sign": lambda a, l1, l2: np.abs(soft(a, l1 / 2)) / (1 + l2),
            "10.6 without 1": lambda a, l1, l2: soft(a, l1 / 2) / l2,
        },
    ),
    "10.7": Exercise(
        truth=mean_over_masks(X, W, T, P),
        slips={
            "10.7 no dropout": PLAIN,
            "10.7 p": PLAIN + P * SQUARES,
            "10.7 turned": PLAIN + (1 - P) / P * SQUARES,
            "10.7 square outside": PLAIN + P / (1 - P) * (X @ W) ** 2,
            "10.7 penalty": P / (1 - P) * SQUARES,
            "10.7 without x": PLAIN + P / (1 - P) * np.sum(W**2),
            "10.7 weight without sign": (X @ np.abs(W) - T) ** 2
            + P / (1 - P) * SQUARES,
            "10.7 without w": PLAIN + P / (1 - P) * np.sum(X**2),
            "10.7 w not squared": PLAIN + P / (1 - P) * np.sum(W**2 * X),
            "10.7 sizes added": PLAIN + P / (1 - P) * np.sum(np.abs(W * X)) ** 2,
            "10.7 not scaled": mean_over_masks(X, W, T, P, factor=1),
            "10.7 counted alike": mean_over_masks(X, W, T, P, equal=True),
            "10.7 equally probable": mean_over_masks(X, W, T, 0.5),
            "10.7 minus": PLAIN - P / (1 - P) * SQUARES,
            "10.7 no target": (X @ W) ** 2 + P / (1 - P) * SQUARES,
        },
    ),
    "10 a": Exercise(
        "b", choices="abc", slips={"10 a validation": "a", "10 a zero": "c"}
    ),
    "10 b": Exercise(
        "a", choices="abc", slips={"10 b stronger": "b", "10 b rounded": "c"}
    ),
    "10 c": Exercise(
        "c", choices="abc", slips={"10 c same": "a", "10 c diverges": "b"}
    ),
}

"""The exercises of lesson 6: softmax, its cross-entropy, and the gradient p - t."""

import numpy as np

from course.judge import Exercise, numerical_gradient


def softmax(z):
    """Along the last axis; the largest is subtracted first."""
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(z, t):
    return -np.sum(t * np.log(softmax(z)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax_along(z, axis):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def not_divided(z):
    return np.exp(z - z.max(axis=1, keepdims=True))


def divided(e):
    return e / e.sum(axis=1, keepdims=True)


def best_share(C):
    """What the second softmax makes of a first one that is quite sure and right."""
    return softmax(np.eye(C)[0])[0]


def mean_loss(X, W, T):
    return cross_entropy(X @ W, T) / len(X)


def weight_gradient(X, W, T):
    return numerical_gradient(lambda W: mean_loss(X, W, T), W)


SCORES = np.array([2.0, 2.0 + np.log(3.0), 2.0 + np.log(4.0)])
P = np.array([0.1, 0.3, 0.6])
FIRST, SECOND, LAST = np.eye(3)
D_Z = numerical_gradient(lambda z: cross_entropy(z, FIRST), np.log(P))

EXERCISES = {
    "6.1": Exercise(
        truth=softmax(SCORES),
        slips={
            "6.1 no exp": SCORES / SCORES.sum(),
            "6.1 not divided": np.exp(SCORES - 2),
            "6.1 each by itself": sigmoid(SCORES),
            "6.1 by the largest": np.exp(SCORES - SCORES.max()),
            "6.1 sum": np.array([2.0, 5.0, 6.0]) / 13,
            "6.1 zero": np.array([2.0, 3.0, 4.0]) / 9,
            "6.1 logarithms": (SCORES - 2) / (SCORES - 2).sum(),
        },
    ),
    "6.2": Exercise(
        truth=D_Z,
        slips={
            "sign": -D_Z,
            "6.2 most probable": P - LAST,
            "6.2 no target": P,
            "6.2 second": P - SECOND,
            "6.2 classes": D_Z / 3,
            "6.2 in p": -FIRST / P,
            "6.2 only the true class": D_Z * FIRST,
        },
    ),
    "6.3": Exercise(
        truth=lambda z, t, tau: numerical_gradient(
            lambda z: cross_entropy(z / tau, t), z
        ),
        at=(
            (np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0]), 2.0),
            (np.array([0.5, -1.0, 0.0, 0.2]), np.array([0.0, 0.0, 0.0, 1.0]), 0.5),
        ),
        slips={
            "sign": lambda z, t, tau: (t - softmax(z / tau)) / tau,
            "6.3 last step": lambda z, t, tau: softmax(z / tau) - t,
            "6.3 multiplied": lambda z, t, tau: (softmax(z / tau) - t) * tau,
            "6.3 p without": lambda z, t, tau: (softmax(z) - t) / tau,
            "6.3 none": lambda z, t, tau: softmax(z) - t,
        },
    ),
    "6.4": Exercise(
        truth=1 / 3,
        slips={
            "6.4 steepest": 0.5,
            "6.4 error": 2 / 3,
            "6.4 surely wrong": 0.0,
            "6.4 surely right": 1.0,
            "6.4 z": np.log(1 / 3) - np.log(2 / 3),
            "6.4 size": 2 * (1 - 1 / 3) * (1 / 3) * (1 - 1 / 3),
            "6.4 gradient": 2 * (1 / 3 - 1) * (1 / 3) * (1 - 1 / 3),
        },
    ),
    "6.5": Exercise(
        truth=softmax,
        at=(
            (np.array([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0]]),),
            (np.array([[1000.0, 1001.0], [0.0, 3.0]]),),
            (np.array([[3000.0, 0.0, 0.0], [0.0, 0.0, -3000.0], [1.0, 2.0, 0.0]]),),
        ),
        slips={
            "6.5 one maximum": lambda z: divided(np.exp(z - z.max())),
            "6.5 maximum of columns": lambda z: divided(np.exp(z - z.max(axis=0))),
            "6.5 no maximum": lambda z: divided(np.exp(z)),
            "6.5 all rows": lambda z: np.exp(z - z.max()) / np.exp(z - z.max()).sum(),
            "6.5 maximum alone": lambda z: not_divided(z) / not_divided(z).sum(),
            "wrong axis": lambda z: softmax_along(z, 0),
            "6.5 not divided": not_divided,
            "6.5 logarithm": lambda z: np.log(softmax(z)),
        },
    ),
    "6.6": Exercise(
        truth=lambda C: -np.log(best_share(C)),
        at=((2,), (10,), (1000,)),
        slips={
            "sign": lambda C: np.log(best_share(C)),
            "6.6 one too many": lambda C: np.log(np.e + C) - 1,
            "6.6 share": best_share,
            "6.6 only the sum": lambda C: np.log(np.e + C - 1),
            "6.6 fair guess": lambda C: np.log(C),
        },
    ),
    "6.7": Exercise(
        truth=weight_gradient,
        at=(
            (
                np.array([[1.0, 2.0], [0.5, -1.0], [-1.5, 0.0], [2.0, 1.0]]),
                np.array([[0.1, -0.4, 0.2], [0.3, 0.0, -0.5]]),
                np.eye(3)[[0, 2, 1, 0]],
            ),
            (
                np.array([[0.2, 1.0, -1.0], [1.0, 0.0, 0.7]]),
                np.zeros((3, 2)),
                np.eye(2)[[1, 0]],
            ),
        ),
        slips={
            "1/N missing": lambda X, W, T: X.T @ (softmax(X @ W) - T),
            "sign": lambda X, W, T: X.T @ (T - softmax(X @ W)) / len(X),
            "transposed": lambda X, W, T: (softmax(X @ W) - T).T @ X / len(X),
            "6.7 size": lambda X, W, T: X.T @ (softmax(X @ W) - T) / T.size,
            "6.7 no softmax": lambda X, W, T: X.T @ (X @ W - T) / len(X),
            "6.7 all rows": lambda X, W, T: (
                X.T @ (softmax((X @ W).ravel()).reshape(T.shape) - T) / len(X)
            ),
        },
    ),
    "6 a": Exercise("b", choices="abc", slips={"6 a wrong": "a", "6 a share": "c"}),
    "6 b": Exercise("c", choices="abc", slips={"6 b no term": "a", "6 b true": "b"}),
    "6 c": Exercise("a", choices="abc", slips={"6 c error": "b", "6 c minimum": "c"}),
}

"""The exercises of lesson 5: gradients of matrix products, sums for what was broadcast, an operation."""

import numpy as np

from course.array_engine import Tensor
from course.judge import Exercise, Slip, numerical_gradient

X = np.array([[1.0, 2.0], [0.0, 1.0], [2.0, -1.0]])
G = np.array([[1.0, 0.0], [2.0, -1.0], [1.0, 3.0]])
D_W = numerical_gradient(lambda W: np.sum(G * (X @ W)), np.zeros((2, 2)))
D_B = numerical_gradient(lambda b: np.sum(G * (X + b)), np.zeros(2))

RNG = np.random.default_rng(5)


def draw(*shapes):
    return tuple(np.round(RNG.normal(size=shape), 1) for shape in shapes)


def gradient_of_weights(g, x, W):
    """Of y = x @ W.T, in which a row of W holds the weights of one output."""
    return numerical_gradient(lambda W: np.sum(g * (x @ W.T)), W)


def gradient_of_scale(g, x, b):
    return numerical_gradient(lambda b: np.sum(g * (x * b)), b)


def sum_back(g, shape):
    return numerical_gradient(
        lambda b: np.sum(g * (np.zeros_like(g) + b)), np.zeros(shape)
    )


def axes_of_one(shape):
    return tuple(axis for axis in (0, 1) if shape[axis] == 1)


def gradient_of_mean(g, x):
    return numerical_gradient(lambda x: np.sum(g * x.mean(axis=0)), x)


def stretched(row, x):
    return np.broadcast_to(row, x.shape)


def value_and_gradient(operation):
    """Of an operation on Tensors: x, g -> its value at x, and the gradient that g becomes.

    The leaf is of the class that the reader's code knows: that of the notebook, where there is one.
    """
    node_class = getattr(operation, "__globals__", {}).get("Tensor", Tensor)

    def run(x, g):
        leaf = node_class(x.copy())
        y = operation(leaf)
        if y is None or y is ...:
            return y
        _refuse(y, x)
        (y * g).sum().backward()
        if not np.array_equal(leaf.data, x):
            raise Slip("5.7 changed")
        return np.stack([y.data, leaf.grad])

    return run


def _refuse(y, x):
    """Say what is wrong with an operation's result before the engine fails over it."""
    if not hasattr(y, "parents"):
        raise Slip("5.7 no node")
    if y.data.shape != x.shape:
        raise Slip("5.7 shape")
    pairs = y.parents
    if not isinstance(pairs, (list, tuple)) or not all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and hasattr(pair[0], "grad")
        for pair in pairs
    ):
        raise Slip("5.7 pairs")
    if not all(callable(rule) for _, rule in pairs):
        raise Slip("5.7 rule")
    if not all(hasattr(rule(np.ones_like(x)), "shape") for _, rule in pairs):
        raise Slip("5.7 no array")


def relu(x, g):
    """Closed form: differences would find 1/2 at 0."""
    return np.stack([np.maximum(x, 0), np.where(x > 0, g, 0)])


def relu_with(rule):
    """A relu with another rule, given g, x and y."""

    def operation(x):
        y = np.maximum(x.data, 0)
        return Tensor(y, [(x, lambda g: rule(g, x.data, y))])

    return value_and_gradient(operation)


EXERCISES = {
    "5.1": Exercise(
        truth=D_W,
        slips={
            "transposed": G.T @ X,
            "one path": np.outer(X[0], G[0]),
            "5.1 mean": X.T @ G / len(X),
            "5.1 entry by entry": X * G,
            "without g": X.T @ np.ones_like(G),
            "sign": -D_W,
        },
    ),
    "5.2": Exercise(
        truth=gradient_of_weights,
        at=(draw((4, 2), (4, 3), (2, 3)), draw((3, 3), (3, 3), (3, 3))),
        slips={
            "transposed": lambda g, x, W: x.T @ g,
            "5.2 of x": lambda g, x, W: g @ W,
            "one path": lambda g, x, W: np.outer(g[0], x[0]),
            "without g": lambda g, x, W: np.ones_like(g).T @ x,
            "sign": lambda g, x, W: -g.T @ x,
        },
    ),
    "5.3": Exercise(
        truth=D_B,
        slips={
            "wrong axis": G.sum(axis=1),
            "5.1 mean": G.mean(axis=0),
            "5.3 total": G.sum(),
            "without g": np.ones_like(G).sum(axis=0),
            "one path": G[0],
        },
    ),
    "5.4": Exercise(
        truth=gradient_of_scale,
        at=(draw((4, 3), (4, 3), (3,)), draw((2, 3), (2, 3), (3,))),
        slips={
            "5.4 not summed": lambda g, x, b: g * x,
            "without g": lambda g, x, b: x.sum(axis=0),
            "wrong axis": lambda g, x, b: (g * x).sum(axis=1),
            "5.1 mean": lambda g, x, b: (g * x).mean(axis=0),
            "5.4 of x": lambda g, x, b: g * b,
            "5.4 sums first": lambda g, x, b: g.sum(axis=0) * x.sum(axis=0),
            "5.4 as for +": lambda g, x, b: g.sum(axis=0),
            "5.4 with b": lambda g, x, b: g.sum(axis=0) * b,
        },
    ),
    "5.5": Exercise(
        truth=sum_back,
        at=tuple((*draw((2, 3)), shape) for shape in ((1, 3), (2, 1), (1, 1), (2, 3))),
        slips={
            "5.5 axis dropped": lambda g, shape: g.sum(axis=axes_of_one(shape)),
            "5.5 always rows": lambda g, shape: g.sum(axis=0, keepdims=True),
            "5.5 always columns": lambda g, shape: g.sum(axis=1, keepdims=True),
            "5.5 the others": lambda g, shape: g.sum(
                axis=tuple({0, 1} - set(axes_of_one(shape))), keepdims=True
            ),
            "5.5 mean": lambda g, shape: g.mean(axis=axes_of_one(shape), keepdims=True),
            "5.5 cut": lambda g, shape: g[: shape[0], : shape[1]],
        },
    ),
    "5.6": Exercise(
        truth=gradient_of_mean,
        at=(draw((3,), (4, 3)), draw((2,), (3, 2))),
        slips={
            "1/N missing": lambda g, x: stretched(g, x),
            "5.6 all": lambda g, x: stretched(g / x.size, x),
            "5.6 columns": lambda g, x: stretched(g / x.shape[1], x),
            "5.6 not stretched": lambda g, x: g / len(x),
            "without g": lambda g, x: np.ones_like(x) / len(x),
            "5.6 times x": lambda g, x: g * x / len(x),
        },
    ),
    "5.7": Exercise(
        truth=relu,
        at=(
            (np.array([-2.0, -0.5, 0.0, 3.0]), np.array([1.0, -2.0, 0.5, 4.0])),
            (np.array([[1.5, -1.0], [-0.3, 0.2]]), np.array([[-1.0, 3.0], [2.0, 0.6]])),
        ),
        via=value_and_gradient,
        slips={
            "without g": relu_with(lambda g, x, y: np.where(x > 0, 1.0, 0.0)),
            "5.7 at 0": relu_with(lambda g, x, y: np.where(x >= 0, g, 0)),
            "5.7 everywhere": relu_with(lambda g, x, y: g),
            "5.7 below 0": relu_with(lambda g, x, y: np.where(x < 0, g, 0)),
            "5.7 other side": relu_with(lambda g, x, y: np.where(x > 0, 0.0, g)),
            "5.7 value": relu_with(lambda g, x, y: g * y),
            "5.7 of g": relu_with(lambda g, x, y: np.maximum(g, 0)),
            "5.7 no parents": value_and_gradient(
                lambda x: Tensor(np.maximum(x.data, 0))
            ),
        },
    ),
    "5 a": Exercise("b", choices="abc", slips={"5 a one": "a", "5 a all": "c"}),
    "5 b": Exercise(
        "a", choices="abc", slips={"5 b local": "b", "5 b not summed": "c"}
    ),
    "5 c": Exercise("c", choices="abc", slips={"5 c shape": "a", "5 c loss": "b"}),
}

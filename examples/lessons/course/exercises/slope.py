"""The exercises of lesson 1: slopes by hand and by differences, squared errors, steps downhill."""

import numpy as np

from course.judge import Exercise, slope


def total(price, count, tax):
    return price * count * tax


def mean_squared_error(y, t):
    return np.mean((y - t) ** 2)


def squared_error(y):
    """The sum over the four predictions, of which the first is y."""
    return np.sum((np.array([y, 0.0, 2.0, 8.0]) - np.array([3.0, -0.5, 2.0, 7.0])) ** 2)


def line_loss(w):
    """The mean squared error of w * x on the two points (1, 2) and (2, 4): 2.5 * (w - 2)**2."""
    return mean_squared_error(w * np.array([1.0, 2.0]), np.array([2.0, 4.0]))


def step(w, lr):
    return w - lr * slope(line_loss, w)


def walk(w, lr, steps):
    for _ in range(steps):
        w = step(w, lr)
    return w


def forward_difference(f, x):
    return (f(x + 1e-4) - f(x)) / 1e-4


def square(x):
    return x**2


def steep(x):
    return np.exp(10 * x)


PREDICTIONS = [
    (np.array([2.5, 0.0, 2.0, 8.0]), np.array([3.0, -0.5, 2.0, 7.0])),
    (np.array([1.0, 2.0, 3.0]), np.array([1.5, 0.0, 2.0])),
]

EXERCISES = {
    "1.1": Exercise(
        truth=slope(total, 300.0, 3.0, 1.1, argument=1),
        slips={
            "1.1 other input": slope(total, 300.0, 3.0, 1.1, argument=0),
            "1.1 tax": 300.0,
            "1.1 value": total(300.0, 3.0, 1.1),
            "1.1 new total": total(300.0, 4.0, 1.1),
            "1.1 first total": total(100.0, 2.0, 1.1),
            "1.1 first numbers": 110.0,
        },
    ),
    "1.2": Exercise(
        truth=lambda f, x: slope(f, x),
        at=((square, 3.0), (square, -2.0), (np.exp, 0.5), (steep, 0.1)),
        slips={
            "1.2 forward": forward_difference,
            "1.2 half": lambda f, x: 2 * slope(f, x),
            "1.2 precedence": lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 2 * 1e-4,
            "1.2 not divided": lambda f, x: f(x + 1e-4) - f(x - 1e-4),
            "sign": lambda f, x: -slope(f, x),
        },
    ),
    "1.3": Exercise(
        truth=mean_squared_error,
        at=tuple(PREDICTIONS),
        slips={
            "1/N missing": lambda y, t: np.sum((y - t) ** 2),
            "1.3 half mean": lambda y, t: np.mean((y - t) ** 2) / 2,
            "1.3 half": lambda y, t: np.sum((y - t) ** 2) / 2,
            "1.3 no square": lambda y, t: np.mean(y - t),
            "1.3 absolute": lambda y, t: np.mean(np.abs(y - t)),
            "1.3 square outside": lambda y, t: np.mean(y - t) ** 2,
            "1.3 root": lambda y, t: np.sqrt(np.mean((y - t) ** 2)),
        },
    ),
    "1.4": Exercise(
        truth=slope(squared_error, 2.5),
        slips={
            "sign": -slope(squared_error, 2.5),
            "half": slope(squared_error, 2.5) / 2,
            "1/N not wanted": slope(squared_error, 2.5) / 4,
            "1.4 value": squared_error(2.5),
        },
    ),
    "1.5": Exercise(
        truth=step(0.5, 0.1),
        slips={
            "1.5 uphill": 0.5 + 0.1 * slope(line_loss, 0.5),
            "1.5 no rate": step(0.5, 1.0),
            "1.5 only the step": 0.1 * slope(line_loss, 0.5),
            "1.5 how far": -0.1 * slope(line_loss, 0.5),
            "1.5 from 0": step(0.0, 0.1),
            "1.5 slope": slope(line_loss, 0.5),
        },
    ),
    "1.6": Exercise(
        truth=walk,
        at=((0.0, 0.1, 3), (1.0, 0.3, 5), (5.0, 0.02, 2)),
        slips={
            "1.5 uphill": lambda w, lr, steps: walk(w, -lr, steps),
            "1.6 one step": lambda w, lr, steps: step(w, lr),
            "1.6 same slope": lambda w, lr, steps: w - steps * lr * slope(line_loss, w),
            "1.6 half slope": lambda w, lr, steps: walk(w, lr / 2, steps),
        },
    ),
    "1 a": Exercise("b", choices="abc", slips={"1 a value": "a", "1 a percent": "c"}),
    "1 b": Exercise("c", choices="abc", slips={"1 b same": "a", "1 b half": "b"}),
    "1 c": Exercise("a", choices="abc", slips={"1 c up": "b", "1 c minimum": "c"}),
}

"""The exercises of lesson 8: steps in two dimensions, Hessians, limits of the rate, momentum."""

import numpy as np

from course.judge import Exercise, numerical_gradient, slope


def line_loss(theta, x=(1.0, 4.0, 2.0), t=(3.0, 5.0, 2.0)):
    """The mean squared error of w x + b, on the three points of exercise 8.1."""
    w, b = theta
    return np.mean((w * np.array(x) + b - np.array(t)) ** 2)


START = np.array([1.0, 0.0])
GRADIENT = numerical_gradient(line_loss, START)


def bias_after_weight():
    """The slip of computing the gradient of b when w has already moved."""
    w = START[0] - 0.1 * GRADIENT[0]
    return np.array([w, -0.1 * numerical_gradient(line_loss, [w, START[1]])[1]])


W1, W2 = 5.0, 2.0


def in_a_row(w1, w2):
    """The loss of two weights in a row on one sample: x = 1, t = 7."""
    return (w2 * w1 - 7) ** 2


def d_w1(w1, w2):
    return slope(in_a_row, w1, w2)


def d_w2(w1, w2):
    return slope(in_a_row, w1, w2, argument=1)


MIXED, ERROR = slope(d_w1, W1, W2, argument=1), W2 * W1 - 7


RATES, DISTANCE = np.array([0.5, 8.0]), 10.0


def left_after(steps, lr=0.2):
    return DISTANCE * (1 - lr * RATES) ** steps


def hessian(x, factor=2.0, mean=np.mean):
    ones = np.ones_like(x)
    return factor * np.array([[mean(x * x), mean(x)], [mean(x), mean(ones)]])


def curvatures(x, **changed):
    return np.linalg.eigvalsh(hessian(x, **changed))


def largest(a, e, d):
    """The larger eigenvalue of a symmetric matrix with a and d on the diagonal and e beside it."""
    return np.linalg.eigvalsh(np.array([[a, e], [e, d]])).max()


QUADRATIC = np.array([[2.0, 1.0], [1.0, 2.0]])
FROM = np.array([1.0, 4.0])


def quadratic(theta):
    w, b = theta
    return w**2 + w * b + b**2 - 5 * w - 4 * b


PUSH = numerical_gradient(quadratic, FROM)


def momentum(slope_at, w, lr, mu, steps):
    v = 0.0
    for _ in range(steps):
        v = mu * v + slope_at(w)
        w = w - lr * v
    return w


def velocity(slope_at, w, lr, mu, steps):
    before = momentum(slope_at, w, lr, mu, steps - 1)
    return (before - momentum(slope_at, w, lr, mu, steps)) / lr


def plain(slope_at, w, lr, mu, steps):
    return momentum(slope_at, w, lr, 0.0, steps)


def averaged(slope_at, w, lr, mu, steps):
    return momentum(slope_at, w, lr * (1 - mu), mu, steps)


def late(slope_at, w, lr, mu, steps):
    v = 0.0
    for _ in range(steps):
        w, v = w - lr * v, mu * v + slope_at(w)
    return w


def looking_ahead(slope_at, w, lr, mu, steps):
    v = 0.0
    for _ in range(steps):
        v = mu * v + slope_at(w - lr * mu * v)
        w = w - lr * v
    return w


def pushed_first(slope_at, w, lr, mu, steps):
    v = slope_at(w)
    for _ in range(steps):
        v = mu * v + slope_at(w)
        w = w - lr * v
    return w


def shrunk(slope_at, w, lr, mu, steps):
    return momentum(slope_at, w, lr * mu, mu, steps)


def frozen(slope_at, w, lr, mu, steps):
    g = slope_at(w)
    return momentum(lambda _: g, w, lr, mu, steps)


def parabola_slope(w):
    return 5 * (w - 2)


def quartic_slope(w):
    return w**3 - 1


SIZES, MEANS = np.array([8, 8, 4]), np.array([1.0, 2.0, 6.0])

EXERCISES = {
    "8.1": Exercise(
        truth=START - 0.1 * GRADIENT,
        slips={
            "8.1 uphill": START + 0.1 * GRADIENT,
            "8.1 sum": START - 0.3 * GRADIENT,
            "8.1 half": START - 0.05 * GRADIENT,
            "8.1 neither": START - 0.15 * GRADIENT,
            "8.1 no rate": START - GRADIENT,
            "8.1 gradient": GRADIENT,
            "8.1 only the step": -0.1 * GRADIENT,
            "8.1 without x": START - 0.1 * GRADIENT[1],
            "8.1 one after the other": bias_after_weight(),
            "8.1 swapped": (START - 0.1 * GRADIENT)[::-1],
        },
    ),
    "8.2": Exercise(
        truth=MIXED,
        slips={
            "half": MIXED / 2,
            "sign": -MIXED,
            "8.2 only the error": 2 * ERROR,
            "8.2 2 only once": W1 * W2 + 2 * ERROR,
            "8.2 2 only once, other": 2 * W1 * W2 + ERROR,
            "8.2 error held still": 2 * W1 * W2,
            "8.2 minus": 2 * W1 * W2 - 2 * ERROR,
            "8.2 chain only": 2 * ERROR * W1 * W2,
            "8.2 once": d_w1(W1, W2),
            "8.2 once, other": d_w2(W1, W2),
            "8.2 twice": slope(d_w1, W1, W2),
            "8.2 twice, other": slope(d_w2, W1, W2, argument=1),
            "8.2 value": in_a_row(W1, W2),
        },
    ),
    "8.3": Exercise(
        truth=left_after(3),
        slips={
            "8.3 size": np.abs(left_after(3)),
            "8.3 one step": left_after(1),
            "8.3 one too few": left_after(2),
            "8.3 one too many": left_after(4),
            "8.3 without 1": DISTANCE * (0.2 * RATES) ** 3,
            "8.3 away": left_after(3, lr=-0.2),
            "8.3 share": left_after(3) / DISTANCE,
            "8.3 no rate": left_after(3, lr=1.0),
            "8.3 in a line": DISTANCE * (1 - 3 * 0.2 * RATES),
            "8.3 loss": left_after(6),
            "8.3 moved": DISTANCE - left_after(3),
            "8.3 swapped": left_after(3)[::-1],
        },
    ),
    "8.4": Exercise(
        truth=lambda x: 2 / curvatures(x)[1],
        at=(
            (np.array([1.0, 3.0]),),
            (np.array([-2.0, 0.5, 4.0, 1.0]),),
            (np.array([10.0, 20.0, 60.0]),),
            (np.array([0.5, -0.2, 0.9]),),
        ),
        slips={
            "8.4 one": lambda x: 1 / curvatures(x)[1],
            "8.4 no 2": lambda x: 2 / curvatures(x, factor=1.0)[1],
            "8.4 smallest": lambda x: 2 / curvatures(x)[0],
            "8.4 trace": lambda x: 2 / curvatures(x).sum(),
            "8.4 Frobenius": lambda x: 2 / np.linalg.norm(hessian(x)),
            "8.4 w only": lambda x: 1 / np.mean(x * x),
            "8.4 apart": lambda x: 1 / max(np.mean(x * x), 1.0),
            "8.4 sum": lambda x: 2 / curvatures(x, mean=np.sum)[1],
            "8.4 eigenvalue": lambda x: curvatures(x)[1],
            "8.4 variance": lambda x: 2 / largest(2 * np.var(x), 2 * np.mean(x), 2.0),
            "8.4 corner": lambda x: (
                2 / largest(2 * np.mean(x * x), 2 * np.mean(x), 1.0)
            ),
            "8.4 condition": lambda x: curvatures(x)[1] / curvatures(x)[0],
            "8.4 square of the mean": lambda x: 1 / (np.mean(x) ** 2 + 1),
        },
    ),
    "8.5": Exercise(
        truth=FROM - np.linalg.solve(QUADRATIC, PUSH),
        slips={
            "8.5 uphill": FROM + np.linalg.solve(QUADRATIC, PUSH),
            "8.5 plain": FROM - PUSH,
            "8.5 diagonal": FROM - PUSH / 2,
            "8.5 times": FROM - QUADRATIC @ PUSH,
            "8.5 how far": np.linalg.solve(QUADRATIC, PUSH),
            "8.5 how far, against": -np.linalg.solve(QUADRATIC, PUSH),
            "8.5 determinant": FROM - 3 * np.linalg.solve(QUADRATIC, PUSH),
            "8.5 gradient": PUSH,
            "8.5 inverse": FROM - np.abs(np.linalg.inv(QUADRATIC)) @ PUSH,
            "8.5 term w b": FROM - np.linalg.solve(QUADRATIC, PUSH - FROM[::-1]),
            "8.5 linear terms": FROM - np.linalg.solve(QUADRATIC, QUADRATIC @ FROM),
            "8.5 swapped": (FROM - np.linalg.solve(QUADRATIC, PUSH))[::-1],
        },
    ),
    "8.6": Exercise(
        truth=momentum,
        at=(
            (parabola_slope, 0.0, 0.1, 0.5, 3),
            (quartic_slope, 2.0, 0.05, 0.9, 5),
            (parabola_slope, 4.0, 0.02, 0.8, 4),
        ),
        slips={
            "8.6 plain": plain,
            "8.6 averaged": averaged,
            "8.6 late": late,
            "8.6 shrunk": shrunk,
            "8.6 same slope": frozen,
            "8.6 uphill": lambda d, w, lr, mu, n: momentum(d, w, -lr, mu, n),
            "8.6 one step": lambda d, w, lr, mu, n: momentum(d, w, lr, mu, 1),
            "8.6 one too few": lambda d, w, lr, mu, n: momentum(d, w, lr, mu, n - 1),
            "8.6 one too many": lambda d, w, lr, mu, n: momentum(d, w, lr, mu, n + 1),
            "8.6 no rate": lambda d, w, lr, mu, n: momentum(d, w, 1.0, mu, n),
            "8.6 rate twice": lambda d, w, lr, mu, n: momentum(d, w, lr * lr, mu, n),
            "8.6 no mu": lambda d, w, lr, mu, n: momentum(d, w, lr, 1.0, n),
            "8.6 exchanged": lambda d, w, lr, mu, n: momentum(d, w, mu, lr, n),
            "8.6 velocity": velocity,
            "8.6 forgotten": lambda d, w, lr, mu, n: momentum(d, w, lr, 1 - mu, n),
            "8.6 looking ahead": looking_ahead,
            "8.6 pushed first": pushed_first,
        },
    ),
    "8.7": Exercise(
        truth=np.sum(SIZES * MEANS) / SIZES.sum(),
        slips={
            "8.7 mean of means": MEANS.mean(),
            "8.7 sum of means": MEANS.sum(),
            "8.7 not divided": np.sum(SIZES * MEANS),
            "8.7 by batches": np.sum(SIZES * MEANS) / len(SIZES),
            "8.7 not weighted": MEANS.sum() / SIZES.sum(),
        },
    ),
    "8 a": Exercise("a", choices="abc", slips={"8 a largest": "b", "8 a noise": "c"}),
    "8 b": Exercise("c", choices="abc", slips={"8 b same": "a", "8 b once": "b"}),
    "8 c": Exercise("b", choices="abc", slips={"8 c epochs": "a", "8 c samples": "c"}),
}

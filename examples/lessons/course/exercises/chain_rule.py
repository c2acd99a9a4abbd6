"""The exercises of lesson 2: slopes multiply; logarithms, cross-entropies, one neuron."""

import numpy as np

from course.judge import Exercise, numerical_gradient, slope


def squares(x):
    return (x**2 + 1) ** 2


def log_of_square(p):
    """The chain of exercise 2.2, whose slip is to take 1/p for 1/a."""
    return -np.log(1 - p**2)


def binary_cross_entropy(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def d_binary(p, t):
    return slope(binary_cross_entropy, p, t)


def in_bits(p):
    return -np.log2(p)


def in_nats(p):
    return -np.log(p)


def cross_entropy(p, t):
    """The mean over the rows."""
    return np.mean(-np.sum(t * np.log(p), axis=1))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def neuron_loss(w, x, b, t):
    return np.mean(binary_cross_entropy(sigmoid(w * x + b), t))


def d_neuron(x, w, b, t):
    return slope(neuron_loss, w, x, b, t)


def through_the_logit(x, w, b, t):
    """The slope of the loss in the logit, for each sample."""
    return sigmoid(w * x + b) - t


def d_neuron_without_sigmoid(x, w, b, t):
    p = sigmoid(w * x + b)
    return np.mean((-t / p + (1 - t) / (1 - p)) * x)


FRUIT = [
    (
        np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]),
        np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]),
    ),
    (
        np.array([[0.4, 0.6], [0.85, 0.15], [0.5, 0.5]]),
        np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]),
    ),
]

SAMPLES = [
    (np.array([2.0, -1.0, 0.5]), 0.5, -1.0, np.array([1.0, 0.0, 0.0])),
    (np.array([1.0, 3.0]), -0.4, 0.2, np.array([0.0, 1.0])),
    (np.array([2.0, 1.0, -3.0, 0.2]), 0.3, 0.1, np.array([1.0, 1.0, 0.0, 0.0])),
]

EXERCISES = {
    "2.1": Exercise(
        truth=slope(squares, 2.0),
        slips={
            "2.1 outer at x": 2 * 2.0 * 2 * 2.0,
            "2.1 outer only": 2 * (2.0**2 + 1),
            "2.1 inner only": 2 * 2.0,
            "2.1 sum": 2 * (2.0**2 + 1) + 2 * 2.0,
            "2.1 value": squares(2.0),
        },
    ),
    "2.2": Exercise(
        truth=slope(log_of_square, 0.6),
        slips={
            "2.2 same": -2 * 0.6 * (1 / 0.6) * -1,
            "sign": -slope(log_of_square, 0.6),
            "2.2 a dropped": -1 / (1 - 0.6**2),
            "2.2 line b": 1 / (1 - 0.6**2),
            "2.2 half of a": 0.6 / (1 - 0.6**2),
            "2.2 value": log_of_square(0.6),
        },
    ),
    "2.3": Exercise(
        truth=d_binary,
        at=((0.3, 1.0), (0.3, 0.0), (0.8, 1.0), (0.6, 0.0)),
        slips={
            "2.3 inner sign": lambda p, t: -t / p - (1 - t) / (1 - p),
            "sign": lambda p, t: -d_binary(p, t),
            "2.3 no switch": lambda p, t: -1 / p + 1 / (1 - p),
            "2.3 first sign": lambda p, t: t / p + (1 - t) / (1 - p),
            "2.3 first term": lambda p, t: -t / p,
            "2.3 second term": lambda p, t: (1 - t) / (1 - p),
            "2.3 value": binary_cross_entropy,
            "2.3 logit": lambda p, t: p - t,
        },
    ),
    "2.4": Exercise(
        truth=slope(in_bits, 0.125),
        slips={
            "2.4 nats": slope(in_nats, 0.125),
            "2.4 multiplied": slope(in_nats, 0.125) * np.log(2),
            "2.4 base 2": slope(in_nats, 0.125) / 2,
            "sign": -slope(in_bits, 0.125),
            "2.4 value": in_bits(0.125),
            "2.4 log p": -in_bits(0.125),
        },
    ),
    "2.5": Exercise(
        truth=lambda p, t: numerical_gradient(lambda q: cross_entropy(q, t), p),
        at=tuple(FRUIT),
        slips={
            "1/N missing": lambda p, t: -t / p,
            "sign": lambda p, t: t / p / len(p),
            "2.5 all": lambda p, t: -1 / p / len(p),
            "2.5 binary": lambda p, t: (-t / p + (1 - t) / (1 - p)) / len(p),
            "2.5 mean": lambda p, t: np.mean(-t / p),
            "2.5 binary sum": lambda p, t: -t / p + (1 - t) / (1 - p),
            "2.5 value": lambda p, t: -t * np.log(p) / len(p),
            "2.5 sum": lambda p, t: -np.sum(t / p) / len(p),
            "2.5 each row": lambda p, t: -np.sum(t / p, axis=1) / len(p),
            "2.5 size": lambda p, t: -t / p / p.size,
            "2.5 logit": lambda p, t: (p - t) / len(p),
        },
    ),
    "2.6": Exercise(
        truth=lambda z: slope(sigmoid, z),
        at=((0.5,), (-2.0,), (1.5,)),
        slips={
            "sign": lambda z: -slope(sigmoid, z),
            "2.6 value": sigmoid,
            "2.6 at z": lambda z: z * (1 - z),
            "2.6 outer": lambda z: -(sigmoid(z) ** 2),
            "2.6 no exp": lambda z: sigmoid(z) ** 2,
        },
    ),
    "2.7": Exercise(
        truth=d_neuron,
        at=tuple(SAMPLES),
        slips={
            "1/N missing": lambda x, w, b, t: np.sum(through_the_logit(x, w, b, t) * x),
            "sign": lambda x, w, b, t: -d_neuron(x, w, b, t),
            "2.7 one term": lambda x, w, b, t: np.mean(
                t * (sigmoid(w * x + b) - 1) * x
            ),
            "2.7 always rain": lambda x, w, b, t: np.mean((sigmoid(w * x + b) - 1) * x),
            "2.7 no x": lambda x, w, b, t: np.mean(through_the_logit(x, w, b, t)),
            "2.7 no sigmoid": d_neuron_without_sigmoid,
            "2.7 logit": lambda x, w, b, t: np.mean((w * x + b - t) * x),
            "2.7 each": lambda x, w, b, t: through_the_logit(x, w, b, t) * x,
            "2.7 means": lambda x, w, b, t: (
                np.mean(through_the_logit(x, w, b, t)) * np.mean(x)
            ),
        },
    ),
    "2 a": Exercise("b", choices="abc", slips={"2 a sum": "a", "2 a last": "c"}),
    "2 b": Exercise("a", choices="abc", slips={"2 b up": "b", "2 b down": "c"}),
    "2 c": Exercise("c", choices="abc", slips={"2 c loss": "a", "2 c nothing": "b"}),
}

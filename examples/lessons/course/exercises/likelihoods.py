"""The exercises of lesson 7: likelihoods of coins, errors and counts, and priors as penalties."""

import numpy as np

from course.judge import Exercise, slope


def coin_nll(p):
    """The negative log-likelihood of 3 heads and 9 tails."""
    return -3 * np.log(p) - 9 * np.log(1 - p)


def normal_cost(error, deviation):
    """The negative log-likelihood of an error, without the constants."""
    return error**2 / (2 * deviation**2)


# A far error three times the near one would not tell the square of the difference apart.
FAR, NEAR, DEVIATION = 9, 2, 5
EXTRA = normal_cost(FAR, DEVIATION) - normal_cost(NEAR, DEVIATION)


SPOILED = np.array([0.0, 0.5, 1.0, 9.0])


def huber_slope(y):
    return np.sum(np.clip(y - SPOILED, -1, 1))


def zero_of(f, low, high):
    """Where a rising function is 0, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < 0 else (low, middle)
    return (low + high) / 2


def poisson_loss(w, x, t):
    """Without log t!, which does not depend on w."""
    return np.mean(np.exp(w * x) - t * w * x)


def poisson_slope(w, x, t):
    return np.mean((np.exp(w * x) - t) * x)


def normal_nll(y, s, t):
    return np.mean(surprise(y, s, t) + s + np.log(2 * np.pi)) / 2


def surprise(y, s, t):
    return (t - y) ** 2 / np.exp(s)


def soft_threshold(a, strength):
    return np.sign(a) * np.maximum(np.abs(a) - strength, 0)


EXERCISES = {
    "7.1": Exercise(
        truth=slope(coin_nll, 0.6),
        slips={
            "sign": -slope(coin_nll, 0.6),
            "1/N not wanted": slope(coin_nll, 0.6) / 12,
            "7.1 value": coin_nll(0.6),
            "7.1 inner": -3 / 0.6 - 9 / (1 - 0.6),
            "7.1 both rise": 3 / 0.6 + 9 / (1 - 0.6),
            "7.1 heads": -3 / 0.6,
            "7.1 tails": 9 / (1 - 0.6),
            "7.1 swapped": -9 / 0.6 + 3 / (1 - 0.6),
            "7.1 probabilities": -3 / (1 - 0.6) + 9 / 0.6,
            "7.1 best": 3 / 12,
            "7.1 tosses": -3 / 0.6 + 12 / (1 - 0.6),
            "7.1 logit": 12 * 0.6 - 3,
        },
    ),
    "7.2": Exercise(
        truth=EXTRA,
        slips={
            "sign": -EXTRA,
            "7.2 no half": 2 * EXTRA,
            "7.2 deviation": (FAR**2 - NEAR**2) / (2 * DEVIATION),
            "7.2 no deviation": (FAR**2 - NEAR**2) / 2,
            "7.2 only squares": FAR**2 - NEAR**2,
            "7.2 deviation, no half": (FAR**2 - NEAR**2) / DEVIATION,
            "7.2 squared difference": normal_cost(FAR - NEAR, DEVIATION),
            "7.2 squared difference, no half": ((FAR - NEAR) / DEVIATION) ** 2,
            "7.2 one error": normal_cost(FAR, DEVIATION),
            "7.2 ratio": np.exp(EXTRA),
            "7.2 Laplace": (FAR - NEAR) / DEVIATION,
            "7.2 no square": (FAR - NEAR) / (2 * DEVIATION),
        },
    ),
    "7.3": Exercise(
        truth=zero_of(huber_slope, 0.0, 1.0),
        slips={
            "7.3 mean": SPOILED.mean(),
            "7.3 median": np.median(SPOILED),
            "7.3 removed": SPOILED[:3].mean(),
            "7.3 away": (SPOILED[:3].sum() - 1) / 3,
            "7.3 four": (SPOILED[:3].sum() + 1) / 4,
            "7.3 twice": (2 * SPOILED[:3].sum() + 1) / 6,
            "7.3 not divided": SPOILED[:3].sum() + 1,
        },
    ),
    "7.4": Exercise(
        truth=lambda w, x, t: slope(poisson_loss, w, x, t),
        at=(
            (0.3, np.array([1.0, -2.0, 0.5, 3.0]), np.array([2.0, 0.0, 1.0, 4.0])),
            (-0.5, np.array([2.0, 1.5]), np.array([3.0, 1.0])),
            (0.0, np.array([-1.0, 0.7, 2.0]), np.array([0.0, 5.0, 2.0])),
        ),
        slips={
            "1/N missing": lambda w, x, t: len(x) * poisson_slope(w, x, t),
            "sign": lambda w, x, t: -poisson_slope(w, x, t),
            "7.4 twice": lambda w, x, t: 2 * poisson_slope(w, x, t),
            "7.4 no input": lambda w, x, t: np.mean(np.exp(w * x) - t),
            "7.4 logarithm": lambda w, x, t: np.mean((w * x - t) * x),
            "7.4 input outside": lambda w, x, t: (
                np.mean(np.exp(w * x) - t) * np.mean(x)
            ),
            "7.4 half": lambda w, x, t: np.mean(np.exp(w * x) * x - t),
            "7.4 inner": lambda w, x, t: np.mean(np.exp(w * x) - t * x),
            "7.4 in x": lambda w, x, t: np.mean((np.exp(w * x) - t) * w),
            "7.4 no exp": lambda w, x, t: np.mean((w - t) * x),
            "7.4 logistic": lambda w, x, t: np.mean((1 / (1 + np.exp(-w * x)) - t) * x),
            "7.4 value": poisson_loss,
        },
    ),
    "7.5": Exercise(
        truth=normal_nll,
        at=(
            (
                np.array([1.0, 2.0, -1.0]),
                np.array([0.5, 0.2, 2.0]),
                np.array([2.5, 1.0, 0.0]),
            ),
            (np.array([0.0, 3.0]), 1.5, np.array([0.5, -1.0])),
            (np.array([[4.0, 4.0]]), np.array([[-2.0, 0.3]]), np.array([[4.2, 9.0]])),
        ),
        slips={
            "sign": lambda y, s, t: -normal_nll(y, s, t),
            "1/N missing": lambda y, s, t: np.size(t) * normal_nll(y, s, t),
            "7.5 unchanged": lambda y, s, t: np.mean(surprise(y, s, t)) / 2,
            "7.5 no constant": lambda y, s, t: np.mean(surprise(y, s, t) + s) / 2,
            "7.5 whole": lambda y, s, t: normal_nll(y, s, t) + np.mean(s) / 2,
            "7.5 whole, no constant": lambda y, s, t: (
                np.mean(surprise(y, s, t)) / 2 + np.mean(s)
            ),
            "7.5 no variance": lambda y, s, t: (
                np.mean(surprise(y, s, t)) / 2 + np.log(2 * np.pi) / 2
            ),
            "7.5 deviation": lambda y, s, t: normal_nll(y, 2 * s, t),
            "7.5 logarithm twice": lambda y, s, t: (
                np.mean(surprise(y, s, t) + np.log(2 * np.pi) + np.log(s)) / 2
            ),
            "7.5 variance": lambda y, s, t: normal_nll(y, np.log(s), t),
            "7.5 variance, no constant": lambda y, s, t: (
                normal_nll(y, np.log(s), t) - np.log(2 * np.pi) / 2
            ),
            "7.5 sigma": lambda y, s, t: normal_nll(y, 2 * np.log(s), t),
            "7.5 sigma, no constant": lambda y, s, t: (
                normal_nll(y, 2 * np.log(s), t) - np.log(2 * np.pi) / 2
            ),
            "7.5 multiplied": lambda y, s, t: (
                np.mean((t - y) ** 2 * np.exp(s) + s + np.log(2 * np.pi)) / 2
            ),
            "7.5 twice": lambda y, s, t: 2 * normal_nll(y, s, t),
            "7.5 exp": lambda y, s, t: (
                np.mean(surprise(y, s, t) + np.exp(s) + np.log(2 * np.pi)) / 2
            ),
            "7.5 means": lambda y, s, t: (
                np.mean((t - y) ** 2) / np.mean(np.exp(s)) / 2
                + np.mean(s + np.log(2 * np.pi)) / 2
            ),
            "7.5 not divided": lambda y, s, t: (
                np.mean((t - y) ** 2 + s + np.log(2 * np.pi)) / 2
            ),
            "7.5 deviation, no constant": lambda y, s, t: (
                normal_nll(y, 2 * s, t) - np.log(2 * np.pi) / 2
            ),
            "7.5 constant whole": lambda y, s, t: (
                normal_nll(y, s, t) + np.log(2 * np.pi) / 2
            ),
            "7.5 minus": lambda y, s, t: normal_nll(y, s, t) - np.mean(s),
            "7.5 constant minus": lambda y, s, t: (
                normal_nll(y, s, t) - np.log(2 * np.pi)
            ),
            "7.5 constant pi": lambda y, s, t: normal_nll(y, s, t) - np.log(2) / 2,
            "7.5 base ten": lambda y, s, t: (
                np.mean(surprise(y, s, t) + s + np.log10(2 * np.pi)) / 2
            ),
            "7.5 no half": lambda y, s, t: (
                normal_nll(y, s, t) + np.mean(surprise(y, s, t)) / 2
            ),
        },
    ),
    "7.6": Exercise(
        truth=soft_threshold,
        at=(
            (np.array([3.0, 0.5, -2.0]), 1.0),
            (np.array([0.4371, -0.1, 0.25, -5.0]), 0.3),
            (np.array([-1.5, 2.5, 0.2, 0.1]), 2.0),
        ),
        slips={
            "7.6 L2": lambda a, strength: a / (1 + 2 * strength),
            "7.6 L2 half": lambda a, strength: a / (1 + strength),
            "7.6 beyond 0": lambda a, strength: a - strength * np.sign(a),
            "7.6 no zero": lambda a, strength: np.where(
                a > strength, a - strength, a + strength
            ),
            "7.6 negative": lambda a, strength: np.where(
                np.abs(a) > strength, a - strength, 0
            ),
            "7.6 half": lambda a, strength: soft_threshold(a, strength / 2),
            "7.6 factor": lambda a, strength: np.where(
                np.abs(a) > strength, a / (1 + 2 * strength), 0
            ),
            "7.6 only positive": lambda a, strength: np.maximum(a - strength, 0),
            "7.6 no sign": lambda a, strength: np.maximum(np.abs(a) - strength, 0),
            "7.6 shifted": lambda a, strength: a - strength,
            "7.6 cut": lambda a, strength: np.where(np.abs(a) > strength, a, 0),
            "7.6 away": lambda a, strength: a + strength * np.sign(a),
            "7.6 away, zeros": lambda a, strength: np.where(
                np.abs(a) > strength, a + strength * np.sign(a), 0
            ),
            "7.6 kept": lambda a, strength: np.where(
                np.abs(a) > strength, a - strength * np.sign(a), a
            ),
            "7.6 twice": lambda a, strength: soft_threshold(a, 2 * strength),
            "7.6 value": lambda a, strength: (
                (soft_threshold(a, strength) - a) ** 2 / 2
                + strength * np.abs(soft_threshold(a, strength))
            ),
        },
    ),
    "7 a": Exercise("a", choices="abc", slips={"7 a mean": "b", "7 a middle": "c"}),
    "7 b": Exercise(
        "b", choices="abc", slips={"7 b probability": "a", "7 b share": "c"}
    ),
    "7 c": Exercise("c", choices="abc", slips={"7 c prior": "a", "7 c twice": "b"}),
}

"""The exercises of lesson 11: pairs and triplets, the best discriminator, a generator, a penalty."""

import numpy as np

from course.judge import Exercise, numerical_gradient, slope


def contrastive(a, b, same, margin):
    distance = np.sqrt(np.sum((a - b) ** 2))
    return distance**2 / 2 if same else max(margin - distance, 0.0) ** 2 / 2


def triplet(points, margin):
    anchor, positive, negative = points
    to_positive = np.sqrt(np.sum((anchor - positive) ** 2))
    to_negative = np.sqrt(np.sum((anchor - negative) ** 2))
    return max(to_positive - to_negative + margin, 0.0)


def push_and_pull(a, b, same, margin, *, cut=True, unit=True, axis=1):
    distance = np.linalg.norm(a - b, axis=axis, keepdims=True)
    inside = margin - distance
    if cut:
        inside = np.maximum(inside, 0)
    push = -inside * (a - b) / (distance if unit else 1)
    return np.where(same[:, None] == 1, a - b, push)


def unit_pull(a, b, same, margin):
    d = np.linalg.norm(a - b, axis=1, keepdims=True)
    return push_and_pull(a, b, same, margin) / np.where(same == 1, d[:, 0], 1)[:, None]


def hardest(distances, anchor_labels, labels):
    same = anchor_labels[:, None] == labels[None, :]
    return np.where(same, np.inf, distances).argmin(axis=1)


def sigmoid(f):
    return 1 / (1 + np.exp(-f))


def d_ab(a, b, z, w, c, *, push=lambda f: sigmoid(f) - 1, mean=np.mean):
    g = push(w * (a + b * z) + c) * w
    return np.array([mean(g), mean(g * z)])


def penalty(w, x):
    """Of the critic w x^2, whose slope is 2 w x."""
    return np.mean((np.abs(2 * w * x) - 1) ** 2)


# A pair and a triplet to work out by hand.
A, B, MARGIN = np.array([4.0, 1.0]), np.array([1.0, 5.0]), 8.0
TRIPLET = np.array([[1.0, 1.0], [4.0, 5.0], [-3.8, 4.6]])
TO_POSITIVE, TO_NEGATIVE = (TRIPLET[1] - TRIPLET[0]) / 5, (TRIPLET[2] - TRIPLET[0]) / 6
D_A = numerical_gradient(lambda a: contrastive(a, B, False, MARGIN), A)
D_TRIPLET = numerical_gradient(lambda points: triplet(points, 3.0), TRIPLET)

PAIRS = [
    (
        np.array([[0.3, 0.1], [1.0, 2.0], [0.5, -0.2], [3.0, 1.0]]),
        np.array([[0.1, 0.5], [0.5, 0.5], [0.2, 0.6], [-1.0, 0.5]]),
        np.array([0, 1, 0, 0]),
        1.2,
    ),
    (
        np.array([[1.0, 0.0, 2.0], [0.0, 0.5, 0.1], [2.0, 2.0, -3.0]]),
        np.array([[0.0, 0.4, 1.0], [0.2, 0.1, 0.0], [0.0, 0.0, 1.0]]),
        np.array([1, 0, 0]),
        2.5,
    ),
    (
        np.array([[0.3, 0.1], [0.2, 0.6], [1.0, 0.4]]),
        np.array([[0.1, 0.4], [0.5, 0.5], [0.6, 0.9]]),
        np.array([0, 1, 0]),
        2.0,
    ),
]

DISTANCES = [
    (
        np.array(
            [
                [0.9, 0.4, 0.7, 0.2],
                [0.3, 0.8, 0.1, 0.6],
                [0.5, 0.9, 0.35, 0.15],
                [0.2, 0.45, 0.65, 0.05],
            ]
        ),
        np.array([3, 5, 8, 3]),
        np.array([5, 8, 5, 3]),
    ),
    (
        1000 * np.array([[2.0, 1.0, 3.0], [4.0, 5.0, 1.5], [0.5, 2.5, 3.5]]),
        np.array([0, 1, 0]),
        np.array([1, 0, 1]),
    ),
]

GAMES = [
    (0.5, 1.2, np.array([0.3, -1.0, 0.8, 2.0]), 1.5, -2.0),
    (-1.0, 0.7, np.array([1.0, -0.4, -0.6]), -0.8, 0.3),
]

SLOPES = [
    (0.8, np.array([0.5, -1.0, 2.0])),
    (-1.5, np.array([1.0, 0.2, -0.7, 0.4])),
]


def d_penalty(w, x):
    return slope(lambda w: penalty(w, x), w)


EXERCISES = {
    "11.1": Exercise(
        truth=D_A,
        slips={
            "11.1 same": A - B,
            "11.1 other end": -D_A,
            "11.1 no unit": D_A * 5,
            "11.1 no gap": -(A - B) / 5,
            "11.1 no half": D_A * 2,
            "11.1 force d": B - A,
            "11.1 whole margin": -MARGIN * (A - B) / 5,
            "11.1 loss": -((MARGIN - 5) ** 2) / 2 * (A - B) / 5,
            "11.1 sum": -(MARGIN - np.abs(A - B).sum()) * (A - B) / np.abs(A - B).sum(),
            "11.1 square": np.zeros(2),
        },
    ),
    "11.2": Exercise(
        truth=push_and_pull,
        at=tuple(PAIRS),
        slips={
            "11.2 unchanged": lambda *pairs: push_and_pull(
                *pairs, cut=False, unit=False
            ),
            "11.2 beyond": lambda *pairs: push_and_pull(*pairs, cut=False),
            "11.2 length": lambda *pairs: push_and_pull(*pairs, unit=False),
            "11.2 swapped": lambda a, b, same, margin: push_and_pull(
                a, b, 1 - same, margin
            ),
            "1/N not wanted": lambda a, b, same, margin: (
                push_and_pull(a, b, same, margin) / len(a)
            ),
            "sign": lambda *pairs: -push_and_pull(*pairs),
            "11.2 push sign": lambda a, b, same, margin: (
                push_and_pull(a, b, same, margin) * np.where(same == 1, 1, -1)[:, None]
            ),
            "11.2 same cut": lambda a, b, same, margin: np.where(
                np.linalg.norm(a - b, axis=1, keepdims=True) < margin,
                push_and_pull(a, b, same, margin),
                0,
            ),
            "11.2 twice": lambda *pairs: 2 * push_and_pull(*pairs),
            "11.2 push twice": lambda a, b, same, margin: (
                push_and_pull(a, b, same, margin) * np.where(same == 1, 1, 2)[:, None]
            ),
            "11.2 square": lambda a, b, same, margin: (
                push_and_pull(a, b, same, margin)
                / np.where(same == 1, 1, np.linalg.norm(a - b, axis=1))[:, None]
            ),
            "11.2 margin of 1": lambda a, b, same, margin: push_and_pull(a, b, same, 1),
            "11.2 no axis": lambda *pairs: push_and_pull(*pairs, axis=None),
            "11.2 columns": lambda *pairs: push_and_pull(*pairs, axis=0),
            "11.2 no push": lambda a, b, same, margin: (a - b) * same[:, None],
            "11.2 unit pull": unit_pull,
            "11.2 outside": lambda a, b, same, margin: (
                push_and_pull(a, b, same, margin, cut=False)
                - push_and_pull(a, b, np.zeros(len(a)), margin) * (same == 0)[:, None]
            ),
            "11.2 components": lambda a, b, same, margin: np.where(
                same[:, None] == 1,
                a - b,
                np.maximum(push_and_pull(a, b, same, margin, cut=False), 0),
            ),
            "11.2 absolute": lambda a, b, same, margin: np.where(
                np.linalg.norm(a - b, axis=1, keepdims=True) > margin,
                -push_and_pull(a, b, same, margin, cut=False),
                push_and_pull(a, b, same, margin),
            ),
        },
    ),
    "11.3": Exercise(
        truth=D_TRIPLET,
        slips={
            "sign": -D_TRIPLET,
            "11.3 no margin": numerical_gradient(
                lambda points: triplet(points, 0.0), TRIPLET
            ),
            "11.3 one path": np.array([-TO_POSITIVE, TO_POSITIVE, -TO_NEGATIVE]),
            "11.3 other path": np.array([TO_NEGATIVE, TO_POSITIVE, -TO_NEGATIVE]),
            "11.3 negative": D_TRIPLET * [[1], [1], [-1]],
            "11.3 anchor": D_TRIPLET * [[-1], [1], [1]],
            "11.3 roles": np.array(
                [TO_POSITIVE - TO_NEGATIVE, TO_NEGATIVE, -TO_POSITIVE]
            ),
            "11.3 order": D_TRIPLET[[1, 2, 0]],
            "11.3 plus": np.array(
                [-TO_POSITIVE - TO_NEGATIVE, TO_POSITIVE, TO_NEGATIVE]
            ),
            "11.3 no unit": np.array(
                [
                    6 * TO_NEGATIVE - 5 * TO_POSITIVE,
                    5 * TO_POSITIVE,
                    -6 * TO_NEGATIVE,
                ]
            ),
            "11.3 loss": 2 * D_TRIPLET,
            "transposed": D_TRIPLET.T,
        },
    ),
    "11.4": Exercise(
        truth=hardest,
        at=tuple(DISTANCES),
        slips={
            "11.4 any": lambda distances, anchor_labels, labels: distances.argmin(
                axis=1
            ),
            "11.4 same": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, distances, np.inf
            ).argmin(axis=1),
            "11.4 farthest": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, -np.inf, distances
            ).argmax(axis=1),
            "11.4 columns": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, np.inf, distances
            ).argmin(axis=0),
            "11.4 no column": lambda distances, anchor_labels, labels: np.where(
                anchor_labels == labels, np.inf, distances
            ).argmin(axis=1),
            "11.4 turned": lambda distances, anchor_labels, labels: np.where(
                labels[:, None] == anchor_labels, np.inf, distances
            ).argmin(axis=1),
            "11.4 digit": lambda distances, anchor_labels, labels: labels[
                hardest(distances, anchor_labels, labels)
            ],
            "11.4 zero": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, 0, distances
            ).argmin(axis=1),
            "11.4 largest": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, distances.max(), distances
            ).argmin(axis=1),
            "11.4 from 1": lambda *table: hardest(*table) + 1,
            "11.4 among": lambda distances, anchor_labels, labels: np.array(
                [
                    row[labels != label].argmin()
                    for row, label in zip(distances, anchor_labels, strict=True)
                ]
            ),
            "11.4 distance": lambda distances, anchor_labels, labels: np.where(
                anchor_labels[:, None] == labels, np.inf, distances
            ).min(axis=1),
        },
    ),
    "11.5": Exercise(
        truth=np.log(0.6 / 0.12),
        slips={
            "11.5 other way": np.log(0.12 / 0.6),
            "11.5 probability": 0.6 / (0.6 + 0.12),
            "11.5 odds": 0.6 / 0.12,
            "11.5 log of probability": np.log(0.6 / (0.6 + 0.12)),
            "11.5 difference": 0.6 - 0.12,
            "11.5 fake": 0.12 / (0.6 + 0.12),
            "11.5 base": np.log10(0.6 / 0.12),
            "11.5 base 2": np.log2(0.6 / 0.12),
        },
    ),
    "11.6": Exercise(
        truth=d_ab,
        at=tuple(GAMES),
        slips={
            "11.6 saturating": lambda *game: d_ab(*game, push=lambda f: -sigmoid(f)),
            "11.6 no log": lambda *game: d_ab(
                *game, push=lambda f: -sigmoid(f) * (1 - sigmoid(f))
            ),
            "11.6 as real": lambda *game: d_ab(*game, push=sigmoid),
            "11.6 no w": lambda a, b, z, w, c: d_ab(a, b, z, w, c) / w,
            "11.6 no z": lambda *game: d_ab(*game)[[0, 0]],
            "11.6 no sigmoid": lambda *game: d_ab(
                *game, push=lambda f: -np.ones(f.shape)
            ),
            "11.6 at z": lambda a, b, z, w, c: np.array(
                [
                    np.mean((sigmoid(w * z + c) - 1) * w),
                    np.mean((sigmoid(w * z + c) - 1) * w * z),
                ]
            ),
            "11.6 no c": lambda a, b, z, w, c: d_ab(a, b, z, w, 0),
            "11.6 no inner": lambda *game: d_ab(*game, push=lambda f: -1 / sigmoid(f)),
            "11.6 x for z": lambda a, b, z, w, c: np.array(
                [
                    np.mean((sigmoid(w * (a + b * z) + c) - 1) * w),
                    np.mean((sigmoid(w * (a + b * z) + c) - 1) * w * (a + b * z)),
                ]
            ),
            "11.6 order": lambda *game: d_ab(*game)[::-1],
            "11.6 product of means": lambda a, b, z, w, c: (
                d_ab(a, b, z, w, c)[0] * np.array([1, np.mean(z)])
            ),
            "1/N missing": lambda *game: d_ab(*game, mean=np.sum),
            "sign": lambda *game: -d_ab(*game),
        },
    ),
    "11.7": Exercise(
        truth=d_penalty,
        at=tuple(SLOPES),
        slips={
            "11.7 half": lambda w, x: d_penalty(w, x) / 2,
            "1/N missing": lambda w, x: d_penalty(w, x) * len(x),
            "11.7 value": penalty,
            "11.7 no absolute": lambda w, x: np.mean(2 * (2 * w * x - 1) * 2 * x),
            "11.7 no sign": lambda w, x: np.mean(2 * (np.abs(2 * w * x) - 1) * 2 * x),
            "11.7 no inner": lambda w, x: np.mean(
                2 * (np.abs(2 * w * x) - 1) * np.sign(2 * w * x)
            ),
            "11.7 of f": lambda w, x: np.mean(
                2 * (np.abs(w * x**2) - 1) * np.sign(w) * x**2
            ),
            "11.7 sign of w": lambda w, x: np.mean(
                2 * (np.abs(2 * w * x) - 1) * np.sign(w) * 2 * x
            ),
            "11.7 sign of x": lambda w, x: np.mean(
                2 * (np.abs(2 * w * x) - 1) * np.sign(x) * 2 * x
            ),
            "11.7 in x": lambda w, x: np.mean(
                2 * (np.abs(2 * w * x) - 1) * np.sign(2 * w * x) * 2 * w
            ),
            "11.7 slope": lambda w, x: np.mean(
                2 * (np.abs(w * x) - 1) * np.sign(w * x) * x
            ),
            "11.7 mean first": lambda w, x: (
                (2 * (abs(2 * w * np.mean(x)) - 1) * np.sign(w * np.mean(x)) * 2)
                * np.mean(x)
            ),
            "sign": lambda w, x: -d_penalty(w, x),
        },
    ),
    "11 a": Exercise(
        "b", choices="abc", slips={"11 a finished": "a", "11 a margin": "c"}
    ),
    "11 b": Exercise(
        "c", choices="abc", slips={"11 b most to learn": "a", "11 b other loss": "b"}
    ),
    "11 c": Exercise("a", choices="abc", slips={"11 c good": "b", "11 c sure": "c"}),
}

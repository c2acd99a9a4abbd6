"""The exercises of lesson 9: layers that collapse, slopes of activations, products, first weights, dead units."""

import numpy as np

from course.judge import Exercise, Slip, slope


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def leaky_relu(z, a):
    return np.where(z > 0, z, a * z)


def leaky_rule(z, g, a):
    """By differences, for no z of the inputs is near the corner."""
    h = 1e-4
    return g * (leaky_relu(z + h, a) - leaky_relu(z - h, a)) / (2 * h)


def outputs(X, W, b):
    return np.maximum(X @ W + b, 0)


def share_of_dead(X, W, b):
    return np.mean(outputs(X, W, b).max(axis=0) == 0)


def two_layers(x):
    return 4 * (2 * x + 3) - 5


OTHERS = {"tanh", "arctanh", "sinh", "cosh", "exp", "exp2", "expm1", "e"}


def names_in(code):
    """The names that code looks up, with those of the functions in it, but for a sigmoid."""
    inner = [x for x in code.co_consts if hasattr(x, "co_names")]
    return set(code.co_names).union(
        *(names_in(x) for x in inner if x.co_name != "sigmoid")
    )


def names_of(function):
    """The names that a function looks up; of another callable, such as an op, its own name as well."""
    for wrapped in ("pyfunc", "func"):  # of np.vectorize and of functools.partial
        function = getattr(function, wrapped, function)
    if hasattr(function, "__code__"):
        return names_in(function.__code__)
    call = getattr(type(function).__call__, "__code__", None)
    own = {getattr(function, "__name__", "")}
    return own | names_in(call) if call else own


def with_sigmoid(function):
    """The function, refused if another one does the work: np.tanh itself would be no answer."""

    def run(z):
        value = function(z)
        if value is not None and value is not ... and OTHERS & names_of(function):
            raise Slip("9.3 others")
        return value

    return run


def one_share(function):
    """The function; True or False, of all units or of each, is not yet a share."""

    def run(X, W, b):
        value = function(X, W, b)
        dead = np.all(outputs(X, W, b) == 0, axis=0)
        if isinstance(value, (bool, np.bool_)) and value == dead.all():
            raise Slip("9.7 all at once")
        if np.shape(value) == b.shape and (
            np.asarray(value).dtype == np.bool_ or np.array_equal(value, dead)
        ):
            raise Slip("9.7 each")
        return value

    return run


def smallest_count(factor, below):
    count = 0
    while factor**count >= below:
        count += 1
    return count


Z = np.log(9.0)
D_SIGMOID = slope(sigmoid, Z)

# Three units of the first layer are dead: one has only zeros; beside it, one is always 0.6. One is dead
# in the second, where another is saved by its bias.
# The others are off for some samples; one sample of the first layer has all units off. The third layer is dead.
# Of the fourth two units of three are, so that a rounded share is told from "all are dead".
LAYERS = (
    (
        np.array([[1.0, 2.0], [0.5, -1.0], [-1.5, 0.3], [-0.2, -0.4]]),
        np.array(
            [
                [1.0, -0.5, 0.7, -2.0, 0.1, 0.0, 0.0],
                [0.4, 0.2, -1.0, 1.0, 0.3, 0.0, 0.0],
            ]
        ),
        np.array([0.3, -3.0, 0.2, -6.0, -0.6, 0.6, 0.0]),
    ),
    (
        np.array([[0.4, -1.2, 0.5], [1.1, 0.3, 0.9], [-0.7, -0.5, 0.2]]),
        np.array([[1.0, 0.3, 0.0, 2.0], [0.5, 0.1, 0.0, -0.3], [-1.0, 0.2, -2.0, 0.6]]),
        np.array([0.1, -1.5, 0.6, 0.0]),
    ),
    (
        np.array([[1.0, 2.0], [3.0, 1.0]]),
        np.array([[-1.0, -2.0, -1.0], [-1.0, 0.5, -2.0]]),
        np.array([0.0, -1.0, 0.5]),
    ),
    (
        np.array([[1.0, 2.0], [0.5, -3.0], [2.0, 0.4], [0.3, 0.1]]),
        np.array([[-1.0, 0.4, 0.2], [-0.1, -0.3, 1.0]]),
        np.array([-0.5, -2.0, 0.3]),
    ),
)

EXERCISES = {
    "9.1": Exercise(
        truth=np.array([slope(two_layers, 0.0), two_layers(0.0)]),
        slips={
            "9.1 biases added": np.array([8.0, 3.0 - 5.0]),
            "9.1 all added": np.array([2.0 + 4.0, 3.0 - 5.0]),
            "9.1 last bias": np.array([8.0, -5.0]),
            "9.1 first bias": np.array([8.0, 3.0 * 4.0]),
            "9.1 plus": np.array([8.0, 3.0 * 4.0 + 5.0]),
            "9.1 product": np.array([8.0, 3.0 * -5.0]),
            "9.1 order": np.array([8.0, 2.0 * -5.0 + 3.0]),
            "9.1 swapped": np.array([two_layers(0.0), slope(two_layers, 0.0)]),
        },
    ),
    "9.2": Exercise(
        truth=D_SIGMOID,
        slips={
            "sign": -D_SIGMOID,
            "9.2 value": sigmoid(Z),
            "9.2 tanh": 1 - sigmoid(Z) ** 2,
            "9.2 rest": 1 - sigmoid(Z),
            "9.2 largest": slope(sigmoid, 0.0),
            "9.2 of z": Z * (1 - Z),
            "9.2 power": np.exp(-Z),
            "9.2 power for value": np.exp(-Z) * (1 - np.exp(-Z)),
            "9.2 square": sigmoid(Z) ** 2,
            "9.2 minus nine": -9 / (1 - 9) ** 2,
            "9.2 no log": slope(sigmoid, 9.0),
            "9.2 base ten": slope(sigmoid, np.log10(9.0)),
        },
    ),
    "9.3": Exercise(
        truth=np.tanh,
        via=with_sigmoid,
        at=((0.7,), (np.array([-2.0, -0.3, 0.0, 1.5]),)),
        slips={
            "sign": lambda z: -np.tanh(z),
            "9.3 too flat": lambda z: 2 * sigmoid(z) - 1,
            "9.3 from 0": lambda z: sigmoid(2 * z),
            "9.3 not moved": lambda z: 2 * sigmoid(2 * z),
            "9.3 not stretched": lambda z: sigmoid(2 * z) - 1,
            "9.3 by a half": lambda z: sigmoid(2 * z) - 0.5,
            "9.3 moved twice": lambda z: 2 * (sigmoid(2 * z) - 1),
            "9.3 wider": lambda z: 2 * sigmoid(z / 2) - 1,
        },
    ),
    "9.4": Exercise(
        truth=leaky_rule,
        at=(
            (np.array([-2.0, -0.05, 0.3, 3.0]), np.array([1.5, -2.0, 0.7, -4.0]), 0.1),
            (
                np.array([[1.2, -0.8], [-3.0, 0.2]]),
                np.array([[-1, 0.5], [2, 3.0]]),
                0.3,
            ),
        ),
        slips={
            "without g": lambda z, g, a: np.where(z > 0, 1.0, a),
            "9.4 value": lambda z, g, a: g * leaky_relu(z, a),
            "9.4 sides": lambda z, g, a: np.where(z > 0, a * g, g),
            "9.4 relu": lambda z, g, a: np.where(z > 0, g, 0.0),
            "9.4 of g": lambda z, g, a: np.where(g > 0, g, a * g),
            "9.4 at a": lambda z, g, a: np.where(z > a, g, a * g),
            "9.4 minus": lambda z, g, a: np.where(z > 0, g, -a * g),
            "9.4 left alone": lambda z, g, a: np.where(z > 0, g, a),
            "9.4 right alone": lambda z, g, a: np.where(z > 0, 1.0, a * g),
            "9.4 everywhere": lambda z, g, a: a * g,
            "9.4 whole": lambda z, g, a: 1.0 * g,
            "9.4 forward": lambda z, g, a: leaky_relu(z, a),
        },
    ),
    "9.5": Exercise(
        truth=smallest_count(slope(sigmoid, 0.0), 1e-9),
        slips={
            "9.5 half": smallest_count(sigmoid(0.0), 1e-9),
            "9.5 one too few": smallest_count(0.25, 1e-9) - 1,
            "9.5 one too many": smallest_count(0.25, 1e-9) + 1,
            "9.5 not whole": np.log(1e9) / np.log(4.0),
            "9.5 tens": 9,
            "9.5 pairs": 2 * 9,
            "9.5 in proportion": 0.25e9,
        },
    ),
    "9.6": Exercise(
        truth=lambda n, a: np.sqrt(2 / ((1 + a**2) * n)),
        at=((64, 0.0), (50, 0.1), (200, 0.5)),
        slips={
            "9.6 He": lambda n, a: np.sqrt(2 / n),
            "9.6 Xavier": lambda n, a: np.sqrt(1 / n),
            "9.6 variance": lambda n, a: 2 / ((1 + a**2) * n),
            "9.6 not squared": lambda n, a: np.sqrt(2 / ((1 + a) * n)),
            "9.6 square of the sum": lambda n, a: np.sqrt(2 / ((1 + a) ** 2 * n)),
            "9.6 root of n": lambda n, a: 2 / (1 + a**2) / np.sqrt(n),
            "9.6 whole": lambda n, a: np.sqrt(1 / ((0.5 + a**2) * n)),
            "9.6 raised": lambda n, a: np.sqrt(2 * (1 + a**2) / n),
            "9.6 n outside": lambda n, a: np.sqrt(2 / (1 + a**2) * n),
            "9.6 factor": lambda n, a: (1 + a**2) / 2,
            "9.6 no n": lambda n, a: np.sqrt(2 / (1 + a**2)),
            "9.6 variance, no n": lambda n, a: 2 / (1 + a**2),
            "9.6 reciprocal": lambda n, a: np.sqrt((1 + a**2) * n / 2),
            "9.6 no half": lambda n, a: np.sqrt(1 / ((1 + a**2) * n)),
            "9.6 upside down": lambda n, a: np.sqrt((1 + a**2) / (2 * n)),
        },
    ),
    "9.7": Exercise(
        truth=share_of_dead,
        via=one_share,
        at=LAYERS,
        slips={
            "9.7 zeros": lambda X, W, b: np.mean(outputs(X, W, b) == 0),
            "9.7 any": lambda X, W, b: np.mean(np.any(outputs(X, W, b) == 0, axis=0)),
            "9.7 samples": lambda X, W, b: np.mean(
                np.all(outputs(X, W, b) == 0, axis=1)
            ),
            "9.7 count": lambda X, W, b: np.sum(np.all(outputs(X, W, b) == 0, axis=0)),
            "9.7 all at once": lambda X, W, b: np.mean(np.all(outputs(X, W, b) == 0)),
            "9.7 rows": lambda X, W, b: share_of_dead(X, W, b) * W.shape[1] / len(X),
            "9.7 rounded": lambda X, W, b: np.round(share_of_dead(X, W, b)),
            "9.7 percent": lambda X, W, b: 100 * share_of_dead(X, W, b),
            "9.7 no relu": lambda X, W, b: np.mean(np.all(X @ W + b == 0, axis=0)),
            "9.7 below 0": lambda X, W, b: np.mean(np.all(X @ W + b < 0, axis=0)),
            "9.7 constant": lambda X, W, b: np.mean(outputs(X, W, b).std(axis=0) == 0),
            "9.7 alive": lambda X, W, b: 1 - share_of_dead(X, W, b),
            "9.7 no bias": lambda X, W, b: share_of_dead(X, W, 0 * b),
            "9.7 on average": lambda X, W, b: np.mean((X @ W + b).mean(axis=0) <= 0),
            "9.7 below 0 on average": lambda X, W, b: np.mean(
                (X @ W + b).mean(axis=0) < 0
            ),
        },
    ),
    "9 a": Exercise("b", choices="abc", slips={"9 a softmax": "a", "9 a relu": "c"}),
    "9 b": Exercise("c", choices="abc", slips={"9 b stays": "a", "9 b dead": "b"}),
    "9 c": Exercise("a", choices="abc", slips={"9 c saturates": "b", "9 c sign": "c"}),
}

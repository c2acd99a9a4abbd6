"""The exercises of lesson 3: gradients on a graph, operations of one's own, a step of a network."""

import math

import numpy as np

from course.judge import Exercise, Slip, numerical_gradient, slope
from course.scalar_engine import Value


def squared_line(w, x, b):
    return (x * w + b) ** 2


SMALL = tuple(slope(squared_line, 2.0, 3.0, -3.0, argument=i) for i in range(3))


def division(a, b):
    return np.array([slope(lambda a: a / b, a), slope(lambda b: a / b, b)])


# What exercise 3.3 differentiates.


def total(price, count, tax):
    return price * count * tax


def ratio(a, b):
    return a / b


def twice_used(x, y):
    return x**2 * y + x


def gradient(f, numbers):
    return np.array(
        [
            slope(lambda *at: f(*map(Value, at)).data, *numbers, argument=i)
            for i in range(len(numbers))
        ]
    )


# Operations of one's own: the value and the gradients at the parents.


def node_class(operation):
    """The class of nodes that the reader's code knows: that of the notebook, where there is one."""
    return getattr(operation, "__globals__", {}).get("Value", Value)


def forward_and_back(operation):
    """Of an operation on nodes the function of numbers: the value, then the parents' gradients."""

    def of_numbers(*numbers):
        parents = [node_class(operation)(x) for x in numbers]
        node = operation(*parents)
        if node is None or node is ...:
            return node
        if not hasattr(node, "parents"):
            raise Slip("3.4 number")
        if hasattr(node.data, "grad"):
            raise Slip("3.4 data")
        pairs = node.parents
        if not isinstance(pairs, (list, tuple)) or not all(
            isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs
        ):
            raise Slip("3.4 pairs")
        if not all(hasattr(parent, "parents") for parent, _ in pairs):
            raise Slip("3.4 pairs")
        if any(hasattr(local, "grad") for _, local in pairs):
            raise Slip("3.4 node")
        node.backward()
        return np.array([node.data, *(parent.grad for parent in parents)])

    return of_numbers


def softplus(z):
    return math.log(1 + math.exp(z))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def with_slope(local):
    """Softplus with a local derivative, right or wrong."""
    return lambda z: np.array([softplus(z), local(z)])


def with_locals(of_a, of_b):
    """The maximum with two local derivatives, right or wrong."""
    return lambda a, b: np.array([max(a, b), of_a(a, b), of_b(a, b)])


def unit_loss(w, x=3.0, b=-1.5, t=1.0):
    return (sigmoid(w * x + b) - t) ** 2 / 2


# Mazur's network of lesson 3 in NumPy, and its training.

X, T = np.array([0.05, 0.10]), np.array([0.01, 0.99])
START = [0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55]
ELSEWHERE = [0.9, -0.4, 0.1, 0.6, -0.7, 0.2, 0.8, -0.3]


def network_loss(w):
    w = np.asarray(w)
    h = sigmoid(w[:4].reshape(2, 2) @ X + 0.35)
    y = sigmoid(w[4:].reshape(2, 2) @ h + 0.6)
    return np.sum((y - T) ** 2) / 2


def descend(w, lr, steps):
    w = np.array(w)
    for _ in range(steps):
        w = w - lr * numerical_gradient(network_loss, w)
    return w


def descend_with_old_gradients(w, lr, steps):
    """What += makes of it if the nodes, and so their gradients, are kept from step to step."""
    w, grad = np.array(w), 0.0
    for _ in range(steps):
        grad = grad + numerical_gradient(network_loss, w)
        w = w - lr * grad
    return w


EXERCISES = {
    "3.1": Exercise(
        truth=np.array(SMALL),
        slips={
            "without g": np.array([3.0, 2.0, 1.0]),
            "half": np.array(SMALL) / 2,
            "3.1 own factor": np.array([SMALL[1], SMALL[0], SMALL[2]]),
            "3.1 value": squared_line(2.0, 3.0, -3.0) * np.array([3.0, 2.0, 1.0]),
            "3.1 bias": np.array([SMALL[0], SMALL[1], 1.0]),
            "3.1 bias value": np.array([SMALL[0], SMALL[1], -3.0 * SMALL[2]]),
        },
    ),
    "3.2": Exercise(
        truth=division,
        at=((3.0, 2.0), (-1.5, 4.0), (2.0, -0.5)),
        slips={
            "3.2 sign": lambda a, b: np.abs(division(a, b)) * np.sign([b, a]),
            "3.2 no square": lambda a, b: np.array([1 / b, -a / b]),
            "3.2 numerator": lambda a, b: np.array([1 / b, -1 / b**2]),
            "3.2 order": lambda a, b: division(a, b)[::-1],
            "3.2 product": lambda a, b: np.array([b, a]),
            "3.2 value": lambda a, b: a / b,
        },
    ),
    "3.3": Exercise(
        truth=gradient,
        at=((total, [100.0, 2.0, 1.1]), (ratio, [3.0, 2.0]), (twice_used, [3.0, -2.0])),
        slips={
            "3.3 no backward": lambda f, numbers: np.zeros(len(numbers)),
            "3.3 data": lambda f, numbers: np.array(numbers),
            "3.3 value": lambda f, numbers: f(*numbers),
            "3.3 first": lambda f, numbers: gradient(f, numbers)[0],
            "3.3 output": lambda f, numbers: 1.0,
            "sign": lambda f, numbers: -gradient(f, numbers),
        },
    ),
    "3.4": Exercise(
        truth=with_slope(lambda z: slope(softplus, z)),
        at=((0.0,), (1.5,), (-2.0,)),
        via=forward_and_back,
        slips={
            "3.4 no parents": with_slope(lambda z: 0.0),
            "3.4 inner": with_slope(lambda z: 1 / (1 + math.exp(z))),
            "3.4 outer": with_slope(math.exp),
            "3.4 value": with_slope(softplus),
            "3.4 once more": with_slope(lambda z: slope(sigmoid, z)),
            "3.4 sigmoid": lambda z: np.array([sigmoid(z), slope(sigmoid, z)]),
        },
    ),
    "3.5": Exercise(
        truth=with_locals(
            lambda a, b: slope(lambda a: max(a, b), a),
            lambda a, b: slope(lambda b: max(a, b), b),
        ),
        at=((2.0, 5.0), (5.0, 2.0), (-1.0, -3.0)),
        via=forward_and_back,
        slips={
            "3.4 no parents": with_locals(lambda a, b: 0.0, lambda a, b: 0.0),
            "3.5 both": with_locals(lambda a, b: 1.0, lambda a, b: 1.0),
            "3.5 shared": with_locals(lambda a, b: 0.5, lambda a, b: 0.5),
            "3.5 only b": with_locals(lambda a, b: 0.0, lambda a, b: 1.0),
            "3.5 swapped": with_locals(
                lambda a, b: float(a < b), lambda a, b: float(a > b)
            ),
            "3.5 values": with_locals(
                lambda a, b: a * (a > b), lambda a, b: b * (b > a)
            ),
        },
    ),
    "3.6": Exercise(
        truth=slope(unit_loss, 0.5),
        slips={
            "sign": -slope(unit_loss, 0.5),
            "3.6 twice": 2 * slope(unit_loss, 0.5),
            "3.6 no sigmoid": (0.5 - 1) * 3,
            "3.6 bias": slope(unit_loss, 0.5, 3.0, -1.5, argument=2),
            "3.6 prediction alone": 0.5 - 1.0,
            "3.6 input": slope(unit_loss, 0.5, 3.0, argument=1),
            "3.6 prediction": slope(lambda w: sigmoid(w * 3 - 1.5), 0.5),
            "3.6 value": unit_loss(0.5),
        },
    ),
    "3.7": Exercise(
        truth=descend,
        at=((START, 0.5, 1), (START, 0.5, 4), (ELSEWHERE, 2.0, 3)),
        slips={
            "3.7 uphill": lambda w, lr, steps: descend(w, -lr, steps),
            "3.7 one step": lambda w, lr, steps: descend(w, lr, 1),
            "3.7 old gradients": descend_with_old_gradients,
            "3.7 same slope": lambda w, lr, steps: descend(w, lr * steps, 1),
            "3.7 no rate": lambda w, lr, steps: descend(w, 1.0, steps),
            "3.7 start": lambda w, lr, steps: np.array(w),
            "3.7 loss": lambda w, lr, steps: network_loss(descend(w, lr, steps)),
        },
    ),
    "3 a": Exercise(
        "b", choices="abc", slips={"3 a formulas": "a", "3 a gradient": "c"}
    ),
    "3 b": Exercise("c", choices="abc", slips={"3 b local": "a", "3 b shared": "b"}),
    "3 c": Exercise("a", choices="abc", slips={"3 c later": "b", "3 c cut": "c"}),
}

"""The exercises of lesson 4: forward against backward, paths, the order, backward once more."""

import itertools

import numpy as np

from course.judge import Exercise, numerical_gradient, slope
from course.scalar_engine import Value, topological_order

# 4.1: the squared error of a linear model with two weights and a bias; three slopes are wanted.
W1, W2, B = weights = Value(0.5), Value(-1.0), Value(0.25)
X1, X2, T = Value(1.0), Value(2.0), Value(3.0)
LOSS = (W1 * X1 + W2 * X2 + B + T) ** 2
NODES = topological_order(LOSS, [], set())
EDGES = sum(len(node.parents) for node in NODES)
OPERATIONS = sum(len(node.parents) > 0 for node in NODES)


def product_tangent(x, dx, y, dy):
    return slope(lambda h: (x + h * dx) * (y + h * dy), 0.0)


def shared(w_in_u, w_in_y=3.0, u_itself=1.0):
    """y = w * u + u with u = w * 2, where each use of w can be moved by itself."""
    u = w_in_u * 2.0
    return w_in_y * u + u_itself * u


def paths_of_layers(*sizes):
    """The number of paths from one unit of the first layer to all of the last."""
    return np.prod([1, *sizes[1:]])


def gradients_of_calls(calls, x=3.0):
    """The gradient of x in x * x + x after each call of the short engine's backward."""
    x = Value(x)
    y = x * x + x
    gradients = []
    for _ in range(calls):
        y.backward()
        gradients.append(x.grad)
    return gradients


def nodes_of_the_lesson():
    """4.5: the graph of the lesson by name, anew for each call, as a reader may change it."""
    x, one = Value(3.0), Value(1.0)
    u = x**2
    v = u + one
    return {"x": x, "1": one, "u": u, "v": v, "y": u * v}


def of_names(valid):
    """Make of a function of a list of nodes one of their names."""

    def judged(names):
        named = nodes_of_the_lesson()
        return valid([named[name] for name in names.split()])

    return judged


def valid(order, parents_of=lambda node: [parent for parent, _ in node.parents]):
    return all(
        parent in order[:place]
        for place, node in enumerate(order)
        for parent in parents_of(node)
    )


def neighbors_in_order(order):
    """Right but for a parent that stands farther behind than next to its child."""
    return not any(
        after is parent
        for node, after in itertools.pairwise(order)
        for parent, _ in node.parents
    )


def has_no_child(order):
    return not any(order[-1] is parent for node in order for parent, _ in node.parents)


def mean_squared_error(w, xs, ts):
    return np.mean((w * np.array(xs) - np.array(ts)) ** 2)


def batch_gradient(w, xs, ts):
    return numerical_gradient(lambda w: mean_squared_error(w, xs, ts), w)[()]


def growing_graph_gradient(w, xs, ts):
    """Backward through all samples so far, each time that one has been added to the sum."""
    parts = [(xs[: i + 1], ts[: i + 1]) for i in range(len(xs))]
    return sum(len(x) / len(xs) * batch_gradient(w, x, t) for x, t in parts)


EXERCISES = {
    "4.1": Exercise(
        truth=float(len(weights) * EDGES),
        slips={
            "4.1 one sweep": float(EDGES),
            "4.1 all inputs": float(6 * EDGES),
            "4.1 no square": float(len(weights) * (EDGES - 1)),
            "4.1 spelled out": float(len(weights) * (EDGES + 2)),
            "4.1 operations": float(len(weights) * OPERATIONS),
        },
    ),
    "4.2": Exercise(
        truth=product_tangent,
        at=((3.0, 1.0, 4.0, 2.0), (0.5, -2.0, 3.0, 0.0), (2.0, 0.3, -1.0, 0.7)),
        slips={
            "4.2 both slopes": lambda x, dx, y, dy: dx * dy,
            "one path": lambda x, dx, y, dy: dx * y,
            "4.2 other path": lambda x, dx, y, dy: x * dy,
            "4.2 sum rule": lambda x, dx, y, dy: dx + dy,
            "4.2 own factor": lambda x, dx, y, dy: x * dx + y * dy,
            "4.2 value": lambda x, dx, y, dy: x * y,
        },
    ),
    "4.3": Exercise(
        truth=slope(lambda w: shared(w, w), 3.0),
        slips={
            "one path": slope(shared, 3.0, 3.0, argument=1),
            "4.3 through u": slope(shared, 3.0),
            "4.3 u once": slope(lambda w: shared(w, w, 0.0), 3.0),
            "4.3 of u": slope(lambda u: 3.0 * u + u, 6.0),
            "4.3 value": shared(3.0),
        },
    ),
    "4.4": Exercise(
        truth=float(paths_of_layers(3, 4, 4, 1)),
        slips={
            "4.4 all inputs": float(3 * paths_of_layers(3, 4, 4, 1)),
            "4.4 sum": float(4 + 4),
            "4.4 with output": float(4 + 4 + 1),
            "4.4 edges": float(3 * 4 + 4 * 4 + 4 * 1),
            "4.4 one layer": float(paths_of_layers(3, 4, 1)),
            "4.4 edges inside": float(4 + 4 * 4),
            "4.4 edges of one": float(4 + 4 * 4 + 4 * 1),
            "4.4 once more": float(paths_of_layers(3, 4, 4, 4)),
        },
    ),
    "4.5": Exercise(
        truth=of_names(valid),
        at=(
            ("x u 1 v y",),
            ("1 x u v y",),
            ("x v 1 u y",),
            ("x 1 v u y",),
            ("y v 1 u x",),
            ("x u v 1 y",),
            ("x u 1 y v",),
            ("v x 1 u y",),
            ("u x 1 v y",),
        ),
        via=of_names,
        slips={
            "4.5 children first": of_names(lambda order: valid(order[::-1])),
            "4.5 first node": of_names(lambda order: not order[0].parents),
            "4.5 last node": of_names(has_no_child),
            "4.5 neighbors": of_names(neighbors_in_order),
            "4.5 one parent": of_names(
                lambda order: valid(
                    order, lambda node: [p for p, _ in node.parents[:1]]
                )
            ),
            "4.5 pairs": of_names(
                lambda order: not any(node.parents for node in order)
            ),
            "4.5 any parent": of_names(
                lambda order: all(
                    not node.parents or any(p in order[:i] for p, _ in node.parents)
                    for i, node in enumerate(order)
                )
            ),
            "4.5 turned around": of_names(lambda order: not valid(order)),
        },
    ),
    "4.6": Exercise(
        truth=gradients_of_calls(3)[2],
        slips={
            "4.6 same again": 2 * gradients_of_calls(2)[1] - gradients_of_calls(1)[0],
            "4.6 seven more": gradients_of_calls(2)[1] + gradients_of_calls(1)[0],
            "4.6 three times": 3 * gradients_of_calls(1)[0],
            "4.6 only added": gradients_of_calls(3)[2] - gradients_of_calls(2)[1],
            "4.6 doubled": 2 * gradients_of_calls(2)[1],
        },
    ),
    "4.7": Exercise(
        truth=batch_gradient,
        at=(
            (0.0, [1.0, 2.0], [2.0, 4.0]),
            (0.5, [1.0, 2.0, 3.0], [2.0, 3.0, 7.0]),
            (-1.0, [0.5, 1.5, -1.0, 2.0], [1.0, 1.0, 0.0, 3.0]),
        ),
        slips={
            "4.7 N times": lambda w, xs, ts: len(xs) * batch_gradient(w, xs, ts),
            "half": lambda w, xs, ts: batch_gradient(w, xs, ts) / 2,
            "4.7 last sample": lambda w, xs, ts: (
                batch_gradient(w, xs[-1:], ts[-1:]) / len(xs)
            ),
            "4.7 last sample whole": lambda w, xs, ts: batch_gradient(
                w, xs[-1:], ts[-1:]
            ),
            "4.7 first sample": lambda w, xs, ts: (
                batch_gradient(w, xs[:1], ts[:1]) / len(xs)
            ),
            "4.7 first sample whole": lambda w, xs, ts: batch_gradient(
                w, xs[:1], ts[:1]
            ),
            "4.7 growing graph": growing_graph_gradient,
            "4.7 value": mean_squared_error,
        },
    ),
    "4 a": Exercise("b", choices="abc", slips={"4 a always": "a", "4 a same": "c"}),
    "4 b": Exercise("a", choices="abc", slips={"4 b so far": "b", "4 b last": "c"}),
    "4 c": Exercise("c", choices="abc", slips={"4 c defect": "a", "4 c root": "b"}),
}

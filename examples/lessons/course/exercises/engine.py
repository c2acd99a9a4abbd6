"""The exercises of lesson 12: the walk by stamps, dtypes, rules, gradients of gradients, products."""

from collections import deque

import numpy as np

from course.judge import Exercise, Slip, slope

# 12.1: the stamps of the six nodes of the question, with the inputs of each.
INPUTS = {1: [], 2: [], 3: [1, 2], 4: [3], 5: [4, 4], 6: [3, 4]}
LEAVES = {1, 2}
REACHED = {6, 4, 3, 2, 1}

# 12.3: the bytes of an element.
BYTES = {
    name: float(np.dtype(name).itemsize) for name in ("float16", "float32", "float64")
}


def graph(name):
    """The output of a small graph of the library, or of a chain of 5,000 nodes."""
    import tinygrad_loss as tl

    x = tl.Tensor(0.5, requires_grad=True)
    if name == "chain":
        y = x
        for _ in range(5000):
            y = y * 1.0
        return y
    u = x**2
    v = u + 1
    if name == "diamond":
        return u * v
    w = x * tl.Tensor(3.0)
    unused = v * w
    assert unused.requires_grad
    return (w + v) * (v * u)


def inputs_of(node):
    return [x for x in node.origin[1] if hasattr(x, "stamp")] if node.origin else []


def visits(output, *, first_out=False):
    """All nodes that have an origin, in the order of a stack, or of a queue."""
    waiting, seen, found = deque([output]), {output}, []
    while waiting:
        node = waiting.popleft() if first_out else waiting.pop()
        if node.origin:
            found.append(node)
        for x in inputs_of(node):
            if x not in seen:
                seen.add(x)
                waiting.append(x)
    return found


def by_values(output):
    """The walk of one who looks for nodes in a list, where Tensors are compared by their values."""
    waiting, found = [output], []
    while waiting:
        node = waiting.pop()
        if node.origin and not any(node.item() == other.item() for other in found):
            found.append(node)
            waiting.extend(inputs_of(node))
    return by_age(found)


def first_inputs(output):
    """The walk of one who follows the first input of each node only."""
    found = [output]
    while inputs_of(found[-1]) and inputs_of(found[-1])[0].origin:
        found.append(inputs_of(found[-1])[0])
    return found


def by_age(nodes):
    return sorted(nodes, key=lambda node: -node.stamp)


def newest_first(output):
    return by_age(visits(output))


def with_leaves(output):
    nodes = newest_first(output)
    leaves = {x for node in nodes for x in inputs_of(node) if x.origin is None}
    return by_age([*nodes, *leaves])


def of_stamps(f):
    """Make of a function of an output one of a graph's name: how much older each node found is."""

    def judged(name):
        output = graph(name)
        found = f(output)
        if found is ... or found is None:
            return found
        if isinstance(found, (set, frozenset)):
            raise Slip("12.2 set")
        try:
            nodes = list(found)
        except TypeError:
            raise Slip("12.2 no list") from None
        if not all(hasattr(node, "stamp") for node in nodes):
            raise Slip("12.2 no nodes")
        if len({id(node) for node in nodes}) < len(nodes):
            raise Slip("12.2 twice")
        return np.array([output.stamp - node.stamp for node in nodes], dtype=float)

    return judged


def signed_square(x):
    return x * np.abs(x)


def rule_of_signed_square(g, x):
    return g * 2 * np.abs(x)


def of_arrays(rule):
    return lambda g, x: rule(g, signed_square(x), x)


def rule_of_exp2(g, x):
    return g * 2**x * np.log(2)


def second_of_product(x):
    """The second derivative of x 2**x: in it g, which is x here, is differentiated as well."""
    return 2 * 2**x * np.log(2) + x * 2**x * np.log(2) ** 2


def is_number(x):
    """A float, or the memory of one: `.data` of what NumPy computed."""
    return isinstance(x, (float, memoryview))


def of_op(rule):
    """Make of a rule of exp2 the derivative that the library gets by it, once it has a second."""

    def judged(g, x):
        import tinygrad_loss as tl

        plain = rule(np.array(g), np.exp2(np.array(x)), np.array(x))
        if not isinstance(plain, (np.ndarray, np.floating, tl.Tensor)):
            if is_number(plain) and np.allclose(plain, rule_of_exp2(g, x)):
                raise Slip("12.5 constant")
            return plain
        leaf = tl.Tensor(x, requires_grad=True)
        y = tl.Op(np.exp2, rule, name="exp2")(leaf)
        (first,) = tl.gradients(y, [leaf], grad=np.array(g), create_graph=True)
        if first.shape == np.shape(x) and np.allclose(first.data, rule_of_exp2(g, x)):
            ones = np.ones_like(x)
            (slope_of_product,) = tl.gradients(
                leaf * y, [leaf], grad=ones, create_graph=True
            )
            (second,) = tl.gradients(slope_of_product, [leaf], grad=ones)
            if not np.allclose(second.data, second_of_product(x)):
                raise Slip("12.5 constant")
        return first.data

    return judged


def cube(x):
    return x**3


def slope_of_cube(x):
    return slope(cube, x)


def with_penalty(x, x_of_slope=None):
    """x**3 and the square of its slope; the slope may be that at another, fixed place."""
    return cube(x) + slope_of_cube(x if x_of_slope is None else x_of_slope) ** 2


def products(layers, *, inputs_too=False):
    """Matrix products of a backward pass: for each layer that of W, and that of x where wanted."""
    return float(2 * layers - (0 if inputs_too else 1))


EXERCISES = {
    "12.1": Exercise(
        truth=sorted(map(float, REACHED - LEAVES), reverse=True),
        slips={
            "12.1 unused": sorted(map(float, INPUTS.keys() - LEAVES), reverse=True),
            "12.1 unused, leaf": sorted(map(float, INPUTS.keys() - {2}), reverse=True),
            "12.1 leaves": sorted(map(float, REACHED), reverse=True),
            "12.1 leaf": sorted(map(float, REACHED - {2}), reverse=True),
            "12.1 all": sorted(map(float, INPUTS), reverse=True),
            "12.1 oldest": sorted(map(float, REACHED - LEAVES)),
            "12.1 inputs": [6.0, *map(float, INPUTS[6])],
            "12.1 output": [4.0, 3.0],
            "12.1 from 0": [stamp - 1.0 for stamp in (6, 4, 3)],
            "12.1 twice": [6.0, 4.0, 3.0, 3.0],
        },
    ),
    "12.2": Exercise(
        truth=of_stamps(newest_first),
        at=(("diamond",), ("two paths",), ("chain",)),
        via=of_stamps,
        slips={
            "12.2 leaves": of_stamps(with_leaves),
            "12.2 oldest": of_stamps(lambda output: newest_first(output)[::-1]),
            "12.2 stack": of_stamps(visits),
            "12.2 queue": of_stamps(lambda output: visits(output, first_out=True)),
            "12.2 output": of_stamps(lambda output: newest_first(output)[1:]),
            "12.2 first inputs": of_stamps(first_inputs),
            "12.2 values": of_stamps(by_values),
        },
    ),
    "12.3": Exercise(
        truth=[BYTES["float16"], BYTES["float32"], BYTES["float64"]],
        slips={
            "12.3 output": [BYTES["float64"]] * 3,
            "12.3 product": [BYTES["float32"], BYTES["float32"], BYTES["float64"]],
            "12.3 short": [BYTES["float16"]] * 3,
            "12.3 middle": [BYTES["float16"], BYTES["float32"], BYTES["float32"]],
            "12.3 other factor": [BYTES["float32"], BYTES["float64"], BYTES["float64"]],
            "12.3 wide": [BYTES["float16"], BYTES["float64"], BYTES["float64"]],
            "12.3 swapped": [BYTES["float32"], BYTES["float16"], BYTES["float64"]],
            "12.3 backward": [BYTES["float64"], BYTES["float32"], BYTES["float16"]],
            "12.3 one dtype": [BYTES["float16"], BYTES["float16"], BYTES["float64"]],
            "12.3 narrow": [BYTES["float16"], BYTES["float32"], BYTES["float16"]],
            "12.3 bits": [8 * size for size in BYTES.values()],
            "12.3 arrays": [
                3 * BYTES["float16"],
                3 * BYTES["float32"],
                BYTES["float64"],
            ],
        },
    ),
    "12.4": Exercise(
        truth=rule_of_signed_square,
        at=(
            (np.ones(4), np.array([-3.0, 0.5, 2.0, 0.0])),
            (np.array([[0.5, -2.0]]), np.array([[-1.5, 4.0]])),
        ),
        via=of_arrays,
        slips={
            "without g": lambda g, x: 2 * np.abs(x),
            "half": lambda g, x: g * np.abs(x),
            "sign": lambda g, x: -g * 2 * np.abs(x),
            "12.4 square": lambda g, x: g * 2 * x,
            "12.4 value": lambda g, x: g * signed_square(x),
            "12.4 twice the value": lambda g, x: g * 2 * signed_square(x),
            "12.4 slope of abs": lambda g, x: g * np.sign(x),
            "12.4 forward": lambda g, x: signed_square(x),
            "12.4 no x": lambda g, x: g * (np.abs(x) + np.sign(x)),
            "12.4 added": lambda g, x: g + 2 * np.abs(x),
            "12.4 one factor": lambda g, x: g * x * np.sign(x) + g * x,
        },
    ),
    "12.5": Exercise(
        truth=rule_of_exp2,
        at=((3.0, 0.5), (-2.0, 3.0), (np.array([3.0, -2.0]), np.array([0.5, -1.0]))),
        via=of_op,
        slips={
            "without g": of_op(lambda g, y, x: y * np.log(2)),
            "sign": of_op(lambda g, y, x: -g * y * np.log(2)),
            "12.5 second": of_op(lambda g, y, x: g * y * np.log(2) ** 2),
            "12.5 as exp": of_op(lambda g, y, x: g * y),
            "12.5 power": of_op(lambda g, y, x: g * x * 2 ** (x - 1)),
            "12.5 divided": of_op(lambda g, y, x: g * y / np.log(2)),
            "12.5 square": of_op(lambda g, y, x: g * 2 * x),
            "12.5 log x": of_op(lambda g, y, x: g * y * np.log(x)),
            "12.5 base e": of_op(lambda g, y, x: g * np.exp(x) * np.log(2)),
            "12.5 log10": of_op(lambda g, y, x: g * y * np.log10(2)),
            "12.5 x for y": of_op(lambda g, y, x: g * x * np.log(2)),
        },
    ),
    "12.6": Exercise(
        truth=slope(with_penalty, 3.0),
        slips={
            "12.6 constant": slope(lambda x: with_penalty(x, 3.0), 3.0),
            "12.6 penalty": slope(lambda x: slope_of_cube(x) ** 2, 3.0),
            "12.6 outer": slope_of_cube(3.0) + 2 * slope_of_cube(3.0),
            "12.6 no square": slope_of_cube(3.0) + slope(slope_of_cube, 3.0),
            "12.6 no 2": slope_of_cube(3.0)
            + slope_of_cube(3.0) * slope(slope_of_cube, 3.0),
            "12.6 squared": slope_of_cube(3.0) + slope(slope_of_cube, 3.0) ** 2,
            "12.6 no d": slope_of_cube(3.0) + 2 * slope(slope_of_cube, 3.0),
            "12.6 value": with_penalty(3.0),
        },
    ),
    "12.7": Exercise(
        truth=products(4),
        slips={
            "12.7 inputs": products(4, inputs_too=True),
            "12.7 forward": 4.0 + products(4),
            "12.7 weights": 4.0,
            "12.7 hidden": 4.0 - 1.0,
            "12.7 doubled": 2 * products(2),
            "12.7 two layers": products(2) + 2.0,
        },
    ),
    "12 a": Exercise("b", choices="abc", slips={"12 a rules": "a", "12 a tensor": "c"}),
    "12 b": Exercise("c", choices="abc", slips={"12 b twice": "a", "12 b values": "b"}),
    "12 c": Exercise("a", choices="abc", slips={"12 c new": "b", "12 c both": "c"}),
}

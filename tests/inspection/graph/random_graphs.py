"""Random graphs over the ops of the table, made again with other numbers in the leaves."""

import numpy as np

import tinygrad_loss as tl
from tests.op_cases import ELEMENTWISE
from tests.op_inputs import positive, real, small
from tinygrad_loss import Tensor

SHAPES = [(), (3,), (4,), (2, 3), (3, 4), (1, 3), (3, 1), (2, 3, 4), (2, 1, 4)]
GROWS = {"exp", "expm1", "sinh", "cosh", "square", "power-constant", "power-base", "tan"}
DOMAINS = {
    positive: lambda x: x * x + 0.5,
    small: lambda x: x.tanh() * 0.5,
    real: lambda x: x,
}


def unary(name):
    f, _, domain = ELEMENTWISE[name]
    return lambda rng, x: f(x.tanh() if name in GROWS else DOMAINS[domain](x))


def axis_of(rng, x):
    """An axis, or some, or all."""
    choices = [None, *range(-x.ndim, x.ndim), tuple(range(x.ndim))]
    return choices[rng.integers(len(choices))]


def reduction(f):
    return lambda rng, x: f(x, axis=axis_of(rng, x), keepdims=bool(rng.integers(2)))


def deviation(x, **options):
    return (x.var(**options) + 0.1) ** 0.5  # of equal numbers it would have no slope


def picked(rng, x):
    """Some elements, a few of them more than once."""
    if not x.ndim:
        return x[None]
    index = rng.integers(0, x.shape[0], 3)
    indices = [index, slice(None, None, -1), (Ellipsis, 0), (Ellipsis, slice(0, 2)), None, -1]
    return x[indices[rng.integers(len(indices))]]


def moved(rng, x):
    order = tuple(int(i) for i in rng.permutation(x.ndim))
    made = [
        lambda: x.reshape(-1),
        lambda: x.transpose(order),
        lambda: x.reshape(*x.shape, 1),
        lambda: tl.broadcast_to(x, (2, *x.shape)),
    ]
    return made[rng.integers(len(made))]()


def along(f):
    return lambda rng, x: f(x, axis=int(rng.integers(x.ndim))) if x.ndim else x * 0.5


def product(rng, x):
    """With a constant matrix, or of a stack of matrices with itself."""
    if x.ndim < 2 or rng.integers(2):
        rows = x.shape[-1] if x.ndim else 1
        return (x if x.ndim else x.reshape(1)) @ rng.normal(size=(rows, 2))
    return x @ tl.swapaxes(x, -1, -2)


UNARY = [
    *map(unary, ELEMENTWISE),
    *map(reduction, (tl.sum, tl.mean, tl.max, tl.min, tl.logsumexp, deviation)),
    *map(along, (tl.softmax, tl.log_softmax, tl.cumsum)),
    *[picked, moved, product] * 3,
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (y * y + 1),
    lambda x, y: (x * x + 0.5) ** y.tanh(),
    lambda x, y: tl.logaddexp(x, y),
    lambda x, y: tl.concatenate([x.reshape(-1), y.reshape(-1)]),
    tl.maximum,
    tl.minimum,
]


def as_loss(rng, x):
    """A number, by one of the losses."""
    flat = x.reshape(-1)
    kind = rng.integers(4)
    if kind == 0:
        return tl.mean_squared_error(flat, rng.normal(size=flat.shape))
    if kind == 1 and flat.size > 1:
        return tl.cross_entropy(flat.reshape(1, -1), rng.integers(0, flat.shape[0], 1))
    if kind == 2:
        targets = rng.integers(0, 2, flat.shape).astype(float)
        return tl.binary_cross_entropy(flat.sigmoid() * 0.98 + 0.01, targets)
    W, b = rng.normal(size=(flat.shape[0], 2)), rng.normal(size=2)
    return tl.linear(flat.reshape(1, -1), W, b).tanh().sum()


def random_loss(seed, numbers=None, most_ops=10):
    """The loss and its leaves, which hold the given numbers; all else is the same each time."""
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(size=SHAPES[i]) for i in rng.integers(len(SHAPES), size=3)]
    leaves = [
        Tensor((numbers or {}).get(f"p{i}", x), requires_grad=True, name=f"p{i}")
        for i, x in enumerate(drawn)
    ]
    values = list(leaves)
    for _ in range(rng.integers(2, most_ops)):
        x, y = (values[i] for i in rng.integers(len(values), size=2))
        if rng.integers(2):
            made = UNARY[rng.integers(len(UNARY))](rng, x)
        else:
            f = BINARY[rng.integers(len(BINARY))]
            made = f(x, y) if broadcast(x, y) else x * y.mean()
        if 0 < made.size <= 100:
            values.append(made)
    return as_loss(rng, values[-1]) + sum(x.mean() for x in values[-3:]), leaves


def broadcast(x, y):
    try:
        return np.broadcast_shapes(x.shape, y.shape) is not None
    except ValueError:
        return False

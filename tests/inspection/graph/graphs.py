"""Graphs for the tests of pictures: the published expression, and random ones."""

import numpy as np
from hypothesis import strategies as st

from tinygrad_loss import Tensor, concatenate, maximum, where

SHAPES = [(), (3,), (2, 3), (1, 3), (2, 1)]

UNARY = [
    lambda x: x.tanh(),
    lambda x: x.sigmoid() * 2,
    lambda x: (x.tanh() + 1.5).log(),
    lambda x: x.relu(),
    lambda x: x * x,
    lambda x: -x,
    lambda x: x.softmax(axis=-1) if x.ndim else x.exp().log(),
    lambda x: x.sum(axis=-1, keepdims=True) if x.ndim else x + 1,
    lambda x: x.mean(axis=0) if x.ndim else x / 3,
    lambda x: x[..., :1] if x.ndim else abs(x),
    lambda x: x.reshape(-1) if x.ndim else x**2,
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (y * y + 1),
    maximum,
    lambda x, y: where(x.data > 0, x, y),
    lambda x, y: concatenate([x.reshape(-1), y.reshape(-1)]),
]


def micrograd():
    """The expression of micrograd's README: 24.7041, with gradients 138.8338 and 645.5773."""
    a = Tensor(-4.0, requires_grad=True, name="a")
    b = Tensor(2.0, requires_grad=True, name="b")
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    return a, b, g + 10.0 / f


@st.composite
def losses(draw, most_ops=12):
    """A scalar computed from a few leaves by random ops, with forks; and the leaves."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    leaves = [Tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]
    values = [*leaves, rng.normal(size=(2, 3))]
    for _ in range(draw(st.integers(1, most_ops))):
        x = draw(st.sampled_from([v for v in values if isinstance(v, Tensor)]))
        y = draw(st.sampled_from(values))
        if draw(st.booleans()):
            values.append(draw(st.sampled_from(UNARY))(x))
        elif broadcasts(x, y):
            values.append(draw(st.sampled_from(BINARY))(x, y))
    last = [v for v in values if isinstance(v, Tensor)][-3:]
    return sum(v.mean() for v in last), leaves


def broadcasts(x, y):
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return True
